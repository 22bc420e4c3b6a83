"""What the tests of the dashboard look at: links and what a page loads."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.handlers += [name for name in told if name.startswith("on")]
        if tag == "a" and "href" in told:
            self.links.append(told["href"])
        elif tag in {"script", "img", "iframe", "audio", "video", "source", "embed"}:
            self.loads.append(told.get("src", ""))
        elif tag == "link":
            self.loads.append(told.get("href", ""))


def read(file: Path) -> _Reader:
    reader = _Reader()
    reader.feed(file.read_text(encoding="utf-8"))
    return reader


def dead_links(root: Path) -> list[str]:
    """Every link and every file that a page asks for which is not there, as `page → target`."""
    found = []
    for file in sorted(root.rglob("*.html")):
        page = read(file)
        for target in [*page.links, *page.loads]:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or not parts.path:
                continue
            if not (file.parent / unquote(parts.path)).resolve().is_file():
                found.append(f"{file.relative_to(root)} → {target}")
    return found
