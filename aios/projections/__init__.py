"""Projections: what is derived from the log and can always be rebuilt."""

from aios.projections.projection import Projection, Refreshed
from aios.projections.query import Rows
from aios.projections.tables import TABLES

__all__ = ["TABLES", "Projection", "Refreshed", "Rows"]
