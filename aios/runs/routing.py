"""What thinks for an agent: its engine in the box, or models of the tiers that may do it, one after the other.

An agent in the box asks a model only where that makes it better (`aios.agents.assisted`) and the company has one for
it; whatever goes wrong with the model, the engine in the box does the step, and a finding says so. One's own agents
have no such engine: what no model gets right is asked of the operator.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aios.agents.conversation import instructions, task
from aios.agents.loop import Judge, NoAnswerError, think
from aios.agents.meter import Metered, Spent
from aios.agents.working import tokens_of
from aios.domain.agent import AgentCall, AgentReply, Contract, Engine, Question, Reason, Tier, Tools
from aios.domain.finding import Finding, Severity
from aios.domain.model import Listen, Model
from aios.domain.run import GO_ON, OFFLINE, STOP
from aios.domain.tree import Tree
from aios.errors import AiosError, OverBudgetError
from aios.runs.choice import Offer, Route, choose
from aios.runs.context import Context
from aios.runs.worker import tell
from aios.store.catalog import Catalog

AGAIN = "try again"
_TELL = 0.2  # seconds between two signs of life
_ENGINE = 15.0  # seconds of a step's time that the engine in the box gets

# (call, reply, the tree as it was) → what of the contract the reply breaks, in words.
Wrong = Callable[[AgentCall, AgentReply, Tree], Sequence[str]]


def engine_of(context: Context, contract: Contract, tree: Tree, wrong: Wrong) -> Engine:
    """What thinks for the agent. Raises AiosError where it needs a model and none is configured."""
    offline = context.engines.get(contract.name) if contract.tier is Tier.OFFLINE else None
    if offline is not None and not uses_model(context, contract.name, tree):
        return offline
    models = context.models(tree)
    if not models:
        if offline is not None:
            return offline
        raise AiosError(
            f"the agent {contract.name} needs a model, and none is configured",
            "name one under `tiers` in state/company.yaml; agents in the box also work with `tier: offline`",
        )

    def engine(call: AgentCall, tools: Tools) -> AgentReply:
        if offline is not None and OFFLINE in call.guidance:
            return offline(_without_answers(call), tools)
        return _Attempt(context, call, tools, tree, models, offline, wrong).reply()

    return engine


def uses_model(context: Context, agent: str, tree: Tree) -> bool:
    """Does this company want a model for an agent in the box? Tiers must be configured, and `tiers.agents` not leave
    it out."""
    company = Catalog(tree).get("company", "company") if agent in context.assisted else None
    tiers = company.data.get("tiers") if company else None
    if not isinstance(tiers, Mapping) or not any(tier in tiers for tier in (Tier.SMALL, Tier.LARGE)):
        return False
    chosen = tiers.get("agents")
    return chosen is None or agent in chosen


@dataclass(slots=True)
class _Attempt:
    """One call of an agent that a model may do. `offline` is its engine in the box, None where there is none."""

    context: Context
    call: AgentCall
    tools: Tools
    tree: Tree
    models: Mapping[Tier, Model]
    offline: Engine | None
    wrong: Wrong

    def reply(self) -> AgentReply:
        route = self._route()
        spent, failures = Spent(), []
        unsure: list[tuple[Tier, AgentReply]] = []
        until = time.monotonic() + self._seconds()
        for number, tier in enumerate(route.tiers):
            try:
                reply = self._ask(tier, route, spent, until)
            except OverBudgetError as error:
                return self._finished(self._over_budget(error, spent), route, spent)
            except AiosError as error:
                spent.tiers[tier.value] = "wrong" if isinstance(error, NoAnswerError) else "failed"
                failures.append((tier, error))
                continue
            spent.tiers[tier.value] = "right" if reply.question is None else "asked"
            unsure.append((tier, reply))
            if not self._higher(reply, route.tiers[number + 1 :]):
                break
        if unsure:
            return self._best(unsure, route, failures, spent)
        if self.offline is not None:
            return self._instead(self.offline, route, failures, spent)
        return self._finished(self._unanswered(route, failures, spent), route, spent)

    def _higher(self, reply: AgentReply, others: Sequence[Tier]) -> bool:
        """Does the contract want a higher tier to try what this one is not sure of?"""
        contract = self.call.contract
        unsure = reply.question is None and reply.confidence < contract.escalate_below
        return unsure and any(tier.value in contract.escalate_to for tier in others[:1])

    def _best(
        self,
        replies: Sequence[tuple[Tier, AgentReply]],
        route: Route,
        failures: Sequence[tuple[Tier, AiosError]],
        spent: Spent,
    ) -> AgentReply:
        """The reply that is surest of itself; of equals the one of the higher tier."""
        if not spent.calls and self.offline is not None:
            spent.tiers.clear()
            reason = Reason("offline tier", "nothing of it was for a model to do")
            reply = replace(replies[0][1], reasons=(reason, *replies[0][1].reasons))
            return self._finished(reply, route, spent, Tier.OFFLINE)
        said = [f"{tier.value} tier is {reply.confidence:.0%} confident" for tier, reply in replies]
        tier, reply = max(reversed(replies), key=lambda each: each[1].confidence)
        why = "; ".join([*(said if len(replies) > 1 else ()), _why(route, failures)])
        reason = Reason(f"{tier.value} tier ({self.models[tier].name})", why)
        return self._finished(replace(reply, reasons=(reason, *reply.reasons)), route, spent, tier)

    def _route(self) -> Route:
        size = tokens_of(instructions(self.call)) + tokens_of(task(self.call, ())) + self.call.contract.context_tokens
        known = self.context.prospects(self.tree, self._name(), size)
        offers = {tier: Offer.of(model.name, known.get(tier.value) or {}) for tier, model in self.models.items()}
        left = None if GO_ON in self.call.guidance else known.get("left")
        return choose(self.call.contract.tier, size, offers, left)

    def _ask(self, tier: Tier, route: Route, spent: Spent, until: float) -> AgentReply:
        call, contract = self.call, self.call.contract
        terms = replace(call.terms, agent=contract.name, grants=call.guidance.count(GO_ON))
        hear = _telling(tier, self.models[tier].name)
        tell({"detail": route.why})
        model = Metered(self.models[tier], spent, terms, contract.budget_usd, lambda: until - time.monotonic(), hear)

        def judge(reply: AgentReply) -> Sequence[str]:
            return self.wrong(call, reply, self.tree)

        if self.offline is None:
            return think(call, self.tools, {tier: model}, judge)
        reply = self.context.assisted[contract.name]({tier: model}, judge)(_without_answers(call), self.tools)
        if reply.question is None:
            _require(reply, judge)
        return reply

    def _instead(
        self, offline: Engine, route: Route, failures: Sequence[tuple[Tier, AiosError]], spent: Spent
    ) -> AgentReply:
        """The engine in the box does it, and says plainly that a model did not."""
        why = _failed(failures) or route.why
        finding = Finding(
            f"state/agents/{self.call.contract.name}.yaml",
            0,
            0,
            "drafted-offline",
            f"drafted offline: {why}",
            next((error.hint for _, error in failures if error.hint), ""),
            Severity.WARNING,
        )
        reply = self.offline_reply(offline)
        reasons = (Reason("offline tier", why), *reply.reasons)
        told = replace(reply, reasons=reasons, findings=(*reply.findings, finding))
        return self._finished(told, route, spent, Tier.OFFLINE)

    def offline_reply(self, offline: Engine) -> AgentReply:
        return offline(_without_answers(self.call), self.tools)

    def _over_budget(self, error: OverBudgetError, spent: Spent) -> AgentReply:
        options = (GO_ON, *([OFFLINE] if self.offline is not None else []), STOP)
        evidence = (*([error.hint] if error.hint else []), *_asked(spent))
        return AgentReply({}, question=Question(f"{error.message}. Shall it go on?", options, evidence))

    def _unanswered(self, route: Route, failures: Sequence[tuple[Tier, AiosError]], spent: Spent) -> AgentReply:
        """The question where every model answered and none rightly. Raises what the last service raised."""
        name = self.call.contract.name
        if not failures:
            raise AiosError(f"no configured model may do what {name} is asked: {route.why}", "see `tiers`")
        for _, error in reversed(failures):
            if not isinstance(error, NoAnswerError):
                error.usage = self._usage(spent)
                raise error
        text = f"{name} found no answer that its contract accepts: {failures[-1][1].message}"
        return AgentReply({}, question=Question(text, (AGAIN, STOP), _asked(spent)))

    def _finished(self, reply: AgentReply, route: Route, spent: Spent, tier: Tier | None = None) -> AgentReply:
        told = {"tiers": [each.value for each in route.tiers], "why": route.why, "did": dict(spent.tiers)}
        route_told = told | ({"tier": tier.value} if tier else {})
        return replace(reply, usage=self._usage(spent), manifest={**reply.manifest, "route": route_told})

    def _usage(self, spent: Spent) -> dict[str, Any]:
        return {**spent.as_dict(), "agent": self._name()}

    def _name(self) -> str:
        return f"{self.call.contract.name}@{self.call.contract.version}"

    def _seconds(self) -> float:
        """How long models may take together, so that the attempt can end by itself."""
        whole = self.call.terms.seconds or 300.0
        return max(whole * 0.6, whole - _ENGINE)


def _require(reply: AgentReply, judge: Judge) -> None:
    """Raises NoAnswerError for a reply that breaks the contract."""
    try:
        problems = judge(reply)
    except AiosError as error:
        raise NoAnswerError(error.message, error.hint) from error
    if problems:
        raise NoAnswerError("; ".join(problems))


def _why(route: Route, failures: Sequence[tuple[Tier, AiosError]]) -> str:
    """Why this tier in the end: the plan, and what became of the tiers before."""
    return "; ".join(each for each in (_failed(failures), route.why) if each)


def _failed(failures: Sequence[tuple[Tier, AiosError]]) -> str:
    return "; ".join(f"{tier.value} tier: {error.message}" for tier, error in failures)


def _asked(spent: Spent) -> tuple[str, ...]:
    return (f"{spent.calls} calls to {', '.join(spent.models)}",) if spent.models else ()


def _without_answers(call: AgentCall) -> AgentCall:
    """The call without what the operator answered about money: that guides no writing."""
    return replace(call, guidance=tuple(each for each in call.guidance if each not in {GO_ON, OFFLINE, AGAIN}))


def _telling(tier: Tier, model: str) -> Listen:
    """Tells the operator's terminal, a few times a second, that the model answers."""
    last = 0.0

    def hear(size: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _TELL:
            last = now
            tell({"detail": f"{tier.value} tier, {model}: {size:,} characters"})

    return hear
