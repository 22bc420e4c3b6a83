"""The static site as a connector.

An act changes one article's file, then renders the whole site from all of them. Both are atomic, and the second is a
pure function of the first: whatever a crash leaves, the next act (or the same one again) makes whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from aios.connectors.cms import LISTED, LISTING, offered, preview, undoing
from aios.connectors.media import read_approved
from aios.connectors.static_site.articles import Article, Articles, apply, file_of, load, load_all, render
from aios.connectors.static_site.output import DATA, locked, publish, refuse_foreign, shows, write
from aios.connectors.static_site.pages import pages
from aios.connectors.static_site.pictures import keep, pictures
from aios.connectors.static_site.settings import SETTINGS, Site, site_of
from aios.connectors.surroundings import Surroundings
from aios.domain.effect import Capability, Collected, Effect, Lookup, Outcome, Preview, Receipt
from aios.domain.finding import Finding, Severity
from aios.errors import RefusedError

__all__ = ["CAPABILITIES", "SETTINGS", "StaticSite", "connect"]

_LIST = Capability("cms.list", False, LISTING, summary="Tell what is at the site.", result=LISTED)
CAPABILITIES: Mapping[str, Capability] = {
    **offered(
        lookup="The site keeps the key of every act beside its article.",
        transient=("the directory is being written by another process",),
        posts=False,
    ),
    _LIST.name: _LIST,
}


def _nothing(_: str) -> None:
    return


@dataclass(frozen=True, slots=True)
class StaticSite:
    """One site. `root` is the company's directory, where pictures lie. `checkpoint` is called before every page that is
    written, so that tests can end the process there."""

    name: str
    site: Site
    root: Path = Path()
    checkpoint: Callable[[str], None] = _nothing

    def capabilities(self) -> Mapping[str, Capability]:
        return CAPABILITIES

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        del capability
        return self.site.address(str(payload["slug"]))

    def preview(self, effect: Effect) -> Preview:
        return preview(effect, gone="puts a page in its place that says it was withdrawn")

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        return undoing(effect, receipt, CAPABILITIES, self.target)

    def lookup(self, effect: Effect) -> Lookup:
        """Found once the whole site shows it: an act that was cut off in the middle is not found, and is made whole."""
        data = self.site.path / DATA
        article = load(file_of(data / "articles", str(effect.payload["id"])))
        if article is None or not article.knows(effect.key):
            return Lookup(None, authoritative=True)
        articles = load_all(data / "articles")
        if not shows(self.site.path, data, self._files(articles, data)):
            return Lookup(None, authoritative=True)
        return Lookup(self._outcome(effect), authoritative=True)

    def act(self, effect: Effect) -> Outcome:
        if effect.capability not in CAPABILITIES:
            raise RefusedError(
                f"{self.name} does not offer {effect.capability}", f"it offers {', '.join(CAPABILITIES)}"
            )
        with locked(self.site.path) as data:
            articles = load_all(data / "articles")
            before = articles.get(str(effect.payload["id"]))
            after = before if before and before.knows(effect.key) else apply(articles, effect)
            articles[after.id] = after
            shown = effect.payload.get("media") or () if after is not before else ()
            for digest, content in [(each["sha256"], read_approved(self.root, each)) for each in shown]:
                keep(data, digest, content)
            files = self._files(articles, data)
            # Before anything is written: what is refused must not be published along with the next act.
            refuse_foreign(self.site.path, data, files)
            if after is not before:
                self.checkpoint("writing the article")
                write(data, file_of(data / "articles", after.id), render(after), mode=0o600)
            publish(self.site.path, data, files, checkpoint=self.checkpoint)
            return self._outcome(effect)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        """What is at the site, newest first: what readers find on the disk, beside what was published."""
        if capability != _LIST.name:
            raise RefusedError(f"{self.name} offers nothing to read as {capability}", f"it offers {_LIST.name}")
        articles = load_all(self.site.path / DATA / "articles")
        files = pages(articles, self.site)
        newest = sorted(articles.values(), key=lambda article: (article.updated, article.id), reverse=True)
        return Collected({"articles": [self._listed(each, files) for each in newest[: params.get("limit")]]})

    def _listed(self, article: Article, files: Mapping[str, bytes]) -> dict[str, Any]:
        page = f"{article.slug}/index.html"
        found = self.site.path / page
        content = found.read_bytes() if found.is_file() else b""
        return {
            "id": article.id,
            "record": article.id,
            "slug": article.slug,
            "title": str(article.payload["title"]),
            "status": "published" if article.listed else "draft",
            "url": self.site.address(article.slug),
            "modified": article.updated,
            "hash": sha256(content).hexdigest()[:16],
            "edited": content != files.get(page, b""),
        }

    def check(self) -> Sequence[Finding]:
        path = self.site.path
        above = next(each for each in (path, *path.parents) if each.exists())
        place = f"state/connectors/{self.name}.yaml"
        if not above.is_dir():
            return [Finding(place, 0, 0, "site-path", f"{above} is no directory", "choose another `settings.path`")]
        import os

        if not os.access(above, os.W_OK):
            message = f"{above} cannot be written"
            return [Finding(place, 0, 0, "site-path", message, "look at the directory's owner")]
        data = path / DATA
        if not data.is_dir():
            return []
        articles = load_all(data / "articles")
        if shows(path, data, self._files(articles, data)):
            return []
        message = "the pages are not what the articles and settings make of them"
        return [Finding(place, 0, 0, "site-stale", message, "the next publication renders them", Severity.WARNING)]

    def _files(self, articles: Articles, data: Path) -> dict[str, bytes]:
        return dict(sorted({**pages(articles, self.site), **pictures(articles, data)}.items()))

    def _outcome(self, effect: Effect) -> Outcome:
        """The same whenever it is asked for the same act, however much happened since."""
        slug = str(effect.payload["slug"])
        url = self.site.address(slug)
        page = str(self.site.path / slug / "index.html")
        return Outcome(external_id=str(effect.payload["id"]), url=url, response={"url": url, "page": page})


def connect(name: str, settings: Mapping[str, Any], surroundings: Surroundings) -> StaticSite:
    return StaticSite(
        name, site_of(settings, surroundings.path(str(settings.get("path", "public")))), surroundings.root
    )
