"""Spans and recordings of what agents do: collected while they work, told as a tree, a page or OpenTelemetry."""
