"""Did a step's commit stay within what the step may leave? The same judges as when the step ran, on the commit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aios.agents.perform import ContractError, judge_files, judge_output, judge_tree
from aios.agents.trusting import forged_trust
from aios.domain.agent import AgentReply, Contract, Tier
from aios.domain.event import EventNote
from aios.domain.finding import Finding, errors
from aios.domain.names import cursor_path
from aios.domain.record import Trust, ref_of
from aios.domain.run import RunState, Start
from aios.domain.tree import Tree
from aios.domain.workflow import StepKind
from aios.errors import AiosError
from aios.expressions import evaluate_bool, render_text
from aios.runs.definitions import Definitions
from aios.runs.remembering import memory_checked
from aios.runs.tainting import agent_findings
from aios.runs.verifying.told import wrong
from aios.runs.view import Place, step_view
from aios.store.documents import parse
from aios.store.git import Git
from aios.store.trees import CommitTree, OverlayTree

SOURCES = "state/sources/"
_FROM_ELSEWHERE = frozenset({"recall-held"})  # needs an index of memory; it was held when the step ran


@dataclass(frozen=True, slots=True)
class Left:
    """What one commit of a step left: path → text, None where the file is gone. `there` are those of them that were
    there before, `edited` those on which the operator's own edits lie."""

    place: str
    parent: str
    note: EventNote
    files: Mapping[str, str | None]
    there: frozenset[str] = frozenset()
    edited: frozenset[str] = frozenset()
    engines: Collection[str] = ()


def judge_left(git: Git, definitions: Definitions, state: RunState, start: Start | None, left: Left) -> list[Finding]:
    """`state` is the run's before the commit; `start` the attempt that it ends, None where it ends none."""
    if start is None or left.note.status != "succeeded":
        return [wrong("writes", path, f"{left.place} changes it, and its step left nothing") for path in left.files]
    unchanged, found = _records(git, left)
    if found:
        return found
    step = definitions.workflow.steps[start.step]
    if step.kind is StepKind.COLLECT:
        connector = definitions.connector_for(step.uses)
        return _collected(left, unchanged, cursor_path(connector.name) if connector else "", state)
    contract = definitions.contracts[step.uses]
    view = step_view(Place(git, state, CommitTree(git, left.parent), left.parent), definitions.workflow, step.name)
    return _by_agent(contract, start, left, unchanged, view)


def _by_agent(contract: Contract, start: Start, left: Left, unchanged: Collection[str], before: Tree) -> list[Finding]:
    output = left.note.output if isinstance(left.note.output, Mapping) else {}
    try:
        judge_output(contract, left.note.output)
        claimed = {**dict.fromkeys(unchanged), **left.files}
        judge_files(contract, start.inputs, claimed, lambda text, given: render_text(text, {"input": given}))
    except ContractError as error:
        return [wrong("writes", left.place, error.message, error.hint or f"see the contract of {contract.name}")]
    except AiosError as error:
        return [wrong("writes", left.place, f"what {contract.name} may write cannot be told: {error.message}")]
    if left.edited:
        return []  # merged with the operator's edit after it was judged: no invariant speaks of that
    after = OverlayTree(before, {path: _bytes(text) for path, text in left.files.items()})
    reply = AgentReply(output, dict(left.files))
    see = f"see the invariants of {contract.name}"
    try:
        broken = errors(judge_tree(contract, reply, after, holds=evaluate_bool, data=_data))
        broken += memory_checked(_without_recall(contract), left.files, before, after, _nothing).findings
    except AiosError as error:
        return [wrong("contract", left.place, f"the invariants of {contract.name} cannot be judged: {error.message}")]
    found = [wrong("contract", each.path, each.message, each.hint or see) for each in broken]
    by_model = contract.tier is not Tier.OFFLINE or contract.name not in left.engines
    raised = agent_findings(left.files, before, (), by_model=by_model)
    found += [wrong("trust", each.path, each.message, each.hint) for each in raised]
    if by_model:
        found += [
            wrong("trust", left.place, each) for each in forged_trust(left.files, lambda path: _text(before, path))
        ]
    return found


def _collected(left: Left, unchanged: Collection[str], place: str, state: RunState) -> list[Finding]:
    """A read leaves new sources, marked as text from outside, and its connector's place."""
    odd = [path for path in unchanged if path != place and not path.startswith(SOURCES)]
    found = [wrong("records", path, f"{left.place} says that it read it") for path in odd]
    for path, text in left.files.items():
        if path == place and text is not None:
            continue
        if not path.startswith(SOURCES) or text is None or path in left.there or left.note.type != "source.collected":
            found.append(wrong("writes", path, f"{left.place} is a read and may not write it"))
            continue
        document, _ = parse(path, text.encode())
        data: Mapping[str, Any] = document.data if document else {}
        if data.get("trust") != Trust.EXTERNAL.value:
            found.append(wrong("trust", path, "what is read from outside is marked `trust: external`, and it is not"))
        if data.get("schema") != "source.v1" or data.get("collected") != state.started_at:
            found.append(wrong("contract", path, "it is no source as this run's reads write them"))
    return found


def _records(git: Git, left: Left) -> tuple[list[str], list[Finding]]:
    """The paths of records that it names and left as they were. It must name all that it wrote, and nothing else."""
    wrote = {ref_of(path) for path in left.files}
    missing, more = wrote - set(left.note.records), set(left.note.records) - wrote
    unchanged = {ref_of(path): path for path in git.tree(left.parent) if ref_of(path) in more} if more else {}
    odd = sorted(missing | (more - unchanged.keys()))
    told = f"it names other records than it wrote: {', '.join(odd[:5])}"
    return sorted(unchanged.values()), [wrong("records", left.place, told)] if odd else []


def _without_recall(contract: Contract) -> Contract:
    kept = tuple(each for each in contract.invariants if each.check not in _FROM_ELSEWHERE)
    return replace(contract, invariants=kept)


def _nothing(*_: Any) -> tuple[()]:
    return ()


def _data(path: str, content: bytes) -> Mapping[str, Any] | None:
    document, _ = parse(path, content)
    return document.data if document else None


def _text(tree: Tree, path: str) -> str | None:
    content = tree.read(path)
    return None if content is None else content.decode(errors="replace")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
