"""One agent call, held to its contract on both sides.

Input before, output after, and the tree that the reply would leave: paths, protected places, sizes, invariants. What
an agent says of itself counts for nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from aios.agents.checks import CHECKS
from aios.domain.agent import AgentCall, AgentReply, Contract, Engine, Tools
from aios.domain.event import output_text
from aios.domain.finding import Finding
from aios.domain.globs import is_safe_path, matches
from aios.domain.names import is_protected
from aios.domain.tree import Tree
from aios.errors import AiosError

FILE_LIMIT = 1024 * 1024  # bytes of one file that an agent writes
FILES_LIMIT = 200
# Checks that need more than the tree; the runner makes them (`aios.runs.remembering`).
ELSEWHERE = frozenset({"folded-named", "places-kept", "recall-held"})
_HOLE = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)

# (expression, variables) -> is it true? Raises AiosError where it cannot be evaluated.
Holds = Callable[[str, Mapping[str, Any]], bool]
# (template, input) -> text, for the globs of `writes`.
Render = Callable[[str, Mapping[str, Any]], str]
# path, content -> the record's data, None where it is no record.
Data = Callable[[str, bytes], Mapping[str, Any] | None]


class ContractError(AiosError):
    """The agent did what its contract forbids, or left undone what it demands. Trying again would not help."""


def perform(call: AgentCall, engine: Engine, tools: Tools) -> AgentReply:
    """Call the engine with a valid input; give back a reply whose output is valid. Raises ContractError."""
    _validate(call.contract.input, call.input, f"the input of {call.contract.name}")
    reply = engine(call, tools)
    if reply.question is None:
        judge_output(call.contract, reply.output)
    return reply


def judge_output(contract: Contract, output: Mapping[str, Any]) -> None:
    """Raises ContractError for an output that the contract's schema does not allow, or that nothing could keep."""
    _validate(contract.output, output, f"the output of {contract.name}")
    try:
        output_text(output)
    except ValueError as error:
        raise ContractError(f"the output of {contract.name} cannot be kept: {error}") from error


def judge_files(
    contract: Contract, call_input: Mapping[str, Any], files: Mapping[str, str | None], render: Render
) -> None:
    """Refuse files outside `writes`, in protected places, too large or oddly named. Raises ContractError."""
    if len(files) > FILES_LIMIT:
        raise ContractError(f"{contract.name} wrote {len(files)} files; {FILES_LIMIT} are the limit")
    allowed = [_rendered(pattern, call_input, render) for pattern in contract.writes]
    for path, text in files.items():
        if not is_safe_path(path):
            raise ContractError(f"{contract.name} wrote to an unsafe path {path!r}")
        if is_protected(path) or not matches(path, allowed):
            raise ContractError(
                f"{contract.name} may not write {path}", f"its contract grants {', '.join(allowed) or 'nothing'}"
            )
        if text is not None and len(text.encode()) > FILE_LIMIT:
            raise ContractError(f"{contract.name} wrote {path} with more than {FILE_LIMIT // 1024} KiB")


def _rendered(pattern: str, call_input: Mapping[str, Any], render: Render) -> str:
    """The pattern with the input's values in it. Raises ContractError for a value that would grant more than a name."""
    granted = render(pattern, call_input)
    if any(granted.count(char) != _HOLE.sub("", pattern).count(char) for char in "*?/"):
        raise ContractError(f"a value of the input would widen what may be written: {granted[:120]}")
    return granted


def judge_tree(contract: Contract, reply: AgentReply, tree: Tree, *, holds: Holds, data: Data) -> list[Finding]:
    """Check the invariants on the tree that the reply would leave; the findings of those that do not hold.

    `expr` invariants see `input`-free variables: `output`, and `record` (the record that `output.record` names).
    """
    findings: list[Finding] = []
    record_id = str(reply.output.get("record", ""))
    path = next((path for path in reply.files if record_id and path.endswith(f"/{record_id}.md")), "")

    def read(name: str) -> str | None:
        content = tree.read(name)
        return None if content is None else content.decode(errors="replace")

    for invariant in contract.invariants:
        if invariant.check in ELSEWHERE:
            continue
        if invariant.check:
            check = CHECKS.get(invariant.check)
            if check is None:
                hint = f"known checks: {', '.join(sorted(CHECKS))}"
                findings.append(Finding(path, 0, 0, "invariant", f"unknown check `{invariant.check}`", hint))
            elif path:
                findings += check(read, path)
        elif invariant.expr:
            content = tree.read(path) if path else None
            record = data(path, content) if content is not None else None
            if not holds(invariant.expr, {"output": reply.output, "record": record or {}}):
                findings.append(Finding(path, 0, 0, "invariant", f"does not hold: {invariant.rule}", invariant.expr))
    return findings


def _validate(schema: Mapping[str, Any], value: Any, what: str) -> None:
    from jsonschema import Draft7Validator  # costs 200 ms: only where an agent is called

    problem = next(iter(sorted(Draft7Validator(dict(schema)).iter_errors(value), key=str)), None)
    if problem is not None:
        place = ".".join(str(part) for part in problem.absolute_path) or "the whole"
        raise ContractError(f"{what} breaks its contract at {place}: {problem.message[:300]}")
