"""Executing one attempt at an agent or collect step, inside a worker: inputs in, a JSON answer out.

Nothing here writes. What the attempt wants written comes back as files, judged by the contract first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from aios.agents.orders import orders_in
from aios.agents.perform import ContractError, judge_files, judge_output, judge_tree, perform
from aios.agents.tools import ContractTools
from aios.domain.agent import AgentCall, AgentReply, Tier
from aios.domain.effect import Connector
from aios.domain.finding import Finding, errors
from aios.domain.keys import digest
from aios.domain.memory import Hit
from aios.domain.model import Terms
from aios.domain.names import COMPANY, cursor_path
from aios.domain.record import Record, Trust
from aios.domain.run import GO_ON, RunState, Start
from aios.domain.slug import slug
from aios.domain.span import SpanKind
from aios.domain.tree import Tree
from aios.domain.workflow import Budget, Step, StepKind
from aios.errors import AiosError
from aios.expressions import evaluate_bool, render_text
from aios.runs.attempts import guidance_of
from aios.runs.context import Context
from aios.runs.cursors import file_of, reads_of
from aios.runs.definitions import Definitions
from aios.runs.found import found_before
from aios.runs.remembering import Recall, memory_checked
from aios.runs.routing import AGAIN, engine_of
from aios.runs.tainting import agent_findings
from aios.store.catalog import Catalog
from aios.store.documents import dump, parse
from aios.store.judge import judge as judge_file
from aios.store.schemas import Schemas
from aios.store.trees import OverlayTree
from aios.trace.recording import TracedTools


def work_of(
    context: Context, definitions: Definitions, state: RunState, start: Start, tree: Tree
) -> Callable[[], dict[str, Any]]:
    """The work of an attempt, for a worker. Raises AiosError where the step's connector is gone."""
    step = definitions.workflow.steps[start.step]
    if step.kind is StepKind.AGENT:
        call = AgentCall(
            contract=definitions.contracts[step.uses],
            input=start.inputs,
            run=state.id,
            step=step.name,
            now=state.started_at,
            item=start.item,
            guidance=guidance_of(state, step.name),
            terms=terms_of(definitions.workflow.budget, state, step),
            found=found_before(definitions.workflow, state, step.name),
        )
        context.ready(step.uses, _language(tree))
        return lambda: agent_attempt(context, call, tree)
    connector = definitions.connector_for(step.uses)
    if connector is None:
        raise AiosError(f"no connector offers {step.uses}", "see state/connectors/")
    return lambda: collect_attempt(connector, step.uses, start.inputs, now=state.started_at, tree=tree)


def _language(tree: Tree) -> str:
    """The company's language, read without the schemas: what it is good for here can do without it being right."""
    document, _ = parse(COMPANY, tree.read(COMPANY) or b"")
    return str(document.data.get("language") or "en") if document else "en"


def terms_of(budget: Budget, state: RunState, step: Step) -> Terms:
    """What models may cost here: what the operator let go on was granted once more."""
    guidance = guidance_of(state, step.name)
    grants, fresh = 1 + guidance.count(GO_ON), guidance[-1:] == (AGAIN,)
    usd, tokens = budget.usd * grants, budget.tokens * grants
    return Terms(state.id, step.name, "", usd, tokens, seconds=step.timeout, fresh=fresh)


def agent_attempt(context: Context, call: AgentCall, tree: Tree) -> dict[str, Any]:
    """Ask the agent; the answer holds output, files, title, reasons, findings, confidence, manifest or a question.

    `checks` tells what was looked at in the tree that it would leave, with the result, where there was something.
    """
    contract = call.contract
    name = f"{contract.name}@{contract.version}"
    with context.recorder.span(SpanKind.AGENT, name, **{"gen_ai.operation.name": "invoke_agent"}) as told:
        told |= {"gen_ai.agent.name": contract.name, "gen_ai.agent.version": str(contract.version)}
        answer = _agent_attempt(context, call, tree)
        if "question" not in answer:  # who asks is not confident, and no tier's answer was taken
            told |= {"aios.tier": answer["tier"], "aios.confidence": answer["confidence"]}
        return answer


def _agent_attempt(context: Context, call: AgentCall, tree: Tree) -> dict[str, Any]:
    contract = call.contract

    def tainted(reply: AgentReply) -> list[Finding]:
        return agent_findings(reply.files, tree, _seen(tools), by_model=by_model)

    def wrong(call: AgentCall, reply: AgentReply, tree: Tree) -> list[str]:
        remembered = memory_checked(contract, reply.files, tree, _after(tree, reply), _recall_of(context, call))
        found = (*remembered.findings, *tainted(reply))
        return [*_wrong(call, reply, tree), *map(str, found[:8])]

    engine = engine_of(context, contract, tree, wrong)
    by_model = contract.tier is not Tier.OFFLINE or contract.name not in context.engines
    catalog = Catalog(tree)

    def recall(query: str, limit: int, kinds: Sequence[str]) -> Sequence[Hit]:
        return context.recall(tree, query, limit, kinds, call.now, contract.reads)

    def records(kind: str) -> Sequence[Record]:
        return catalog.records(kind)

    tools = ContractTools(tree, contract, recall=recall, records=records, derived=context.derived)
    reply = perform(call, engine, TracedTools(tools, context.recorder))
    answer: dict[str, Any] = {
        "reasons": [asdict(reason) for reason in reply.reasons],
        "findings": [finding.as_dict() for finding in reply.findings],
        "confidence": reply.confidence,
        "manifest": {**tools.manifest(), **({"model": dict(reply.manifest)} if reply.manifest else {})},
        "usage": dict(reply.usage),
        "tier": reply.manifest.get("route", {}).get("tier", "offline"),
    }
    if reply.question is not None:
        return answer | {"question": asdict(reply.question)}
    judge_files(contract, call.input, reply.files, lambda text, given: render_text(text, {"input": given}))
    after = _after(tree, reply)
    checked = memory_checked(contract, reply.files, tree, after, _recall_of(context, call))
    broken = [
        *errors(judge_tree(contract, reply, after, holds=evaluate_bool, data=_data)),
        *checked.findings,
        *tainted(reply),
    ]
    if broken:
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        raise ContractError(f"{contract.name} left a tree that breaks its contract: {broken[0]}{more}")
    if checked.told:
        answer["checks"] = list(checked.told)
    return answer | {"output": dict(reply.output), "files": dict(reply.files), "title": reply.title}


def _recall_of(context: Context, call: AgentCall) -> Recall:
    """Recall over any tree and all of it: what is asked here is our own check, not the agent's question."""
    return lambda tree, query, limit: context.recall(tree, query, limit, (), call.now, ())


def _wrong(call: AgentCall, reply: AgentReply, tree: Tree) -> list[str]:
    """What of the contract a reply breaks, in words that a model can mend it by. Raises ContractError for the worst."""
    judge_output(call.contract, reply.output)
    judge_files(call.contract, call.input, reply.files, lambda text, given: render_text(text, {"input": given}))
    after = _after(tree, reply)
    broken = errors(judge_tree(call.contract, reply, after, holds=evaluate_bool, data=_data))
    schemas, _ = Schemas.from_tree(tree)
    for path, text in reply.files.items():
        if text is not None and schemas.kind_of(path):
            broken += errors(judge_file(path, text.encode(), schemas).findings)
    return [str(finding) for finding in broken[:8]]


def collect_attempt(
    connector: Connector, capability: str, params: Mapping[str, Any], *, now: str, tree: Tree
) -> dict[str, Any]:
    """Read through a connector; documents become source records, marked as text from outside."""
    offered = connector.capabilities().get(capability)
    place = cursor_path(connector.name)
    kept = reads_of(tree, place)
    if offered is not None and offered.cursor and capability in kept and "cursor" not in params:
        params = {**params, "cursor": kept[capability]}
    collected = connector.read(capability, params)
    files: dict[str, str] = {}
    if collected.cursor is not None and collected.cursor != kept.get(capability):
        files[place] = file_of(connector.name, {**kept, capability: dict(collected.cursor)})
    ids: list[str] = []
    odd: list[Finding] = []
    for document in collected.documents:
        source_id = f"{slug(document.title, limit=48)}-{document.sha256.removeprefix('sha256:')[:8]}"
        path = f"state/sources/{source_id}.md"
        if source_id in ids:
            continue
        ids.append(source_id)
        odd += orders_in(document.text, path)
        if tree.blob(path) is None:  # the same text was collected before: it stays as it was noted then
            files[path] = dump(
                {
                    "schema": "source.v1",
                    "title": document.title,
                    "origin": document.origin,
                    "sha256": document.sha256,
                    "text_sha256": digest(document.text.encode()),
                    "media_type": document.media_type,
                    "collected": now,
                    "trust": Trust.EXTERNAL.value,
                },
                document.text,
            )
    output = collected.data if isinstance(collected.data, dict) else {"data": collected.data}
    if ids:
        output = output | {"sources": ids}
    return {
        "output": output,
        "files": files,
        "title": f"{len(ids)} source{'s' if len(ids) != 1 else ''} collected" if ids else f"{capability} read",
        "reasons": [],
        "findings": [finding.as_dict() for finding in (*collected.findings, *odd)],
        "confidence": 1.0,
        "manifest": {"connector": connector.name, "capability": capability, "params": dict(params)},
    }


def _seen(tools: ContractTools) -> list[str]:
    """The files that went through an agent's doors, whole or in part."""
    manifest = tools.manifest()
    return [*manifest["read"], *(place.rpartition(":")[0] for place in manifest["recalled"])]


def _after(tree: Tree, reply: AgentReply) -> OverlayTree:
    """The tree that the reply would leave."""
    return OverlayTree(tree, {path: _bytes(text) for path, text in reply.files.items()})


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _data(path: str, content: bytes) -> Mapping[str, Any] | None:
    document, _ = parse(path, content)
    return document.data if document else None
