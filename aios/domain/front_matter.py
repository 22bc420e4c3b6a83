"""Text of records: front matter apart from prose, and data as YAML that reads the same everywhere.

What `render_yaml` writes, our strict reader and any YAML 1.1 or 1.2 reader understand alike: a string that one of them
would take for something else is quoted (dates excepted: they stay plain and are strings to us).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_OPEN = re.compile(r"---[ \t]*\r?\n")
_CLOSE = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
_BLANK = re.compile(r"[ \t]*\r?\n")

# YAML 1.2 core, as `aios.store.scalars` reads it.
CORE_NULL = r"(?:~|null|Null|NULL)?"
CORE_BOOL = r"(?:true|True|TRUE|false|False|FALSE)"
CORE_INT = r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)"
CORE_FLOAT = r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"


def split(text: str) -> tuple[str, str, int]:
    """Front matter, body, and the line (from 1) at which the body starts.

    The front matter is `""` and the body the whole text where there is none, or where it is never closed. One blank
    line between the closing `---` and the prose belongs to neither.
    """
    opening = _OPEN.match(text)
    closing = _CLOSE.search(text, opening.end()) if opening else None
    if opening is None or closing is None:
        return "", text, 1
    blank = _BLANK.match(text, closing.end())
    start = blank.end() if blank else closing.end()
    return text[opening.end() : closing.start()], text[start:], text.count("\n", 0, start) + 1


def opens(text: str) -> bool:
    """Does the text begin as front matter does?"""
    return _OPEN.match(text) is not None or re.fullmatch(r"---[ \t]*", text) is not None


def render_yaml(data: Mapping[str, Any]) -> str:
    """Block YAML in insertion order, no aliases, 120 columns. Mappings, sequences, strings, numbers, booleans, null.

    Raises TypeError for any other value and ValueError for a number that is not finite.
    """
    import yaml

    # `yaml.dump` would sort nothing away, but it needs a stream per call; the emitter's own text is what we want.
    text = yaml.dump(
        _plain(data), Dumper=_dumper(), default_flow_style=False, allow_unicode=True, sort_keys=False, width=120
    )
    return str(text)


def render_markdown(data: Mapping[str, Any], body: str) -> str:
    """Front matter, a blank line, the body as it is: `split` gives the very same body back."""
    return f"---\n{render_yaml(data)}---\n\n{body}"


def _plain(value: Any) -> Any:
    """JSON types only: mappings become dicts, sequences lists, string subclasses strings."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 (NaN is what differs from itself)
            raise ValueError(f"{value} cannot be written: only finite numbers can")
        return float(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"key {key!r} cannot be written: only text can be a key")
        return {str.__str__(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    raise TypeError(f"a {type(value).__name__} cannot be written to a record: only JSON types can")


# A block scalar only where it reads back exactly: plain printable lines without leading or trailing blanks.
_BLOCK = re.compile(
    r"(?:[!-~\u00a1-\u167f\u2030-\ud7ff](?:[ -~\u00a1-\u167f\u2030-\ud7ff]*[!-~\u00a1-\u167f\u2030-\ud7ff])?\n+)+\Z"
)


@lru_cache(maxsize=1)
def _dumper() -> Any:
    import yaml

    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class RecordDumper(base):  # type: ignore[misc]
        """The safe dumper, with the readings of both YAML versions quoted away and no aliases."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

    RecordDumper.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
        for first, found in base.yaml_implicit_resolvers.items()
    }
    for tag, pattern in (("int", CORE_INT), ("float", CORE_FLOAT)):
        RecordDumper.add_implicit_resolver(
            f"tag:yaml.org,2002:{tag}", re.compile(rf"{pattern}\Z"), list("-+.0123456789")
        )

    def text(dumper: Any, value: str) -> Any:
        style = "|" if "\n" in value and _BLOCK.match(value) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    RecordDumper.add_representer(str, text)
    return RecordDumper
