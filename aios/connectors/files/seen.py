"""What a reader sees of a page: neither what its styles hide nor the furniture around its content."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from aios.connectors.files.hiding import background, hidden_by, hides, says_background, vanishes

_DROPPED = frozenset(
    """
    script style noscript template svg math canvas iframe object embed form button input select textarea nav
    footer audio video map head meta link dialog menu
    """.split()  # noqa: SIM905 (a list of words reads best as words)
)
_ROLES = frozenset(("navigation banner contentinfo search complementary dialog alert menu toolbar").split())  # noqa: SIM905
_BOILERPLATE = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|sidebar|sphinxsidebar|breadcrumbs?|cookie|newsletter|share|social|"
    r"sr-only|visually-hidden|screen-reader-text|toc|contents-menu|pagination|advert|ads|skip|edit-?link|"
    r"viewcode-link|copybtn|related)(?:$|[\s_-])",
    re.IGNORECASE,
)
_PAPER = "background:white"


@dataclass(slots=True)
class Page:
    hidden: int = 0
    title: str = ""
    depth: int = 0


def mark_hidden(root: Any) -> None:
    """What the page's own style sheets hide, and what has the colour of what is behind it, is marked as hidden."""
    sheets = [str(sheet.text or "") for sheet in root.iter("style")]
    unseen = {name for sheet in sheets for name in hidden_by(sheet)}
    # Where a sheet may darken the page, white text may well be seen.
    paper = "" if root.find(".//link[@rel='stylesheet']") is not None or any(map(says_background, sheets)) else _PAPER
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        names = {f".{name}" for name in str(element.get("class") or "").split()} | {f"#{element.get('id')}"}
        if names & unseen or _vanishes(element, paper):
            element.set("hidden", "")


def _vanishes(element: Any, paper: str) -> bool:
    own = _style(element)
    if "color" not in own:
        return False
    styles = [own, *map(_style, element.iterancestors()), paper]
    said = next((style for style in styles if says_background(style)), "")
    behind = background(said)
    return behind is not None and vanishes(own, behind)


def _style(element: Any) -> str:
    """Its declarations, and what old attributes say of its colours."""
    style, color, behind = (str(element.get(name) or "") for name in ("style", "color", "bgcolor"))
    return style + (f";color:{color}" if color else "") + (f";background:{behind}" if behind else "")


def length(element: Any) -> int:
    return sum(len(part.strip()) for part in element.itertext() if isinstance(part, str))


def is_hidden(element: Any) -> bool:
    get = element.get
    return (
        get("hidden") is not None or str(get("aria-hidden") or "").lower() == "true" or hides(str(get("style") or ""))
    )


def is_seen(element: Any) -> bool:
    return not is_hidden(element) and not any(is_hidden(each) for each in element.iterancestors())


def shown(element: Any) -> str:
    """The element's text without what is hidden in it."""
    parts = [element.text or ""]
    for child in element:
        if child.tag == "br":
            parts.append("\n")
        elif isinstance(child.tag, str) and child.tag not in _DROPPED and not is_hidden(child):
            parts.append(shown(child))
        parts.append(child.tail or "")
    return "".join(parts)


def skipped(element: Any, page: Page) -> bool:
    """Is the element no part of the text? What is hidden on purpose is counted."""
    if not isinstance(element.tag, str) or element.tag in _DROPPED or ":" in element.tag:
        return True
    if is_hidden(element):
        page.hidden += length(element)
        return True
    if str(element.get("role") or "").lower() in _ROLES:
        return True
    classes = f"{element.get('class') or ''} {element.get('id') or ''}"
    return (
        bool(classes.strip()) and element.tag not in {"body", "main", "article"} and bool(_BOILERPLATE.search(classes))
    )
