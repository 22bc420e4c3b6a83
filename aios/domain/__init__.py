"""Frozen types and their vocabulary. No I/O, no imports from the floors above."""
