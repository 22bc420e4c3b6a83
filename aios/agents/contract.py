"""Reading an agent's contract and instructions from a tree.

The parser is handed in: agents have no door to the store.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from aios.domain.agent import Contract, Invariant, Tier
from aios.domain.finding import Finding
from aios.domain.names import AGENTS
from aios.domain.record import Document, Where
from aios.domain.tree import Tree

Parse = Callable[[str, bytes], tuple[Document | None, list[Finding]]]


def contract_path(name: str) -> str:
    return f"{AGENTS}{name}.yaml"


def load(tree: Tree, name: str, *, parse: Parse) -> tuple[Contract | None, list[Finding]]:
    """The contract `name`, or None with the findings that say why not."""
    path = contract_path(name)
    content = tree.read(path)
    if content is None:
        return None, [Finding(path, 0, 0, "agent-missing", f"there is no agent `{name}`", _known(tree))]
    document, findings = parse(path, content)
    if document is None:
        return None, findings
    return _build(tree, document, name)


def load_all(tree: Tree, *, parse: Parse) -> tuple[dict[str, Contract], list[Finding]]:
    """Every readable contract by name, and what is wrong with the others."""
    contracts: dict[str, Contract] = {}
    findings: list[Finding] = []
    for path in tree.paths(AGENTS):
        if path.endswith(".yaml"):
            name = posixpath.basename(path).removesuffix(".yaml")
            contract, found = load(tree, name, parse=parse)
            findings += found
            if contract:
                contracts[name] = contract
    return contracts, findings


def _known(tree: Tree) -> str:
    names = [posixpath.basename(path).removesuffix(".yaml") for path in tree.paths(AGENTS) if path.endswith(".yaml")]
    return f"the agents here are {', '.join(names)}" if names else "write one under state/agents/"


def _build(tree: Tree, document: Document, name: str) -> tuple[Contract | None, list[Finding]]:
    findings: list[Finding] = []
    data = document.data

    def finding(where: Where, rule: str, message: str, hint: str = "") -> None:
        findings.append(Finding(document.path, *document.position(where), rule, message, hint))

    if data.get("name") != name:
        finding(("name",), "agent-name", f"`name` is `{data.get('name')}` in a file named `{name}`", "make them equal")
    schemas: dict[str, Mapping[str, Any]] = {}
    for side in ("input", "output"):
        value = data.get(side)
        schema, problem = _schema(tree, value)
        if schema is None:
            finding((side,), "agent-schema", f"`{side}`: {problem}", "give a JSON Schema or {$ref: ../schemas/….json}")
        else:
            schemas[side] = schema
    try:
        tier = Tier(str(data.get("tier", "offline")))
    except ValueError:
        finding(("tier",), "agent-tier", f"unknown tier `{data.get('tier')}`", "offline, small or large")
        tier = Tier.OFFLINE
    instructions = tree.read(f"{AGENTS}{name}.md")
    if instructions is None:
        finding((), "agent-instructions", f"`{name}` has no instructions", f"write {AGENTS}{name}.md")
    if findings:
        return None, findings
    context = data.get("context") or {}
    budget = data.get("budget") or {}
    return (
        Contract(
            name=name,
            version=int(data.get("version", 1)),
            summary=str(data.get("summary", "")),
            tier=tier,
            input=schemas["input"],
            output=schemas["output"],
            reads=tuple(data.get("reads") or ()),
            writes=tuple(data.get("writes") or ()),
            effects=tuple(data.get("effects") or ()),
            context_tokens=int(context.get("tokens", 12_000)),
            context_recall=int(context.get("recall", 12)),
            invariants=tuple(
                Invariant(str(item.get("rule", "")), str(item.get("check", "")), str(item.get("expr", "")))
                for item in data.get("invariants") or ()
            ),
            escalate_below=float((data.get("escalate") or {}).get("below", 0.0)),
            escalate_to=tuple((data.get("escalate") or {}).get("to") or ()),
            budget_usd=float(budget.get("usd", 0.0)),
            budget_calls=int(budget.get("calls", 0)),
            event=str(data.get("event", "")) or f"{name}.replied",
            instructions=(instructions or b"").decode(errors="replace"),
            settings=data.get("settings") or {},
        ),
        [],
    )


def _schema(tree: Tree, value: Any) -> tuple[Mapping[str, Any] | None, str]:
    if not isinstance(value, Mapping):
        return None, "a JSON Schema is missing"
    reference = value.get("$ref")
    if reference is None:
        return value, ""
    path = posixpath.normpath(posixpath.join(AGENTS, str(reference)))
    content = tree.read(path)
    if content is None:
        return None, f"there is no file {path}"
    try:
        loaded = json.loads(content)
    except ValueError as error:
        return None, f"{path} is not JSON: {error}"
    return (loaded, "") if isinstance(loaded, dict) else (None, f"{path} is not a JSON object")
