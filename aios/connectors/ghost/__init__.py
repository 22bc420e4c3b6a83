"""A Ghost site by its Admin API."""
