"""Everything that is known of one span, as names and texts."""

from __future__ import annotations

import json
from typing import Any

from aios.domain.span import Span
from aios.trace.outline import UNTIMED, is_set
from aios.trace.wording import duration, moment, plain, took

_LONGEST = 2000


def facts_of(span: Span, origin: int) -> list[tuple[str, str]]:
    """Names and values in the order in which a person reads them; `origin` is when the run began."""
    after = duration(max(0, span.start - origin) / 1e9)
    told = [("began", f"{moment(span.start)}, {after} after the run")] if not is_set(span, UNTIMED) else []
    told += [("ended" if not told else "took", moment(span.end) if not told else took(span))]
    told += [("error", plain(span.error, _LONGEST))] if span.error else []
    told += [(name, _value(value)) for name, value in sorted(span.attributes.items()) if value not in ("", None, [])]
    told += [("span", f"{plain(span.id, 32)} ({span.kind.value} {plain(span.name, 120)})")]
    return told


def _value(value: Any) -> str:
    if isinstance(value, str):
        return plain(value, _LONGEST)
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return "\n".join(plain(each, _LONGEST) for each in value)
    return plain(json.dumps(value, ensure_ascii=False, default=str), _LONGEST)
