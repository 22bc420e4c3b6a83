"""What the operator says of their site."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SETTINGS: Mapping[str, Any] = {
    "type": "object",
    "required": ["url", "title"],
    "additionalProperties": False,
    "properties": {
        "path": {
            "type": "string",
            "minLength": 1,
            "description": "Directory that the web server serves; public where left out.",
        },
        "url": {
            "type": "string",
            "pattern": r"^https?://[^\s/?#]+(?:/[^\s?#]*)?$",
            "patternErrorMessage": "a URL starts with https:// (or http://), without ? and #",
        },
        "title": {"type": "string", "minLength": 1, "description": "Name of the site."},
        "description": {"type": "string", "description": "What the site is about, in one or two sentences."},
        "language": {
            "type": "string",
            "pattern": "^[a-z]{2,3}(?:-[A-Z]{2})?$",
            "patternErrorMessage": "a language is en, de or en-GB",
        },
        "author": {"type": "string", "description": "Who stands behind the site."},
        "about": {"type": "string", "description": "The text of the page about the site, Markdown."},
        "links": {
            "enum": ["clean", "files"],
            "description": "How pages link to one another: `clean` for a web server, `files` to browse them from disk.",
        },
    },
}


@dataclass(frozen=True, slots=True)
class Site:
    """The settings, with defaults. `url` has no slash at its end and no two in its path; `path` is absolute."""

    path: Path
    url: str
    title: str
    description: str
    language: str
    author: str
    about: str
    clean_links: bool

    def address(self, slug: str) -> str:
        return f"{self.url}/{slug}/"

    @property
    def base(self) -> str:
        """The path of the site's address on its host, with a slash at both ends."""
        path = self.url.split("://", 1)[1].partition("/")[2]
        return f"/{path}/" if path else "/"


def site_of(settings: Mapping[str, Any], path: Path) -> Site:
    return Site(
        path=path,
        url=re.sub("(?<!:)//+", "/", str(settings["url"])).rstrip("/"),
        title=str(settings["title"]),
        description=str(settings.get("description", "")),
        language=str(settings.get("language", "en")),
        author=str(settings.get("author", "")),
        about=str(settings.get("about", "")),
        clean_links=settings.get("links", "clean") == "clean",
    )
