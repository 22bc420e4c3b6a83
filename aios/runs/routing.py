"""What thinks for an agent: its engine in the box, or a model of a tier that may do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aios.agents.loop import think
from aios.domain.agent import AgentCall, AgentReply, Contract, Engine, Tier, Tools
from aios.domain.tree import Tree
from aios.errors import AiosError
from aios.runs.context import Context

# (call, reply, the tree as it was) → what of the contract the reply breaks, in words.
Wrong = Callable[[AgentCall, AgentReply, Tree], Sequence[str]]


def engine_of(context: Context, contract: Contract, tree: Tree, wrong: Wrong) -> Engine:
    """What thinks for the agent: its engine in the box in the offline tier, else a model (one's own agents have none).

    Raises AiosError where it needs a model and none is configured.
    """
    offline = context.engines.get(contract.name)
    if offline is not None and contract.tier is Tier.OFFLINE:
        return offline
    models = context.models(tree)
    if not models:
        raise AiosError(
            f"the agent {contract.name} needs a model, and none is configured",
            "name one under `tiers` in state/company.yaml; agents in the box also work with `tier: offline`",
        )

    def engine(call: AgentCall, tools: Tools) -> AgentReply:
        return think(call, tools, models, lambda reply: wrong(call, reply, tree))

    return engine
