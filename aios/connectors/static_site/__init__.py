"""A web site in a directory: `cms.publish`, `cms.update`, `cms.unpublish`, `cms.restore`."""
