"""What the operator says of a server and of the tools that they agreed to, checked before anything is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aios.errors import AiosError, RefusedError
from aios.expressions import Scope, compile_bool, compile_value, declare, holes
from aios.store.validators import problem_of

_TEXT = {"type": "string", "minLength": 1, "maxLength": 10_000}
_NAME = {"type": "string", "minLength": 1, "maxLength": 128}
_VALUE = {  # a header or variable: plain text, or a secret by name
    "oneOf": [
        {"type": "string", "maxLength": 4_000},
        {
            "type": "object",
            "required": ["env"],
            "additionalProperties": False,
            "properties": {
                "env": {**_NAME, "description": "The environment variable that holds the secret."},
                "prefix": {"type": "string", "maxLength": 100, "description": "What stands before it, as `Bearer `."},
            },
        },
    ]
}
_ARGUMENTS = {"type": "object", "description": "What the tool is given; `${{ … }}` is filled in."}
_CAPABILITY = r"^[a-z][a-z0-9_-]*\.[a-z][a-z0-9_-]*$"
_LOOKUP = {
    "type": "object",
    "required": ["tool", "found"],
    "additionalProperties": False,
    "properties": {
        "tool": _NAME,
        "arguments": _ARGUMENTS,
        "found": {**_TEXT, "description": "Condition over result, payload and key: it was done."},
        "id": _TEXT,
        "url": _TEXT,
        "authoritative": {"type": "boolean", "description": "Does “not found” prove that it was never done?"},
        "says": {**_TEXT, "description": "The look-up in words."},
    },
}
_TOOL = {
    "type": "object",
    "required": ["tool"],
    "additionalProperties": False,
    "properties": {
        "tool": {**_NAME, "description": "The tool's name, as the server calls it."},
        "writes": {"type": "boolean", "description": "Does it change anything outside? Then it is an effect."},
        "summary": {**_TEXT, "description": "What it is for."},
        "takes": {"type": "object", "description": "JSON Schema of the payload (or of a read's parameters)."},
        "gives": {"type": "object", "description": "JSON Schema of what a read brings."},
        "arguments": _ARGUMENTS,
        "result": {"description": "What a read brings, made from `result.data`, `result.text`."},
        "documents": {
            "type": "object",
            "required": ["text", "title"],
            "additionalProperties": False,
            "properties": dict.fromkeys(("each", "text", "title", "origin"), _TEXT),
        },
        "target": {**_TEXT, "description": "Where it lands, in the service's words."},
        "shows": {**_TEXT, "description": "The sentence of the preview."},
        "id": _TEXT,
        "url": _TEXT,
        "fails_clean": {"type": "boolean", "description": "Does an error of the tool prove that nothing was done?"},
        "lookup": _LOOKUP,
        "compensate": {
            "type": "object",
            "required": ["capability"],
            "additionalProperties": False,
            "properties": {
                "capability": {"type": "string", "pattern": _CAPABILITY},
                "payload": {"type": "object", "description": "Its payload, made from payload and receipt."},
            },
        },
    },
}
SETTINGS: Mapping[str, Any] = {
    "type": "object",
    "required": ["tools"],
    "additionalProperties": False,
    "properties": {
        "command": {
            "type": "array",
            "items": {"type": "string", "maxLength": 4_000},
            "minItems": 1,
            "maxItems": 100,
            "description": "The program and its arguments; no shell reads them.",
        },
        "url": {
            "type": "string",
            "pattern": r"^https?://[^\s?#]+$",
            "patternErrorMessage": "a URL starts with https:// (or http://), without ? and #",
            "description": "The server's address, instead of a command.",
        },
        "headers": {"type": "object", "additionalProperties": _VALUE, "description": "Headers of each request."},
        "env": {"type": "object", "additionalProperties": _VALUE, "description": "All of its environment but PATH."},
        "directory": {"type": "string", "minLength": 1, "description": "Where the program works; the company's root."},
        "timeout": {"type": "integer", "minimum": 1, "maximum": 3_600, "description": "Seconds for each answer; 30."},
        "bytes": {"type": "integer", "minimum": 1_000, "description": "Most bytes that it may write; 8388608."},
        "tools": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": _CAPABILITY},
            "additionalProperties": _TOOL,
            "description": "Capabilities, each with the tool that gives it. No other tool is ever called.",
        },
        "agreed": {
            "type": "object",
            "additionalProperties": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
            "description": "Each tool's hash, as `aios connectors test` prints it: a tool that changed is not called.",
        },
    },
}


@dataclass(frozen=True, slots=True)
class Look:
    """How an earlier attempt is found. `found` is a condition, `id` and `url` are templates."""

    tool: str
    arguments: Mapping[str, Any]
    found: str
    id: str
    url: str
    authoritative: bool
    says: str


@dataclass(frozen=True, slots=True)
class Use:
    """One capability: the tool that gives it and how it is called. Texts with `${{ … }}` are templates."""

    capability: str
    tool: str
    writes: bool = False
    summary: str = ""
    takes: Mapping[str, Any] = field(default_factory=dict)
    gives: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    result: Any = None
    documents: Mapping[str, str] | None = None
    target: str = ""
    shows: str = ""
    id: str = ""
    url: str = ""
    fails_clean: bool = False
    look: Look | None = None
    undo: str = ""
    undo_payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tools(self) -> tuple[str, ...]:
        return (self.tool, self.look.tool) if self.look else (self.tool,)

    @property
    def authoritative(self) -> bool:
        return self.look is not None and self.look.authoritative


def uses_of(settings: Mapping[str, Any]) -> dict[str, Use]:
    """The capabilities that the settings map. Raises RefusedError for what cannot work, naming it."""
    declared: Mapping[str, Mapping[str, Any]] = settings["tools"]
    undoing = {str((each.get("compensate") or {}).get("capability", "")) for each in declared.values()}
    uses = {name: _use(name, each, undoes=name in undoing) for name, each in declared.items()}
    for name, use in uses.items():
        if use.undo and (use.undo not in uses or not uses[use.undo].writes):
            raise RefusedError(
                f"`tools.{name}.compensate` names {use.undo}", "name a capability among `tools` that writes"
            )
        _check(use)
    return uses


def _use(name: str, given: Mapping[str, Any], *, undoes: bool) -> Use:
    look, compensate = given.get("lookup"), given.get("compensate") or {}
    takes = dict(given.get("takes") or {"type": "object"})
    if undoes and "properties" in takes:  # the key of what it undoes comes with every compensation
        takes["properties"] = {**takes["properties"], "undoes": {"type": "string"}}
    writes = bool(given.get("writes"))
    only = ("lookup", "compensate", "target", "shows", "fails_clean") if not writes else ("result", "documents")
    for each in only:
        if each in given:
            what = "reads" if not writes else "writes"
            raise RefusedError(f"`tools.{name}` {what}, and `{each}` has no meaning there", "see `writes`")
    return Use(
        capability=name,
        tool=given["tool"],
        writes=writes,
        summary=given.get("summary", ""),
        takes=takes,
        gives=given.get("gives") or {},
        arguments=given.get("arguments") or {},
        result=given.get("result"),
        documents=given.get("documents"),
        target=given.get("target", ""),
        shows=given.get("shows", ""),
        id=given.get("id", ""),
        url=given.get("url", ""),
        fails_clean=bool(given.get("fails_clean")),
        look=_look(look) if look else None,
        undo=compensate.get("capability", ""),
        undo_payload=compensate.get("payload") or {},
    )


def _look(given: Mapping[str, Any]) -> Look:
    return Look(
        tool=given["tool"],
        arguments=given.get("arguments") or {},
        found=given["found"],
        id=given.get("id", ""),
        url=given.get("url", ""),
        authoritative=bool(given.get("authoritative")),
        says=given.get("says") or f"asked with its tool {given['tool']}",
    )


def _check(use: Use) -> None:
    """Every expression names what there is. Raises RefusedError for the first that does not."""
    for field_name, schema in (("takes", use.takes), ("gives", use.gives)):
        if problem := problem_of(schema):
            raise RefusedError(f"`tools.{use.capability}.{field_name}` is no JSON Schema: {problem}", "")
    given = declare("payload" if use.writes else "params", use.takes)
    keyed = {**given, "key": {"type": "string"}} if use.writes else given
    answered = {**keyed, **declare("result", RESULT)}
    _compiled(use, "arguments", use.arguments, keyed)
    _compiled(use, "id and url", [use.id, use.url], answered)
    _compiled(use, "target and shows", [use.target, use.shows], given)
    _compiled(use, "result", use.result, answered)
    if use.documents:
        each = use.documents.get("each")
        _compiled(use, "documents.each", each, answered)
        rest = {name: text for name, text in use.documents.items() if name != "each"}
        _compiled(use, "documents", rest, {**answered, "item": {}} if each else answered)
    receipt = {name: {"type": "string"} for name in ("receipt.key", "receipt.external_id", "receipt.url")}
    _compiled(use, "compensate.payload", use.undo_payload, {**given, **receipt, "receipt": {"type": "object"}})
    if use.look:
        _compiled(use, "lookup.arguments", use.look.arguments, keyed)
        _compiled(use, "lookup.id and url", [use.look.id, use.look.url], answered)
        _condition(use, "lookup.found", use.look.found, answered)


RESULT: Mapping[str, Any] = {
    "type": "object",
    "properties": {"data": {}, "text": {"type": "string"}, "error": {"type": "string"}},
}


def _compiled(use: Use, where: str, value: Any, names: Mapping[str, Any]) -> None:
    try:
        for expression in holes(value):
            compile_value(expression, Scope(names))
    except AiosError as error:
        raise RefusedError(f"`tools.{use.capability}`, {where}: {error.message}", error.hint) from error


def _condition(use: Use, where: str, text: str, names: Mapping[str, Any]) -> None:
    try:
        compile_bool(text, Scope(names))
    except AiosError as error:
        raise RefusedError(f"`tools.{use.capability}`, {where}: {error.message}", error.hint) from error


def tools_of(uses: Mapping[str, Use]) -> Sequence[str]:
    """Every tool that is named, once, in order."""
    return list(dict.fromkeys(tool for use in uses.values() for tool in use.tools))
