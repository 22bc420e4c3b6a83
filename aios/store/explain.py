"""What is wrong with a record by its schema, in words for the person who wrote it, at the place where they wrote it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from aios.domain.finding import Finding
from aios.domain.record import Document, Where
from aios.store.formats import EXAMPLES, FORMATS
from aios.store.secrets import looks_secret

MAX_FINDINGS = 50
MAX_ITEMS = 500
TYPES = {  # JSON's types in words
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
}


def explain(schema: Mapping[str, Any], data: Any, document: Document, *, kind: str) -> list[Finding]:
    """At least one finding for data that the schema refuses, sorted by place, none said twice."""
    from jsonschema import Draft7Validator, FormatChecker  # 200 ms: only where something is wrong
    from referencing import Registry

    checker = FormatChecker(formats=())
    for name, function in FORMATS.items():
        checker.checks(name)(function)
    registry: Registry[Any] = Registry()  # empty: nothing is fetched, whatever a schema refers to
    validator = Draft7Validator(dict(schema), format_checker=checker, registry=registry)
    found: dict[tuple[Any, ...], Finding] = {}
    for error in validator.iter_errors(_cut(data)):
        for where, rule, message, hint in _said(error, kind):
            finding = Finding(document.path, *document.position(where), rule, message, hint)
            found.setdefault((finding.line, finding.column, message), finding)
        if len(found) >= MAX_FINDINGS:
            break
    if not found:  # the two validators read a schema differently: never let a refused record pass for that
        from aios.store.validators import complaints

        for where, message in complaints(schema, data)[:MAX_FINDINGS] or [((), "it does not match the schema")]:
            place = document.position(where)
            found[(place, message)] = Finding(document.path, *place, "schema", f"{name_of(where)}{message}")
    return sorted(found.values())


def _cut(value: Any) -> Any:
    """The data without the rest of endless lists: comparing all of their entries would take for ever."""
    if isinstance(value, dict):
        return {key: _cut(item) for key, item in value.items()}
    return [_cut(item) for item in value[:MAX_ITEMS]] if isinstance(value, list) else value


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """`did you mean …?`, or an empty string where nothing is near."""
    known = {each.casefold(): each for each in words}
    near = difflib.get_close_matches(word.casefold(), known, n=1, cutoff=0.6)
    return f"did you mean `{known[near[0]]}`?" if near else ""


def name_of(where: Where) -> str:
    """A field as a person writes it, ending in a space: `contacts[0].email`; empty for the record as a whole."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")
    return f"`{text}` " if text else ""


def shown(value: Any) -> str:
    """A value in a message: short, on one line, and never a secret."""
    if value is None:
        return "empty"
    if isinstance(value, str) and looks_secret(value):
        return "a value that looks like a secret"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = value if isinstance(value, str) else json.dumps(value)
    text = re.sub(r"\s+", " ", text)
    return f"`{text[:57]}…`" if len(text) > 60 else f"`{text}`"


Said = tuple[Where, str, str, str]


def _said(error: Any, kind: str) -> list[Said]:
    """One error of the validator as (where, rule, message, hint)."""
    where: Where = tuple(error.absolute_path)
    keyword = error.validator
    if keyword == "additionalProperties" and isinstance(error.instance, dict):
        return _unknown(error, where, kind)
    if keyword == "required" and isinstance(error.instance, dict):
        of = name_of(where).strip() or f"this {kind}"
        return [
            (where, "schema-required", f"{of} has no `{field}`", _about(error.schema, field))
            for field in error.validator_value
            if field not in error.instance
        ]
    if keyword == "dependencies" and isinstance(error.instance, dict):
        return [
            ((*where, field), "schema-dependencies", f"`{field}` needs `{need}` beside it", "add it, or leave both out")
            for field, needs in error.validator_value.items()
            if field in error.instance and isinstance(needs, list)
            for need in needs
            if need not in error.instance
        ]
    if keyword in {"anyOf", "oneOf"} and error.context:
        branch = _meant(error)
        if branch:
            return [said for child in branch for said in _said(child, kind)]
    if "propertyNames" in error.absolute_schema_path:
        message = f"{shown(error.instance)} cannot be a name here"
        return [((*where, str(error.instance)), "schema-name", message, f"it must match {error.validator_value}")]
    message, hint = _value(error)
    return [
        (where, f"schema-{_kebab(keyword)}", f"{name_of(where) or 'the record '}{message}".replace(" :", ":"), hint)
    ]


def _kebab(keyword: str) -> str:
    return re.sub(r"([A-Z])", lambda match: f"-{match[1].lower()}", keyword)


def _unknown(error: Any, where: Where, kind: str) -> list[Said]:
    known = list(error.schema.get("properties", {}))
    patterns = list(error.schema.get("patternProperties", {}))
    said: list[Said] = []
    for field in error.instance:
        if len(said) >= MAX_FINDINGS:
            break
        if field in known or any(re.search(pattern, field) for pattern in patterns):
            continue
        of = f"in {name_of(where).strip()}" if where else f"of a {kind}"
        hint = did_you_mean(str(field), known)
        if not hint:
            hint = f"call a field of your own `x-{field}`" if "^x-" in patterns else f"known are {', '.join(known)}"
        said.append(((*where, field), "schema-unknown-field", f"`{field}` is not a field {of}", hint))
    return said


def _about(schema: Mapping[str, Any], field: str) -> str:
    """What the missing field is for, from its description."""
    description = str(schema.get("properties", {}).get(field, {}).get("description", ""))
    return description.partition(". ")[0].rstrip(".") if description else f"add `{field}`"


def _meant(error: Any) -> list[Any]:
    """The errors of the one branch whose type fits, for they say more than the whole does."""
    branches: dict[int, list[Any]] = {}
    for child in error.context:
        branches.setdefault(child.schema_path[0], []).append(child)
    fitting = [
        children
        for index, children in branches.items()
        if "type" in error.validator_value[index]
        and not any(child.validator == "type" and not child.relative_path for child in children)
    ]
    return fitting[0] if len(fitting) == 1 else []


def _value(error: Any) -> tuple[str, str]:  # noqa: C901, PLR0911, PLR0912 (a table of keywords)
    """Message and hint about one value."""
    keyword, expected, instance, schema = error.validator, error.validator_value, error.instance, error.schema
    own = str(schema.get("errorMessage", "")) if isinstance(schema, dict) else ""
    is_ = f"is {shown(instance)}"
    match keyword:
        case "type":
            names = expected if isinstance(expected, list) else [expected]
            hint = "put it in quotes" if "string" in names and isinstance(instance, (int, float)) else ""
            return f"{is_}; expected {_or(TYPES.get(str(name), str(name)) for name in names)}", hint
        case "enum":
            words = [value if isinstance(value, str) else json.dumps(value) for value in expected]
            return f"{is_}; expected one of {', '.join(words)}", did_you_mean(str(instance), words)
        case "const":
            return f"{is_}; expected {shown(expected)}", ""
        case "pattern":
            hint = str(schema.get("patternErrorMessage", "")) or f"it must match {expected}"
            return f"{is_}, which is not of the expected form", hint
        case "format":
            example = EXAMPLES.get(str(expected), "")
            hint = str(schema.get("patternErrorMessage", "")) or (f"write it like {example}" if example else "")
            if expected == "date" and "pattern" in schema and re.search(schema["pattern"], str(instance)):
                return f"{is_}, which is not in the calendar", hint
            return f"{is_}, which is not of the expected form", hint
        case "minLength":
            return (
                ("is empty", "write something, or leave the field out")
                if not instance
                else (
                    f"{is_}, shorter than {expected} characters",
                    "",
                )
            )
        case "maxLength":
            return f"has {len(instance)} characters; at most {expected} are allowed", "shorten it"
        case "minimum" | "exclusiveMinimum":
            return f"{is_}; expected {'at least' if keyword == 'minimum' else 'more than'} {expected}", ""
        case "maximum" | "exclusiveMaximum":
            return f"{is_}; expected {'at most' if keyword == 'maximum' else 'less than'} {expected}", ""
        case "minItems":
            return f"has {len(instance)} entries; expected at least {expected}", ""
        case "maxItems":
            return f"has {len(instance)} entries; expected at most {expected}", ""
        case "minProperties":
            return f"has {len(instance)} entries; expected at least {expected}", ""
        case "uniqueItems":
            return "holds an entry twice", "delete one"
    return (
        (f": {own}", "")
        if own
        else (str(error.message)[:200] if not _leaks(error) else "does not match its schema", "")
    )


def _or(words: Iterable[str]) -> str:
    *head, last = words
    return f"{', '.join(head)} or {last}" if head else last


def _leaks(error: Any) -> bool:
    """The validator's own message prints the instance; keep what may be a secret, or endless, out of it."""
    return isinstance(error.instance, (dict, list)) or looks_secret(str(error.instance))
