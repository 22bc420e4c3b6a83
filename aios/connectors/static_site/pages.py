"""Every file of the site as a pure function of its articles and settings: the same in, the same bytes out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aios.connectors.media import public_name
from aios.connectors.prose import Prose, prose
from aios.connectors.static_site.articles import Article, Articles, instant
from aios.connectors.static_site.settings import Site
from aios.connectors.words import day, words
from aios.domain.slug import slug

_FOLDER = Path(__file__).parent / "templates"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PER_MINUTE = 220  # words that people read
_RECENT = 5
FEED, NOWHERE = "feed.xml", "1970-01-01T00:00:00Z"
_FEED_LENGTH = 30


@dataclass(frozen=True)
class Page:
    """An article as its page shows it."""

    article: Article
    site: Site
    prose: Prose

    @property
    def slug(self) -> str:
        return self.article.slug

    def __getattr__(self, name: str) -> Any:
        """Fields of the payload; empty where they are left out."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self.article.payload.get(name, "")

    @property
    def url(self) -> str:
        return self.site.address(self.slug)

    @property
    def by(self) -> str:
        return str(self.article.payload.get("author") or self.site.author)

    @property
    def minutes(self) -> int:
        return max(1, round(self.prose.words / _PER_MINUTE))

    @property
    def about(self) -> str:
        """What search results show."""
        return str(self.article.payload.get("description") or self.article.payload.get("summary") or "")

    @cached_property
    def tags(self) -> list[tuple[str, str]]:
        """(slug, text) of each subject, in the author's order."""
        return list({slug(str(tag)): str(tag) for tag in self.article.payload.get("tags") or ()}.items())

    @property
    def changed(self) -> bool:
        return self.article.updated[:10] > self.article.date[:10]

    @property
    def linked_data(self) -> Mapping[str, Any]:
        """schema.org's Article."""
        data: dict[str, Any] = {
            "@context": "https://schema.org",
            "@type": "Article",
            "headline": self.article.payload["title"],
            "description": self.about,
            "datePublished": moment(self.article.date),
            "dateModified": moment(self.article.updated),
            "inLanguage": self.site.language,
            "mainEntityOfPage": self.url,
            "url": self.url,
            "wordCount": self.prose.words,
            "publisher": {"@type": "Organization", "name": self.site.title, "url": f"{self.site.url}/"},
        }
        if self.by:
            data["author"] = {"@type": "Person", "name": self.by}
        if self.tags:
            data["keywords"] = [text for _, text in self.tags]
        return data


def moment(value: str) -> str:
    """A date or moment as RFC 3339 wants it."""
    if "T" not in value:
        return f"{value}T00:00:00Z"
    clock = value.partition("T")[2]
    bare = clock.rstrip("Z").partition("+")[0].partition("-")[0]
    return value.replace(bare, f"{bare}:00", 1) if bare.count(":") == 1 else value


def pages(articles: Articles, site: Site) -> dict[str, bytes]:
    """Path within the site → content, sorted by path."""
    listed = [article for article in articles.values() if article.listed]
    # Newest first; of one day, by address, so that the order never depends on who wrote the files.
    listed.sort(key=lambda article: article.slug)
    listed.sort(key=lambda article: instant(article.date), reverse=True)
    resolve = _Links(articles, site)
    shown = [Page(article, site, _prose(article, site, resolve)) for article in listed]
    css = (_FOLDER / "style.css").read_bytes()
    style = f"assets/style.{sha256(css).hexdigest()[:8]}.css"
    files: dict[str, bytes] = {style: css, "robots.txt": _robots(site)}
    show = _Show(site, style)
    files["index.html"] = show("index.html", "", pages=shown, tags=_subjects(shown))
    files["about/index.html"] = show("about.html", "../", prose=_about(site, resolve))
    files["404.html"] = show("missing.html", site.base, pages=shown[:_RECENT])
    for index, page in enumerate(shown):
        around = {"later": shown[index - 1] if index else None, "earlier": shown[index + 1 : index + 2]}
        files[f"{page.slug}/index.html"] = show("article.html", "../", page=page, **around)
    for name, text, tagged in _subjects(shown):
        files[f"tags/{name}/index.html"] = show("tag.html", "../../", name=name, text=text, pages=tagged)
    for article in articles.values():
        if not article.listed:
            files[f"{article.slug}/index.html"] = show("gone.html", "../", slug=article.slug)
        for old in article.former:
            files[f"{old}/index.html"] = show("moved.html" if article.listed else "gone.html", "../", slug=article.slug)
    newest = moment(max((page.article.updated for page in shown), key=instant, default=NOWHERE))
    files[FEED] = show("feed.xml", "", pages=shown[:_FEED_LENGTH], newest=newest)
    files["sitemap.xml"] = show("sitemap.xml", "", pages=shown, newest=newest, tags=_subjects(shown))
    return dict(sorted(files.items()))


def _prose(article: Article, site: Site, resolve: _Links) -> Prose:
    payload = article.payload
    images = {str(each["source"]): public_name(each) for each in payload.get("media") or ()}
    return prose(payload["markdown"], title=payload["title"], language=site.language, resolve=resolve, images=images)


def _about(site: Site, resolve: _Links) -> Prose:
    said = words(site.language)
    text = site.about or said["about_text"].format(title=site.title)
    return prose(text, title=site.title, language=site.language, resolve=resolve)


def _subjects(shown: Sequence[Page]) -> list[tuple[str, str, list[Page]]]:
    """(slug, text, articles) of every subject, sorted."""
    found: dict[str, tuple[str, list[Page]]] = {}
    for page in shown:
        for name, text in page.tags:
            found.setdefault(name, (text, []))[1].append(page)
    return [(name, *found[name]) for name in sorted(found)]


def _robots(site: Site) -> bytes:
    return f"User-agent: *\nAllow: /\n\nSitemap: {site.url}/sitemap.xml\n".encode()


class _Links:
    """Where links between articles lead: by record id, address or file name; former addresses to the new ones.

    What one article calls its record may be another one's address: `name.md` is the record then, `name` the address.
    """

    def __init__(self, articles: Articles, site: Site) -> None:
        self._site = site
        # By id: two records of one name must not change places with the order in which they came.
        listed = [articles[each] for each in sorted(articles) if articles[each].listed]
        self._records = {article.id.rpartition("/")[2]: article.slug for article in listed}
        self._addresses = {name: article.slug for article in listed for name in (*article.former, article.slug)}

    def __call__(self, href: str) -> tuple[str, bool] | None:
        try:
            parts = urlsplit(href)
        except ValueError:
            return None
        own = urlsplit(self._site.url)
        web = parts.scheme in {"", "http", "https"}
        inside = web and parts.netloc == own.netloc and parts.path.startswith(self._site.base)
        if (parts.scheme or parts.netloc) and not inside:
            return (href, True) if parts.scheme in {"http", "https", "mailto"} else None
        path = parts.path.removesuffix("index.html").rstrip("/")
        slug_ = self._addresses.get(path.removeprefix(self._site.base)) if inside else self._named(path)
        if slug_ is None:
            return (href, False) if inside else None
        tail = f"#{parts.fragment}" if parts.fragment else ""
        return f"../{slug_}/{'' if self._site.clean_links else 'index.html'}{tail}", False

    def _named(self, path: str) -> str | None:
        name = path.rpartition("/")[2]
        if name.endswith(".md"):
            name = name.removesuffix(".md")
            return self._records.get(name) or self._addresses.get(name)
        name = name.removesuffix(".html")
        return self._addresses.get(name) or self._records.get(name)


class _Show:
    """Renders one template for a page that lies `up` from the site's top."""

    def __init__(self, site: Site, style: str) -> None:
        self._site = site
        self._style = style

    def __call__(self, template: str, up: str, **context: Any) -> bytes:
        clean = self._site.clean_links or up.startswith("/")

        def to(path: str) -> str:
            """The address of a page, from this one."""
            folder = f"{up}{path}/" if path else up
            return folder if clean and folder else f"{folder}index.html"

        def at(path: str) -> str:
            """The address of a file, from this page."""
            return f"{up}{path}"

        text = (
            _templates()
            .get_template(f"{template}.j2")
            .render(
                site=self._site,
                say=words(self._site.language),
                day=lambda value: day(value, self._site.language),
                moment=moment,
                to=to,
                at=at,
                style=at(self._style),
                feed=FEED,
                json=_script_json,
                **context,
            )
        )
        return (_NOT_XML.sub("", text) if template.endswith(".xml") else text).encode()


@lru_cache(maxsize=1)
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _script_json(value: Any) -> Any:
    """JSON that cannot end the script element it stands in."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    escaped = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(escaped.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))  # noqa: S704  escaped above
