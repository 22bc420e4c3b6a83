"""What every content management system is asked for, in one vocabulary: the payload is the same whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from aios.domain.effect import Capability, Effect, Preview, Receipt
from aios.domain.front_matter import render_markdown, render_yaml

SLUG = {"type": "string", "pattern": "^[a-z0-9]+(?:-[a-z0-9]+)*$", "maxLength": 64}
DATE = {
    "type": "string",
    "pattern": r"^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r"(?:T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$",
}
KEY = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
# Pictures that a browser shows and that cannot carry a script.
MEDIA_TYPES = {
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}

MEDIA: Mapping[str, Any] = {
    "type": "object",
    "required": ["source", "path", "sha256", "media_type"],
    "additionalProperties": False,
    "properties": {
        "source": {"type": "string", "minLength": 1, "maxLength": 1_000, "description": "How the text names it."},
        "path": {
            "type": "string",
            "pattern": r"^(?!/)(?!(?:.*/)?\.\.(?:/|$)).+$",
            "maxLength": 1_000,
            "description": "The file, from the company's root.",
        },
        "sha256": {**KEY, "description": "Of the very bytes that were approved."},
        "media_type": {"enum": sorted(set(MEDIA_TYPES.values()))},
        "alt": {"type": "string", "maxLength": 2_000, "description": "What it shows, in words."},
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
        "media": {"type": "array", "items": MEDIA, "maxItems": 100, "description": "Pictures that the text shows."},
        "over": {
            "type": "string",
            "pattern": "^[0-9a-f]{16}$",
            "description": "What cms.list calls the version at the site that this may replace, though it is not ours.",
        },
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

LISTING: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"limit": {"type": "integer", "minimum": 1, "maximum": 10_000, "description": "The newest so many."}},
}

LISTED: Mapping[str, Any] = {
    "type": "object",
    "required": ["articles"],
    "properties": {
        "articles": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "record", "slug", "title", "status", "url", "modified", "hash", "edited"],
                "properties": {
                    "id": {"type": "string", "description": "The site's own."},
                    "record": {"type": ["string", "null"], "description": "Whose it is; null where it is not ours."},
                    "slug": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"enum": ["published", "draft", "trash", "other"]},
                    "url": {"type": "string"},
                    "modified": {"type": "string", "description": "ISO 8601, UTC."},
                    "hash": {"type": "string", "description": "Of title, text, excerpt, slug and tags; see `over`."},
                    "edited": {"type": "boolean", "description": "Is it no longer what we left there?"},
                },
            },
        }
    },
}


def offered(*, lookup: str, transient: tuple[str, ...], posts: bool) -> Mapping[str, Capability]:
    """The capabilities, by name. `lookup` says how an earlier act is found; `posts` adds drafts and the list."""

    def write(name: str, payload: Mapping[str, Any], compensation: str, summary: str, shows: str) -> Capability:
        return Capability(
            name, True, payload, compensation, summary, lookup, authoritative=True, shows=shows, transient=transient
        )

    text = "every field and the whole text as Markdown, pictures by their hash"
    found = [
        write("cms.publish", ARTICLE, "cms.unpublish", "Publish an article.", text),
        write("cms.update", ARTICLE, "cms.restore", "Replace a published article's text.", text),
        write("cms.unpublish", REMOVAL, "cms.restore", "Withdraw an article.", "its address"),
        write("cms.restore", RESTORATION, "", "Bring back what an act replaced.", "its address and the act"),
    ]
    if posts:
        found += [
            write("cms.draft", ARTICLE, "cms.restore", "Leave an article as a draft that nobody sees yet.", text),
            Capability(
                "cms.list", False, LISTING, summary="Tell what is at the site.", result=LISTED, transient=transient
            ),
        ]
    return {each.name: each for each in found}


def preview(effect: Effect, *, gone: str) -> Preview:
    """Exactly what would be sent. `gone` says what readers find where an article was withdrawn."""
    payload = dict(effect.payload)
    markdown = payload.pop("markdown", None)
    text = render_yaml(payload) if markdown is None else render_markdown(payload, str(markdown))
    match effect.capability:
        case "cms.publish":
            summary, undo = f"Publish “{payload['title']}” at {effect.target}", f"cms.unpublish {gone}"
        case "cms.update":
            summary, undo = (
                f"Update “{payload['title']}” at {effect.target}",
                "cms.restore brings the text before it back",
            )
        case "cms.draft":
            summary = f"Leave “{payload['title']}” as a draft for {effect.target}"
            undo = "cms.restore throws the draft away, or brings the one before back"
        case "cms.unpublish":
            summary, undo = f"Withdraw {effect.target}", "cms.restore brings it back"
        case _:
            return Preview(f"Restore {effect.target} as it was before", text, False)
    return Preview(summary, text, True, undo)


def undoing(
    effect: Effect,
    receipt: Receipt,
    offers: Mapping[str, Capability],
    target: Callable[[str, Mapping[str, Any]], str],
) -> Effect | None:
    """What undoes a done effect; None where nothing does."""
    undone = offers[effect.capability].compensation
    if not undone:
        return None
    payload = {"id": effect.payload["id"], "slug": effect.payload["slug"], "undoes": receipt.key}
    return replace(effect, capability=undone, target=target(undone, payload), payload=payload)
