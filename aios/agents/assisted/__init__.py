"""Engines of agents in the box that work with a model: the offline engine's rules, and a model's words where it may.

Each is made from the models to try, in their order, and the contract as a judge. It lets the errors of models through,
and raises NoAnswerError for what none got right: `aios.runs.routing` tries the next tier, then the offline engine, and
counts what was spent. It hands one model at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aios.agents.loop import Judge
from aios.domain.agent import Engine, Tier
from aios.domain.model import Model


def _writer(models: Mapping[Tier, Model], judge: Judge) -> Engine:
    from aios.agents.assisted.writer import writer  # only where a model is configured

    return writer(models, judge)


def _archivist(models: Mapping[Tier, Model], judge: Judge) -> Engine:
    from aios.agents.assisted.archivist import archivist

    return archivist(models, judge)


# Role → (models by tier, the contract as a judge) → engine.
ASSISTED: Mapping[str, Callable[[Mapping[Tier, Model], Judge], Engine]] = {
    "archivist": _archivist,
    "writer": _writer,
}
