"""The operator's own files, folders and pages as sources: `sources.read`."""
