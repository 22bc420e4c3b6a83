"""Engines of agents in the box that work with a model: the offline engine's rules, and a model's words where it may.

Each is made from the models to try, in their order, and the contract as a judge; what a model cannot do right it leaves
to the caller, which has the offline engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aios.agents.loop import Judge
from aios.domain.agent import Engine, Tier
from aios.domain.model import Model

# Role → (models by tier, the contract as a judge) → engine.
ASSISTED: Mapping[str, Callable[[Mapping[Tier, Model], Judge], Engine]] = {}
