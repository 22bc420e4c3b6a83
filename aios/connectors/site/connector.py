"""A real website as a folder of files: index, article pages, feed, sitemap. Pages are a pure function of the articles."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from aios.domain.effect import Capability, Collected, Effect, Lookup, Outcome, Preview
from aios.domain.finding import Finding, Severity
from aios.domain.keys import canonical_json
from aios.errors import AiosError, RefusedError

_TEXT = {"type": "string"}
_ARTICLE = {
    "type": "object",
    "required": ["id", "slug", "title", "markdown", "date"],
    "properties": {
        "id": _TEXT, "slug": _TEXT, "title": _TEXT, "summary": _TEXT, "description": _TEXT, "markdown": _TEXT,
        "date": _TEXT, "updated": _TEXT, "author": _TEXT, "metrics_tag": _TEXT,
        "tags": {"type": "array", "items": _TEXT},
    },
    "additionalProperties": False,
}
_REMOVAL = {"type": "object", "required": ["id", "slug"], "properties": {"id": _TEXT, "slug": _TEXT}}
DATA = ".aios-site"


class StaticSite:
    """Settings: `path` (folder), `url`, `title`, `description`, `author`, `language`."""

    def __init__(self, name: str, settings: Mapping[str, Any], *, root: Path, clock: Callable[[], datetime]) -> None:
        del clock
        if not settings.get("url"):
            raise ValueError("the site's `url` is missing")
        self._name = name
        self.settings = dict(settings)
        self.root = root / str(settings.get("path", "public"))
        self.url = str(settings["url"]).rstrip("/")

    @property
    def name(self) -> str:
        return self._name

    def capabilities(self) -> Mapping[str, Capability]:
        return {
            "cms.publish": Capability("cms.publish", True, _ARTICLE, "cms.unpublish", "publish an article"),
            "cms.update": Capability("cms.update", True, _ARTICLE, "", "replace a published article"),
            "cms.unpublish": Capability("cms.unpublish", True, _REMOVAL, "cms.publish", "take an article down"),
        }

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        del capability
        return f"{self.url}/{payload['slug']}/"

    def preview(self, effect: Effect) -> Preview:
        verb = {"cms.publish": "Publish", "cms.update": "Update", "cms.unpublish": "Take down"}[effect.capability]
        payload = effect.payload
        lines = [f"{key}: {value}" for key, value in payload.items() if key != "markdown" and value]
        text = "\n".join([*lines, "", str(payload.get("markdown", ""))]).rstrip()
        title = payload.get("title", payload["slug"])
        undo = {"cms.publish": "aios revert takes it down", "cms.unpublish": "publish it again"}.get(effect.capability, "")
        return Preview(f"{verb} “{title}” at {effect.target}", text, effect.capability != "cms.update", undo)

    def lookup(self, effect: Effect) -> Lookup:
        data = self._article(str(effect.payload["slug"]))
        if data is not None and data.get("key") == effect.key:
            self._render()
            return Lookup(self._outcome(effect), authoritative=True)
        return Lookup(None, authoritative=True)

    def act(self, effect: Effect) -> Outcome:
        slug = str(effect.payload["slug"])
        current = self._article(slug)
        if current is not None and current["payload"]["id"] != effect.payload["id"] and not current.get("gone"):
            raise RefusedError(f"/{slug}/ belongs to {current['payload']['id']}", "give the piece another slug")
        gone = effect.capability == "cms.unpublish"
        payload = current["payload"] if gone and current else dict(effect.payload)
        if gone and current is None:
            raise AiosError(f"there is no article /{slug}/", "it was never published here")
        self._write(self.root / DATA / f"{slug}.json", canonical_json({"key": effect.key, "gone": gone, "payload": payload}))
        self._render()
        return self._outcome(effect)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        del params
        raise AiosError(f"{self._name} cannot read {capability}")

    def check(self) -> Sequence[Finding]:
        parent = next(each for each in (self.root, *self.root.parents) if each.exists())
        if not os.access(parent, os.W_OK):
            return [Finding(str(self.root), 0, 0, "site", f"{parent} is not writable", "", Severity.ERROR)]
        return []

    def _outcome(self, effect: Effect) -> Outcome:
        return Outcome(str(effect.payload["slug"]), effect.target, {"target": effect.target})

    def page(self, slug: str) -> Path:
        return self.root / slug / "index.html"

    def _article(self, slug: str) -> dict[str, Any] | None:
        path = self.root / DATA / f"{slug}.json"
        return json.loads(path.read_text()) if path.is_file() else None

    def _render(self) -> None:
        from aios.connectors.site.pages import render_site

        data = [json.loads(path.read_text()) for path in sorted((self.root / DATA).glob("*.json"))]
        live = [each["payload"] for each in data if not each["gone"]]
        for path, text in render_site(self.settings | {"url": self.url}, live).items():
            self._write(self.root / path, text)
        for each in data:
            if each["gone"]:
                self.page(each["payload"]["slug"]).unlink(missing_ok=True)

    def _write(self, path: Path, text: str) -> None:
        if path.is_file() and path.read_text() == text:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        with part.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
