"""Projections: what is derived from the log and can always be rebuilt."""

from aios.projections.projection import TABLES, Projection, Rows

__all__ = ["TABLES", "Projection", "Rows"]
