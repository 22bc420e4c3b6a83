"""A WordPress site by its REST API: posts, pictures, tags; no plugin needed."""
