"""Web-server access logs as analytics: `analytics.read`."""
