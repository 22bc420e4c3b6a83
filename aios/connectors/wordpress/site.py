"""WordPress's posts as `Posts` wants them.

The mark lies in the post's own text, inside the block that holds the whole of it. A post is found by searching for the
mark's one word, which WordPress does in its database as it stands, and by its slug. Revisions bring texts back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

from aios.connectors.http import AnswerError
from aios.connectors.media import public_name
from aios.connectors.posts.connector import moment
from aios.connectors.posts.inert import inert
from aios.connectors.posts.marker import Marker, marked, token, unmarked
from aios.connectors.posts.post import Post, Status, Text
from aios.connectors.posts.sites import address, outside
from aios.connectors.prose import plain_prose
from aios.connectors.wordpress.api import Api
from aios.connectors.wordpress.diagnosis import diagnose
from aios.domain.event import one_line
from aios.domain.finding import Finding
from aios.domain.slug import slug as slug_of
from aios.errors import RefusedError

_POSTS, _BEGIN, _END = "/wp/v2/posts", "<!-- wp:html -->", "<!-- /wp:html -->"
_STATUS = {"publish": Status.LIVE, "draft": Status.DRAFT, "trash": Status.TRASH}
_NAMES = {Status.LIVE: "publish", Status.DRAFT: "draft"}
_ALL = {"context": "edit", "status": "any,trash"}
_REVISIONS = 100


@dataclass(frozen=True, slots=True)
class WordPress:
    """One site."""

    name: str
    base: str
    settings: Mapping[str, Any]
    api: Api

    def address(self, slug: str) -> str:
        return address(self.base, self.settings, slug)

    def text(self, payload: Mapping[str, Any], images: Mapping[str, str]) -> Text:
        """The title and the excerpt are HTML to WordPress: ours are words, and escaped."""
        slug = str(payload["slug"])
        html = plain_prose(
            str(payload["markdown"]),
            title=str(payload["title"]),
            language=str(self.settings.get("language", "en")),
            resolve=outside,
            images=images,
            within=slug,
        )
        tags = payload.get("tags") or () if self.settings.get("tags", True) else ()
        return Text(
            title=inert(escape(str(payload["title"]), quote=False)),
            html=f"{_BEGIN}\n{inert(html).rstrip()}\n{_END}",
            excerpt=inert(escape(str(payload.get("summary") or ""), quote=False)),
            slug=slug,
            tags=tuple(dict.fromkeys(self._tag(str(tag)) for tag in tags)),
        )

    def of(self, record: str) -> Sequence[Post]:
        found = self._find({"search": token(record)})
        return [post for post in found if post.marker is not None and post.marker.record == record]

    def at(self, slug: str) -> Post | None:
        """A page may have the address as well as a post; readers then see only one of the two."""
        found = self._find({"slug": slug, "status": "any"})
        if found:
            return found[0]
        pages = self.api.ask("GET", "/wp/v2/pages", params={"slug": slug, "_fields": "id,slug,link,title,modified_gmt"})
        return next((_page(each, self.base) for each in pages.data if each["link"] == self.address(slug)), None)

    def create(self, text: Text, marker: Marker, payload: Mapping[str, Any]) -> Post:
        date = moment(str(payload["date"])).strftime("%Y-%m-%dT%H:%M:%S")
        given = {**_fields(text, marker, Status.DRAFT), "date_gmt": date, **self._categories(payload), **self._author()}
        return _post(self.api.ask("POST", _POSTS, json=given).data, self.base)

    def write(self, post: Post, text: Text, marker: Marker | None, status: Status) -> Post:
        path = f"{_POSTS}/{post.id}"
        given = _fields(text, marker, status)
        found = self.api.ask("POST", path, json=given).data
        if status is Status.LIVE and found.get("status") == "future":  # its clock is behind ours
            found = self.api.ask("POST", path, json={"date_gmt": found["modified_gmt"], "status": "publish"}).data
        return _post(found, self.base)

    def trash(self, post: Post) -> None:
        try:
            self.api.ask("DELETE", f"{_POSTS}/{post.id}")
        except AnswerError as error:
            if error.status != 410:  # it is there already
                raise

    def discard(self, post: Post) -> None:
        self.api.ask("DELETE", f"{_POSTS}/{post.id}", params={"force": "true"})

    def earlier(self, post: Post, act: str) -> tuple[Text, Status] | None:
        """The newest revision of that act which is what the act left, not what somebody made of it."""
        for revision in self._revisions(post, _REVISIONS):
            html, marker = unmarked(str(revision["content"]["raw"]))
            if marker is None or marker.did[-1:] != (act,) or marker.doing:
                continue
            title, excerpt = str(revision["title"]["raw"]), str(revision["excerpt"]["raw"])
            text = Text(title, html, excerpt, marker.slug, marker.tags, marker.kept)
            if text.hash == marker.left and marker.status in _NAMES:
                return text, marker.status
        return None

    def edited(self, post: Post) -> str:
        last = next(iter(self._revisions(post, 1)), None)
        when = post.modified
        if last is None:
            return when
        author = str(last.get("author", ""))
        try:
            who = str(self.api.ask("GET", f"/wp/v2/users/{author}").data["name"])
        except (RefusedError, KeyError, TypeError):
            who = f"user {author}"
        return f"by {one_line(unescape(who), 60)}, {when}"

    def upload(self, item: Mapping[str, Any], content: bytes) -> str:
        """Its slug holds the hash of the file, and WordPress gives no slug twice."""
        name = public_name(item)
        slug = name.rpartition(".")[0]
        query = {"slug": slug, "context": "edit", "_fields": "id,slug,source_url"}
        found = self.api.ask("GET", "/wp/v2/media", params=query).data
        if found:
            return str(found[0]["source_url"])
        about = {"slug": slug, "title": slug, "alt_text": str(item.get("alt") or "")[:300]}
        headers = {"Content-Type": str(item["media_type"]), "Content-Disposition": f'attachment; filename="{name}"'}
        made = self.api.ask("POST", "/wp/v2/media", params=about, content=content, headers=headers).data
        if made["slug"] != slug:  # delivered twice at once
            self.api.ask("DELETE", f"/wp/v2/media/{made['id']}", params={"force": "true"})
            made = self.api.ask("GET", "/wp/v2/media", params=query).data[0]
        return str(made["source_url"])

    def listed(self, limit: int) -> Iterator[Post]:
        query = {**_ALL, "status": "any", "orderby": "modified"}
        return (_post(each, self.base) for each in self.api.every(_POSTS, limit, query))

    def check(self) -> Sequence[Finding]:
        return diagnose(self.name, self.api, self.settings, self.address)

    def _find(self, query: Mapping[str, Any]) -> list[Post]:
        return [_post(each, self.base) for each in self.api.every(_POSTS, 1_000, {**_ALL, **query})]

    def _revisions(self, post: Post, limit: int) -> list[Mapping[str, Any]]:
        query = {"context": "edit", "per_page": limit}
        found = self.api.ask("GET", f"{_POSTS}/{post.id}/revisions", params=query).data
        return sorted(found, key=lambda each: int(each["id"]), reverse=True)

    def _tag(self, name: str) -> str:
        """Its id, made where it is missing. WordPress takes tags for the same whose slugs are."""
        found = self.api.ask("GET", "/wp/v2/tags", params={"slug": slug_of(name), "_fields": "id,name"}).data
        for each in found:
            if unescape(str(each["name"])).casefold() == name.casefold():
                return str(each["id"])
        try:
            return str(self.api.ask("POST", "/wp/v2/tags", json={"name": name}).data["id"])
        except AnswerError as error:
            there = error.data.get("data", {}).get("term_id") if isinstance(error.data, Mapping) else None
            if there is None:
                raise
            return str(there)

    def _categories(self, payload: Mapping[str, Any]) -> dict[str, list[int]]:
        wanted = self.settings.get("categories") or {}
        names = dict.fromkeys(wanted[tag] for tag in ("*", *(payload.get("tags") or ())) if tag in wanted)
        if not names:
            return {}
        there = list(self.api.every("/wp/v2/categories", 1_000, {"_fields": "id,name,slug"}))
        by_name = {unescape(str(each["name"])).casefold(): int(each["id"]) for each in there}
        by_name |= {str(each["slug"]): int(each["id"]) for each in there}
        for name in names:
            if str(name).casefold() not in by_name:
                raise RefusedError(f"{self.name} has no category “{one_line(str(name), 60)}”", "see `categories`")
        return {"categories": [by_name[str(name).casefold()] for name in names]}

    def _author(self) -> dict[str, int]:
        wanted = self.settings.get("author")
        if not wanted:
            return {}
        found = self.api.ask("GET", "/wp/v2/users", params={"slug": wanted, "_fields": "id"}).data
        if not found:
            raise RefusedError(f"{self.name} shows no user “{one_line(str(wanted), 60)}”", "see `author`: it is a slug")
        return {"author": int(found[0]["id"])}


def _fields(text: Text, marker: Marker | None, status: Status) -> dict[str, Any]:
    return {
        "title": text.title,
        "content": marked(text.html, marker, _END),
        "excerpt": text.excerpt,
        "slug": text.slug,
        "tags": [int(tag) for tag in text.tags],
        "status": _NAMES[status],
    }


def _page(data: Mapping[str, Any], base: str) -> Post:
    """As readers see it: whoever writes posts need not have the right to look into pages."""
    title = unescape(str(data["title"]["rendered"]))
    return Post(
        id=str(data["id"]),
        text=Text(title, "", "", str(data["slug"])),
        status=Status.LIVE,
        url=str(data["link"]),
        edit=_edit(base, data),
        modified=f"{data['modified_gmt']}Z",
        title=title,
        kind="page",
    )


def _edit(base: str, data: Mapping[str, Any]) -> str:
    return f"{base}/wp-admin/post.php?post={data['id']}&action=edit"


def _post(data: Mapping[str, Any], base: str) -> Post:
    html, marker = unmarked(str(data["content"]["raw"]))
    slug, status = str(data["slug"]), _STATUS.get(str(data["status"]), Status.OTHER)
    pattern = str(data.get("permalink_template") or "")
    live = status is Status.LIVE or not pattern
    return Post(
        id=str(data["id"]),
        text=Text(
            title=str(data["title"]["raw"]),
            html=html,
            excerpt=str(data["excerpt"]["raw"]),
            slug=slug,
            tags=tuple(map(str, data.get("tags") or ())),
            kept=marker.kept if marker else (),
        ),
        status=status,
        url=str(data["link"]) if live else pattern.replace("%postname%", slug),
        edit=_edit(base, data),
        modified=f"{data['modified_gmt']}Z",
        title=unescape(str(data["title"]["raw"])),
        marker=marker,
        pattern=pattern,
    )
