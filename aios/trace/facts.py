"""Everything that is known of one span, as names and texts."""

from __future__ import annotations

import json
import re
from typing import Any

from aios.domain.span import Span
from aios.trace.outline import COMMIT, UNTIMED, is_set, text_of
from aios.trace.wording import duration, moment, plain, took

_LONGEST = 2000
_HASH = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


def facts_of(span: Span, origin: int) -> list[tuple[str, str]]:
    """Names and values in the order in which a person reads them; `origin` is when the run began."""
    after = duration(max(0, span.start - origin) / 1e9)
    told = [("began", f"{moment(span.start)}, {after} after the run")] if not is_set(span, UNTIMED) else []
    told += [("ended" if not told else "took", moment(span.end) if not told else took(span))]
    told += [("error", plain(span.error, _LONGEST))] if span.error else []
    told += [(name, _value(value)) for name, value in sorted(span.attributes.items()) if value not in ("", None, [])]
    told += [("look at it with", "\n".join(commands))] if (commands := _commands(span)) else []
    told += [("span", f"{plain(span.id, 32)} ({span.kind.value} {plain(span.name, 120)})")]
    return told


def _commands(span: Span) -> list[str]:
    """What shows more of it: the commit that tells of it, the proposal, and what the attempt saw."""
    named = (text_of(span, name) for name in (COMMIT, "aios.proposal", "aios.asked"))
    found = [f"git show {commit}" for commit in named if _HASH.fullmatch(commit)]
    seen = text_of(span, "aios.context").removeprefix("sha256:")
    return [*found, f"git show aios/traces:context/{seen[:2]}/{seen}.json"] if _HASH.fullmatch(seen) else found


def _value(value: Any) -> str:
    if isinstance(value, str):
        return plain(value, _LONGEST)
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return "\n".join(plain(each, _LONGEST) for each in value)
    return plain(json.dumps(value, ensure_ascii=False, default=str), _LONGEST)
