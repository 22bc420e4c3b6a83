"""One module a section: what is on its pages."""
