"""Where the work of an order begins."""

from __future__ import annotations

from aios.domain.handoff import Order
from aios.store.git import Git


def begins_at(git: Git, order: Order) -> str:
    """The commit that the order's work is built on: the branch's, or main's where the branch holds nothing more."""
    return order.tip if order.tip and not git.is_ancestor(order.tip, order.main) else order.main
