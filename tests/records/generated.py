"""Records as people write them: comments, quotes, odd blanks, flow and block style, in every mixture."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

WORDS = st.sampled_from(
    ["alpha", "beta", "a b", "it's", "x: y", "no", "08", "2026-03-02", "é", "#1", "", "- z", "long " * 30 + "end"]
)
SCALARS = WORDS | st.integers(-5, 5000) | st.booleans() | st.none()
LISTS = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=4, unique=True)
FIELDS = st.sampled_from(["name", "email", "status", "notes", "tags", "price", "since"])
NESTED = st.dictionaries(st.sampled_from(["amount", "currency", "kind"]), SCALARS, min_size=1, max_size=3)
RECORDS = st.dictionaries(FIELDS, SCALARS | LISTS | NESTED, min_size=1, max_size=6)


def quoted(value: str | int | None, style: str) -> str:
    """A scalar in a style of its own."""
    if value is None:
        return {"plain": "", "single": "~"}.get(style, "null")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if style == "plain" and value and value[0].isalpha() and ": " not in value and value != "no":
        return str(value).rstrip() if value == str(value).rstrip() else f'"{value}"'
    return "'" + value.replace("'", "''") + "'" if style == "single" else '"' + value.replace('"', '\\"') + '"'


STYLES = st.sampled_from(["plain", "single", "double"])


@st.composite
def layouts(draw: st.DrawFn, records: st.SearchStrategy[dict[str, Any]] = RECORDS) -> tuple[dict[str, Any], str]:
    """A record and one of the many texts that stand for it."""
    data = draw(records)
    indent = draw(st.sampled_from([0, 2, 4]))
    lines: list[str] = []
    for key, value in data.items():
        if draw(st.booleans()):
            lines.append(draw(st.sampled_from(["# a comment", "", "#", "# x: y"])))
        comment = draw(st.sampled_from(["", "  # why", " # see: it"]))
        gap = draw(st.sampled_from([" ", "  "]))
        if isinstance(value, dict):
            if draw(st.booleans()):
                inner = ", ".join(f"{name}: {quoted(item, 'double')}" for name, item in value.items())
                lines.append(f"{key}:{gap}{{{inner}}}{comment}")
            else:
                lines.append(f"{key}:{comment}")
                lines += [f"  {name}:{gap}{quoted(item, draw(STYLES))}{comment}" for name, item in value.items()]
        elif isinstance(value, list):
            if not value or draw(st.booleans()):
                lines.append(f"{key}:{gap}[{', '.join(value)}]{comment}")
            else:
                lines.append(f"{key}:{comment}")
                for item in value:
                    lines.append(f"{' ' * indent}- {item}{draw(st.sampled_from(['', ' # item']))}")
        else:
            lines.append(f"{key}:{gap}{quoted(value, draw(STYLES))}{comment}")
    if draw(st.booleans()):
        lines.append("# the end")
    return data, "\n".join(lines) + "\n"
