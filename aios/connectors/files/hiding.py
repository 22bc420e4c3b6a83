"""What a style says so that nobody sees the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

_END = r"\s*(?:;|$|!)"
_HIDING = re.compile(
    r"(?<![-\w])(?:"
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|content-visibility\s*:\s*hidden"
    rf"|font-size\s*:\s*(?:0+(?:\.0+)?[a-z%]*|0*\.\d+(?:px|pt|%)?|1px){_END}"
    rf"|opacity\s*:\s*0*(?:\.0\d*)?%?{_END}"
    r"|(?:left|right|top|bottom|text-indent|margin-left|margin-top)\s*:\s*-(?:\d{4}|\d{3,}(?:\.\d+)?(?:r?em|%|v[wh]))"
    rf"|color\s*:\s*transparent{_END}"
    r"|clip\s*:\s*rect\(\s*[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01](?:px)?\s*\)"
    r"|clip-path\s*:\s*(?:inset\(\s*(?:50|100)%|circle\(\s*0)"
    r"|transform\s*:[^;]*scale[xy]?\(\s*0(?:\.0+)?\s*[,)]"
    r")",
    re.IGNORECASE,
)
_FLAT = re.compile(rf"(?<![-\w])(?:max-)?(?:height|width)\s*:\s*0(?:px|r?em|%)?{_END}", re.IGNORECASE)
_CLIPPED = re.compile(r"(?<![-\w])overflow(?:-[xy])?\s*:\s*(?:hidden|clip)", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)
_BLOCK_OF_RULES = re.compile(r"@[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}|@[^{};]*;")
_STYLE_RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
_SIMPLE = re.compile(r"(?:[a-zA-Z][\w-]*)?([.#][\w-]+)")


def hides(style: str) -> bool:
    """Do these declarations leave nothing to see?"""
    if "\\" in style or "/*" in style:
        style = _ESCAPE.sub(_unescaped, _COMMENT.sub("", style))
    return bool(_HIDING.search(style)) or bool(_FLAT.search(style) and _CLIPPED.search(style))


def hidden_by(sheet: str) -> Iterator[str]:
    """Classes (`.x`) and ids (`#x`) that a style sheet hides wherever they are; rules of media are left alone."""
    for selectors, style in _STYLE_RULE.findall(_BLOCK_OF_RULES.sub("", _COMMENT.sub("", sheet))):
        if hides(style):
            yield from (found[1] for each in selectors.split(",") if (found := _SIMPLE.fullmatch(each.strip())))


def _unescaped(found: re.Match[str]) -> str:
    if not found[1]:
        return found[2] or ""
    code = int(found[1], 16)
    return chr(code) if code < 0x110000 else ""
