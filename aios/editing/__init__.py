"""Editing state in the browser, with a Git-based editor that exists: its settings are made from the schemas."""
