"""What a style says so that nobody sees the text: no place, no size, no opacity, or the colour of what is behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_END = r"\s*(?:;|$|!)"
_HIDING = re.compile(
    r"(?<![-\w])(?:"
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|content-visibility\s*:\s*hidden"
    rf"|font-size\s*:\s*(?:0+(?:\.0+)?[a-z%]*|0*\.\d+(?:px|pt|%)?|0*\.[01]\d*r?em|[12](?:\.\d+)?px){_END}"
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
_COLOR = re.compile(r"(?<![-\w])color\s*:\s*([^;!]{1,60})", re.IGNORECASE)
_BEHIND = re.compile(r"(?<![-\w])background(?:-color)?\s*:\s*([^;!]{1,200})", re.IGNORECASE)
_NAMED_COLORS = {
    "white": (255, 255, 255), "snow": (255, 250, 250), "ivory": (255, 255, 240), "ghostwhite": (248, 248, 255),
    "whitesmoke": (245, 245, 245), "floralwhite": (255, 250, 240), "mintcream": (245, 255, 250),
    "azure": (240, 255, 255), "black": (0, 0, 0),
}  # fmt: skip
_HEX = re.compile(r"#([0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})(?![0-9a-f])", re.IGNORECASE)
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\b", re.IGNORECASE)
_NEAR = 16  # of 255 in each of red, green and blue: nobody reads that
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)
_BLOCK_OF_RULES = re.compile(r"@[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}|@[^{};]*;")
_STYLE_RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
_SIMPLE = re.compile(r"(?:[a-zA-Z][\w-]*)?([.#][\w-]+)")


Color = tuple[int, int, int]
WHITE: Color = (255, 255, 255)


def hides(style: str) -> bool:
    """Do these declarations leave nothing to see, whatever is around?"""
    style = _plain(style)
    if _HIDING.search(style) or (_FLAT.search(style) and _CLIPPED.search(style)):
        return True
    behind = background(style)
    return behind is not None and vanishes(style, behind)


def vanishes(style: str, behind: Color) -> bool:
    """Is the text of (nearly) the colour that is behind it?"""
    found = _COLOR.search(_plain(style))
    color = _color(found[1]) if found else None
    return color is not None and all(abs(one - other) <= _NEAR for one, other in zip(color, behind, strict=True))


def background(style: str) -> Color | None:
    """The colour behind the text; None where these declarations do not say."""
    found = _BEHIND.search(_plain(style))
    return _color(found[1]) if found else None


def says_background(style: str) -> bool:
    return bool(_BEHIND.search(_plain(style)))


def _color(text: str) -> Color | None:
    if found := _HEX.search(text):
        digits = found[1] if len(found[1]) >= 6 else "".join(char * 2 for char in found[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    if found := _RGB.search(text):
        return int(found[1]), int(found[2]), int(found[3])
    return next((color for word in text.lower().split() if (color := _NAMED_COLORS.get(word))), None)


def _plain(style: str) -> str:
    return _ESCAPE.sub(_unescaped, _COMMENT.sub("", style)) if "\\" in style or "/*" in style else style


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
