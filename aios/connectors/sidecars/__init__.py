"""Wrappers of a connector that are connectors themselves; how they are stacked is read off `registry.stack`."""
