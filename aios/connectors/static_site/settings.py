"""What the operator says of their site, and what an article is made of: the two schemas of this connector."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SLUG = {"type": "string", "pattern": "^[a-z0-9]+(?:-[a-z0-9]+)*$", "maxLength": 64}
DATE = {
    "type": "string",
    "pattern": r"^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r"(?:T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$",
}
KEY = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}

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

ARTICLE: Mapping[str, Any] = {
    "type": "object",
    "required": ["id", "slug", "title", "markdown", "date"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 200, "description": "The record it is made from."},
        "slug": {**SLUG, "description": "The last part of its address."},
        "title": {"type": "string", "minLength": 1, "maxLength": 300},
        "summary": {"type": "string", "maxLength": 2_000},
        "description": {"type": "string", "maxLength": 1_000},
        "markdown": {"type": "string", "maxLength": 1_000_000, "description": "The text, Markdown without HTML."},
        "date": {**DATE, "description": "When it was published first."},
        "updated": {**DATE, "description": "When it changed last."},
        "tags": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 60}, "maxItems": 20},
        "author": {"type": "string", "maxLength": 200},
        "metrics_tag": {**SLUG, "description": "The name that the numbers know it by."},
        "tier": {"enum": ["offline", "small", "large"], "description": "Who wrote it: no model, a small one, a large."},
    },
}

REMOVAL: Mapping[str, Any] = {
    "type": "object",
    "required": ["id", "slug"],
    "additionalProperties": False,
    "properties": {
        "id": ARTICLE["properties"]["id"],
        "slug": SLUG,
        "undoes": {**KEY, "description": "What it undoes."},
    },
}

RESTORATION: Mapping[str, Any] = {**REMOVAL, "required": ["id", "slug", "undoes"]}


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
