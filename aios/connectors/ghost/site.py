"""Ghost's posts as `Posts` wants them.

The text is one HTML card, which Ghost keeps as it is, with the mark at its end. All posts of ours carry the internal
tag `#aios`, which readers never see: by it they are listed. Ghost compares `updated_at` itself, so that a later edit is
never overwritten. Its revisions, which hold title and text, bring texts back, as far as it keeps them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aios.connectors.ghost.api import Api
from aios.connectors.http import AnswerError
from aios.connectors.media import public_name
from aios.connectors.posts.connector import moment
from aios.connectors.posts.marker import Marker, marked, unmarked
from aios.connectors.posts.post import Post, Status, Text
from aios.connectors.posts.sites import address, outside
from aios.connectors.prose import plain_prose
from aios.domain.event import one_line
from aios.domain.finding import Finding, Severity
from aios.errors import RefusedError

_BEGIN, _END = "<!--kg-card-begin: html-->", "<!--kg-card-end: html-->"
_STATUS = {"published": Status.LIVE, "draft": Status.DRAFT}
_NAMES = {Status.LIVE: "published", Status.DRAFT: "draft"}
_OURS = "#aios"
_READ = {"formats": "lexical", "include": "tags"}
_PAGE = 50
_TITLE, _EXCERPT, _DESCRIPTION = 255, 300, 500  # characters that it takes


@dataclass(frozen=True, slots=True)
class Ghost:
    """One site; `admin` is where its Admin API is asked."""

    name: str
    base: str
    admin: str
    settings: Mapping[str, Any]
    api: Api

    def address(self, slug: str) -> str:
        return address(self.base, {"permalinks": "/%postname%/", **self.settings}, slug)

    def text(self, payload: Mapping[str, Any], images: Mapping[str, str]) -> Text:
        slug, title, excerpt = str(payload["slug"]), str(payload["title"]).strip(), str(payload.get("summary") or "")
        if len(title) > _TITLE:
            raise RefusedError(f"{self.name} takes titles of {_TITLE} characters at most", "shorten it")
        if len(excerpt) > _EXCERPT:
            raise RefusedError(
                f"{self.name} takes {_EXCERPT} characters of summary at most, not {len(excerpt)}", "shorten it"
            )
        html = plain_prose(
            str(payload["markdown"]),
            title=title,
            language=str(self.settings.get("language", "en")),
            resolve=outside,
            images=images,
            within=slug,
        )
        tags = payload.get("tags") or () if self.settings.get("tags", True) else ()
        # A name that begins with # would be an internal tag.
        names = {str(tag).strip().lstrip("#").casefold(): str(tag).strip().lstrip("#") for tag in tags}
        return Text(
            title, html.rstrip(), excerpt, slug, tuple(filter(None, names.values())), _kept(payload, images, excerpt)
        )

    def of(self, record: str) -> Sequence[Post]:
        return [post for post in self._ours() if post.marker is not None and post.marker.record == record]

    def at(self, slug: str) -> Post | None:
        for kind in ("post", "page"):
            try:
                answer = self.api.ask("GET", f"/{kind}s/slug/{slug}/", params=_READ)
            except AnswerError as error:
                if error.status != 404:
                    raise
                continue
            return self._post(answer.data[f"{kind}s"][0], kind)
        return None

    def create(self, text: Text, marker: Marker, payload: Mapping[str, Any]) -> Post:
        date = moment(str(payload["date"])).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        about = str(payload.get("description") or "")[:_DESCRIPTION]
        given: dict[str, Any] = {
            **_fields(text, Status.DRAFT),
            **_card(text, marker),
            "published_at": date,
            "meta_description": about,
        }
        if "author" in self.settings:
            given["authors"] = [{"email": self.settings["author"]}]
        return self._send("POST", "/posts/", given)

    def write(self, post: Post, text: Text, marker: Marker | None, status: Status) -> Post:
        """What somebody made of the text at the site is not HTML to Ghost: only its mark is replaced."""
        source = _card(text, marker) if text.html != post.text.html or not post.raw else _remarked(post, marker)
        given = {**_fields(text, status), **source, "updated_at": post.version}
        return self._send("PUT", f"/posts/{post.id}/", given)

    def trash(self, post: Post) -> None:
        """It has no trash: a draft of ours is deleted."""
        self.discard(post)

    def discard(self, post: Post) -> None:
        try:
            self.api.ask("DELETE", f"/posts/{post.id}/")
        except AnswerError as error:
            if error.status != 404:
                raise

    def earlier(self, post: Post, act: str) -> tuple[Text, Status] | None:
        for revision in self._revisions(post):
            html, marker = unmarked(_html(str(revision.get("lexical") or "")))
            if marker is None or marker.did[-1:] != (act,) or marker.doing:
                continue
            excerpt = dict(marker.kept).get("excerpt", "")
            text = Text(str(revision["title"]), html, excerpt, marker.slug, marker.tags, marker.kept)
            if text.hash == marker.left and marker.status in _NAMES:
                return text, marker.status
        return None

    def edited(self, post: Post) -> str:
        last = next(iter(self._revisions(post)), {})
        who = (last.get("author") or {}).get("name")
        return f"by {one_line(str(who), 60)}, {post.modified}" if who else post.modified

    def upload(self, item: Mapping[str, Any], content: bytes) -> str:
        """Ghost lists no pictures: those of our own posts are found by their marks."""
        name = public_name(item)
        for post in self._ours():
            for kept, url in post.text.kept:
                if kept == f"file-{str(item['sha256'])[7:23]}":
                    return url
        boundary = f"aios-{str(item['sha256'])[7:39]}"
        parts = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nimage\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Type: {item['media_type']}\r\n\r\n"
        )
        body = parts.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return str(self.api.ask("POST", "/images/upload/", content=body, headers=headers).data["images"][0]["url"])

    def listed(self, limit: int) -> Iterator[Post]:
        return self._every({"order": "updated_at desc"}, limit)

    def check(self) -> Sequence[Finding]:
        place = f"state/connectors/{self.name}.yaml"
        about = self.api.ask("GET", "/site/").data["site"]
        newest = next(self._every({"filter": "status:published", "order": "published_at desc"}, 1), None)
        shown = str(about.get("url", "")).rstrip("/")
        if shown != self.base:
            message = f"the site says that it is {one_line(shown, 120)}, not {self.base}"
            return [Finding(place, 0, 0, "ghost-url", message, "write that as `url`", Severity.ERROR)]
        if newest is not None and newest.url != self.address(newest.text.slug) and "%" not in self.address(""):
            message = f"posts are found at {one_line(newest.url, 120)} there, not at {self.address(newest.text.slug)}"
            return [Finding(place, 0, 0, "ghost-permalinks", message, "set `permalinks`", Severity.ERROR)]
        return []

    def _send(self, method: str, path: str, given: Mapping[str, Any]) -> Post:
        query = {**_READ, "source": "html", "save_revision": "1"}
        if "lexical" in given:
            del query["source"]
        if method == "POST":
            del query["save_revision"]
        try:
            answer = self.api.ask(method, path, params=query, json={"posts": [given]})
        except AnswerError as error:
            if error.status == 409:
                raise RefusedError(f"{self.name}: somebody saved it at the site just now", "try again") from error
            raise
        return self._post(answer.data["posts"][0])

    def _ours(self) -> Iterator[Post]:
        return self._every({"filter": "tag:hash-aios", "order": "id asc"}, 100_000)

    def _every(self, query: Mapping[str, Any], limit: int) -> Iterator[Post]:
        page: int | None = 1
        while page is not None and limit > 0:
            data = self.api.ask("GET", "/posts/", params={**_READ, **query, "limit": _PAGE, "page": page}).data
            yield from (self._post(each) for each in data["posts"][:limit])
            limit -= len(data["posts"])
            page = data["meta"]["pagination"]["next"]

    def _revisions(self, post: Post) -> list[Mapping[str, Any]]:
        """Newest first."""
        query = {"formats": "lexical", "include": "post_revisions,post_revisions.author"}
        found = self.api.ask("GET", f"/posts/{post.id}/", params=query).data["posts"][0].get("post_revisions") or []
        return sorted(found, key=lambda each: int(each["created_at_ts"]), reverse=True)

    def _post(self, data: Mapping[str, Any], kind: str = "post") -> Post:
        html, marker = unmarked(_html(str(data.get("lexical") or "")))
        tags = tuple(str(tag["name"]) for tag in data.get("tags") or () if not str(tag["name"]).startswith("#"))
        title = str(data["title"])
        excerpt = str(data.get("custom_excerpt") or "")
        post = Post(
            id=str(data["id"]),
            text=Text(title, html, excerpt, str(data["slug"]), tags, marker.kept if marker else ()),
            status=_STATUS.get(str(data["status"]), Status.OTHER),
            url=str(data.get("url") or ""),
            edit=f"{self.admin}/ghost/#/editor/{kind}/{data['id']}",
            modified=f"{str(data['updated_at'])[:19]}Z",
            title=title,
            marker=marker,
            kind=kind,
            raw=str(data.get("lexical") or ""),
            version=str(data["updated_at"]),
        )
        return post if post.status is Status.LIVE else replace(post, url=self.address(post.text.slug))


def _kept(payload: Mapping[str, Any], images: Mapping[str, str], excerpt: str) -> tuple[tuple[str, str], ...]:
    files = {f"file-{str(item['sha256'])[7:23]}": images[item["source"]] for item in payload.get("media") or ()}
    return (*((("excerpt", excerpt),) if excerpt else ()), *sorted(files.items()))


def _fields(text: Text, status: Status) -> dict[str, Any]:
    return {
        "title": text.title,
        "slug": text.slug,
        "custom_excerpt": text.excerpt or None,
        "tags": [{"name": name} for name in (*text.tags, _OURS)],
        "status": _NAMES[status],
    }


def _card(text: Text, marker: Marker | None) -> dict[str, str]:
    if not text.html.startswith("[{"):
        return {"html": f"{_BEGIN}\n{marked(text.html, marker, '')}\n{_END}"}
    children = json.loads(text.html)  # a document of somebody else's
    if marker is not None:
        children.append({"type": "html", "version": 1, "html": str(marker)})
    root = {"children": children, "direction": None, "format": "", "indent": 0, "type": "root", "version": 1}
    return {"lexical": json.dumps({"root": root}, ensure_ascii=False)}


def _remarked(post: Post, marker: Marker | None) -> dict[str, str]:
    """The text as Ghost keeps it, with another mark in the card that held the last one."""
    document = json.loads(post.raw)
    for node in document["root"]["children"]:
        if node.get("type") == "html":
            bare, found = unmarked(str(node.get("html", "")))
            if found is not None:
                node["html"] = marked(bare, marker, "")
                break
    return {"lexical": json.dumps(document, ensure_ascii=False)}


def _html(lexical: str) -> str:
    """The HTML of our one card; the whole document where somebody made more of it at the site, with the mark behind."""
    try:
        children = json.loads(lexical)["root"]["children"]
    except (ValueError, KeyError, TypeError):
        return lexical
    some = [node for node in children if node.get("type") != "paragraph" or node.get("children")]
    if len(some) == 1 and some[0].get("type") == "html":
        return str(some[0].get("html", "")).strip("\n")
    marks = [marker for node in children if (marker := unmarked(str(node.get("html", "")))[1])]
    bare = [{**node, "html": unmarked(str(node["html"]))[0]} if "html" in node else node for node in children]
    told = json.dumps(bare, ensure_ascii=False, sort_keys=True)
    return marked(told, marks[-1], "") if marks else told
