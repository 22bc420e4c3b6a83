"""The operator's files, folders and pages of the web as a connector that only reads."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aios.connectors.files.fetch import Network, Web
from aios.connectors.files.read import PLAIN, Raw, document, finding, media_type_of
from aios.connectors.files.text import size
from aios.connectors.files.walk import Found, content_of, is_hidden, walk
from aios.connectors.reading import Reader
from aios.connectors.surroundings import Surroundings
from aios.domain.effect import Capability, Collected, CollectedDocument
from aios.domain.finding import Finding, Severity
from aios.domain.wording import counted
from aios.errors import AiosError, RefusedError, TransientError

__all__ = ["CAPABILITIES", "SETTINGS", "Files", "connect"]

_MIB = 1024 * 1024
_MOST_FINDINGS = 100

SETTINGS: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "max_files": {"type": "integer", "minimum": 1, "maximum": 5_000, "description": "Most files in one read; 500."},
        "max_bytes": {"type": "integer", "minimum": 1, "maximum": 16 * _MIB, "description": "Largest file; 1 MiB."},
        "max_total": {"type": "integer", "minimum": 1, "maximum": 512 * _MIB, "description": "All together; 20 MiB."},
        "timeout": {"type": "number", "exclusiveMinimum": 0, "maximum": 120, "description": "Seconds for a page; 20."},
        "within": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "description": "Folders that files may be read from; anywhere where left out.",
        },
        "web": {"type": "boolean", "description": "May pages of the web be read? Yes where left out."},
        "private_networks": {
            "type": "array",
            "items": {"type": "string", "pattern": r"^[0-9a-fA-F:.]+/\d{1,3}$"},
            "description": "Networks that are not public and may be read from all the same, like 10.1.0.0/16.",
        },
    },
}
_PARAMS: Mapping[str, Any] = {
    "type": "object",
    "required": ["locations"],
    "additionalProperties": False,
    "properties": {
        "locations": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 2_000},
            "maxItems": 1_000,
            "description": "Files, folders and addresses.",
        }
    },
}
CAPABILITIES: Mapping[str, Capability] = {
    "sources.read": Capability("sources.read", False, _PARAMS, "", "Read files, folders and pages as sources.")
}


@dataclass(frozen=True, slots=True)
class Files(Reader):
    """Relative paths start at `root`. Sizes are in bytes."""

    root: Path
    web: Web | None
    max_files: int = 500
    max_bytes: int = _MIB
    max_total: int = 20 * _MIB
    within: tuple[Path, ...] = ()

    def capabilities(self) -> Mapping[str, Capability]:
        return CAPABILITIES

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        """The documents at `params["locations"]`, in that order, each text once.

        What is refused or odd is a finding. Raises TransientError where every location failed for a passing
        reason, RefusedError where nothing at all could be read.
        """
        if capability not in CAPABILITIES:
            raise self.no(capability)
        documents: dict[str, CollectedDocument] = {}
        findings: list[Finding] = []
        total = passing = same = 0
        locations = [str(location) for location in params.get("locations") or ()]
        for raw in self._raw(locations):
            if isinstance(raw, Finding):
                findings.append(raw)
                passing += raw.rule == "source-unavailable"
                continue
            total += len(raw.content)
            if total > self.max_total or len(documents) >= self.max_files:
                most = f"{size(self.max_total)} together" if total > self.max_total else f"{self.max_files} files"
                message = f"reading stopped here: more than {most}"
                findings.append(finding(raw.origin, "source-many", message, "name fewer, or run it in parts"))
                break
            found, odd = document(raw)
            findings += odd
            if found is not None:
                same += found.sha256 in documents
                documents.setdefault(found.sha256, found)
        if locations and passing == len(locations) and not documents:
            raise TransientError(findings[0].message, findings[0].hint)
        if locations and not documents and findings:
            first = findings[0]
            more = f" (and {counted(len(findings) - 1, 'problem')} more)" if len(findings) > 1 else ""
            raise RefusedError(f"nothing could be read: {first.path}: {first.message}{more}", first.hint)
        data = {"locations": len(locations), "documents": len(documents), "same": same, "findings": len(findings)}
        return Collected(data, tuple(documents.values()), tuple(_bounded(findings)))

    def _raw(self, locations: Sequence[str]) -> Iterator[Raw | Finding]:
        for location in locations:
            if location.lower().startswith(("http://", "https://")):
                yield self._page(location)
            elif "://" in location[:12]:
                yield finding(location, "source-address", "addresses of this kind are not read", "http and https are")
            else:
                yield from self._path(location)

    def _page(self, url: str) -> Raw | Finding:
        if self.web is None:
            return finding(url, "source-address", "this connector reads no pages of the web", "`web: true` allows it")
        try:
            page = self.web.fetch(url)
        except TransientError as error:
            return finding(url, "source-unavailable", error.message, error.hint)
        except AiosError as error:
            return finding(url, "source-address", error.message, error.hint)
        name = page.url.partition("?")[0].rstrip("/").rpartition("/")[2]
        # Servers call Markdown plain text; its name knows better.
        media_type = media_type_of(name) or PLAIN if page.media_type == PLAIN else page.media_type
        return Raw(page.url, name, page.content, media_type, page.charset)

    def _path(self, location: str) -> Iterator[Raw | Finding]:
        try:
            path = self.root / Path(location).expanduser()
            real, folder = path.resolve(), path.is_dir()
        except (OSError, RuntimeError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else "") or "this is no path"
            yield finding(location, "source-missing", reason, "look at it")
            return
        if self.within and not any(real.is_relative_to(place) for place in self.within):
            hint = f"`within` in state/connectors/{self.name}.yaml names the folders that may"
            yield finding(location, "source-outside", "files may not be read from there", hint)
        elif is_hidden(Path(location)):
            yield finding(location, "source-hidden", "hidden files are not read", "copy it to a name without a dot")
        elif folder:
            count = 0
            for item in walk(path, location, limit=self.max_files):
                if isinstance(item, Finding):
                    yield item
                else:
                    count += 1
                    yield self._file(item)
            if not count:
                yield finding(location, "source-empty", "no text in this folder", "Markdown, text and HTML can be read")
        else:
            yield self._file(Found(path, location))

    def _file(self, found: Found) -> Raw | Finding:
        content = content_of(found.path, found.origin, limit=self.max_bytes)
        if isinstance(content, Finding):
            return content
        return Raw(found.origin, found.path.name, content, media_type_of(found.path.name, content))

    def check(self) -> Sequence[Finding]:
        place = f"state/connectors/{self.name}.yaml"
        return [
            Finding(place, 0, 0, "files-within", f"{folder} is no folder", "see `settings.within`", Severity.WARNING)
            for folder in self.within
            if not folder.is_dir()
        ]


def connect(name: str, settings: Mapping[str, Any], around: Surroundings) -> Files:
    """Raises RefusedError for a network that is none."""
    try:
        allowed: list[Network] = [ipaddress.ip_network(text) for text in settings.get("private_networks", ())]
    except ValueError as error:
        raise RefusedError(f"{name}: {error}", "write a network like 10.1.0.0/16") from error
    limit = int(settings.get("max_bytes", _MIB))
    web = Web(allowed, limit, float(settings.get("timeout", 20.0))) if settings.get("web", True) else None
    return Files(
        name=name,
        root=around.root,
        web=web,
        max_files=int(settings.get("max_files", 500)),
        max_bytes=limit,
        max_total=int(settings.get("max_total", 20 * _MIB)),
        within=tuple(around.path(folder) for folder in settings.get("within", ())),
    )


def _bounded(findings: Sequence[Finding]) -> list[Finding]:
    if len(findings) <= _MOST_FINDINGS:
        return list(findings)
    rest = len(findings) - _MOST_FINDINGS
    last = finding(
        "sources", "source-findings", f"{rest} more like these", "name fewer locations at once", Severity.WARNING
    )
    return [*findings[:_MOST_FINDINGS], last]
