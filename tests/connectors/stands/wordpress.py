"""WordPress's REST API, as far as its handbook tells and as a real one (6.1) was seen to answer: posts, pages,
revisions, media, tags, categories and users; a taken slug gets a number, revisions hold title, content and excerpt, a
thrown away post keeps its text, names of tags are HTML.
"""

from __future__ import annotations

import base64
import copy
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

from aios.domain.slug import slug as slug_of
from tests.connectors.stands import Stand
from tests.connectors.stands.serving import Asked, Said, serve

USER, SECRET = "ann", "s3cret-value-nobody-may-see"
ALL_RIGHTS = ("publish_posts", "edit_published_posts", "upload_files", "edit_posts")
SHOWN = ("title", "content", "excerpt")


class _RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str, **data: Any) -> None:
        super().__init__(message)
        self.said = Said({"code": code, "message": message, "data": {"status": status, **data}}, status)


@dataclass
class Blog:
    """Everything on it. `asked` are all requests, `done` what changed for readers and editors."""

    permalinks: str = "/%postname%/"
    rights: tuple[str, ...] = ALL_RIGHTS
    kses: Callable[[str], str] = str  # what it makes of a text of a user who may not write any HTML
    revisions: bool = True
    posts: dict[int, dict[str, Any]] = field(default_factory=dict)
    history: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    media: dict[int, dict[str, Any]] = field(default_factory=dict)
    terms: dict[str, dict[int, str]] = field(default_factory=lambda: {"tags": {}, "categories": {1: "Uncategorized"}})
    asked: list[Asked] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    clock: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def edit(self, post: int, **fields: Any) -> None:
        """What somebody does at the site, in its own editor."""
        self._write(self.posts[post], fields)

    def page(self, slug: str) -> None:
        made = self._make({"title": slug.title(), "slug": slug, "status": "publish"})
        made["type"] = "page"

    def answer(self, asked: Asked) -> Said:
        self.asked.append(asked)
        try:
            return self._answer(asked)
        except _RefusedError as error:
            return error.said

    def _answer(self, asked: Asked) -> Said:
        who = "Basic " + base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
        if asked.parts[:1] != ["wp-json"]:
            return Said(None, 404, {"Content-Type": "text/html"})
        if asked.parts[1:] in ([], [""]):
            return Said({"namespaces": ["wp/v2"], "authentication": {"application-passwords": {}}})
        if asked.headers.get("authorization") != who:
            if "status" in asked.query:
                about = {"status": "Status is forbidden."}
                raise _RefusedError(400, "rest_invalid_param", "Invalid parameter(s): status", params=about)
            raise _RefusedError(401, "rest_not_logged_in", "You are not currently logged in.")
        match asked.method, asked.parts[3:]:
            case "GET", ["users", "me"]:
                return Said({"id": 1, "capabilities": dict.fromkeys(self.rights, True)})
            case "GET", ["users", _]:
                return Said({"id": 1, "name": "Ann &amp; Bob"})
            case "GET", ["users"]:
                return Said([{"id": 1}] if asked.query.get("slug") == USER else [])
            case method, ["posts" | "pages" as kind, *rest]:
                return self._posts(method, kind.removesuffix("s"), rest, asked)
            case method, ["media", *rest]:
                return self._media(method, rest, asked)
            case method, ["tags" | "categories" as kind]:
                return self._terms(method, kind, asked)
        raise _RefusedError(404, "rest_no_route", "No route was found matching the URL and request method.")

    def _posts(self, method: str, kind: str, rest: list[str], asked: Asked) -> Said:
        base = f"http://{asked.headers['host']}"
        if method == "GET" and not rest:
            query = asked.query
            states = {"publish"} if "status" not in query else set(query["status"].split(","))
            if "any" in states:
                states |= {"publish", "draft", "pending", "private", "future"}
            found = [
                post
                for post in self.posts.values()
                if post["type"] == kind
                and post["status"] in states
                and query.get("slug", post["slug"]) == post["slug"]
                and any(query.get("search", "") in post[name] for name in SHOWN)
            ]
            found.sort(key=lambda post: (post["modified_gmt" if query.get("orderby") else "date_gmt"], post["id"]))
            found.reverse()
            size, page = int(query.get("per_page", 10)), int(query.get("page", 1))
            some = [self._shown(post, base) for post in found[(page - 1) * size : page * size]]
            return Said(some, 200, {"X-WP-TotalPages": str(-(-len(found) // size))})
        if method == "POST" and not rest:
            self._may("publish_posts")
            return Said(self._shown(self._make(asked.json), base), 201)
        post = self.posts.get(int(rest[0]))
        if post is None:
            raise _RefusedError(404, "rest_post_invalid_id", "Invalid post ID.")
        if rest[1:] == ["revisions"]:
            return Said([{**self._raw(each), "author": 1} for each in reversed(self.history.get(post["id"], []))])
        if method == "DELETE":
            return self._thrown(post, asked)
        if method == "POST":
            self._write(post, asked.json)
        return Said(self._shown(post, base))

    def _may(self, right: str) -> None:
        if right not in self.rights:
            raise _RefusedError(403, "rest_cannot_create", "Sorry, you are not allowed to create posts as this user.")

    def _make(self, given: dict[str, Any]) -> dict[str, Any]:
        number = next(self.ids)
        date = given.get("date_gmt", "2026-03-01T00:00:00")
        post: dict[str, Any] = {"id": number, "type": "post", "slug": "", "status": "draft", "tags": [], "author": 1}
        self.posts[number] = post | dict.fromkeys(SHOWN, "") | {"date_gmt": date, "modified_gmt": date}
        self.posts[number] |= {"categories": given.get("categories", [1])}
        self._write(self.posts[number], given, made=True)
        return self.posts[number]

    def _write(self, post: dict[str, Any], given: dict[str, Any], *, made: bool = False) -> None:
        before = copy.deepcopy(post)
        for name in ("title", "content", "excerpt", "status", "tags", "date_gmt"):
            if name in given:
                post[name] = self.kses(given[name]) if name in SHOWN else given[name]
        if "slug" in given:
            post["slug"] = self._free(given["slug"], post)
        if made or post == before:
            return
        post["modified_gmt"] = f"2026-03-09T12:{next(self.clock):02}:00"
        if self.revisions and any(post[name] != before[name] for name in SHOWN):
            kept = {name: post[name] for name in SHOWN}
            self.history.setdefault(post["id"], []).append({"id": next(self.ids), **kept})
        told = {("draft", "publish"): "publish", ("publish", "draft"): "unpublish"}
        what = told.get((before["status"], post["status"]), f"change {post['status']}")
        self.done[f"{what} {post['slug']}"] += 1

    def _free(self, slug: str, post: dict[str, Any]) -> str:
        taken = {each["slug"] for each in self.posts.values() if each is not post and each["type"] == post["type"]}
        names = itertools.chain([slug], (f"{slug}-{number}" for number in itertools.count(2)))
        return next(name for name in names if name not in taken)

    def _thrown(self, post: dict[str, Any], asked: Asked) -> Said:
        if asked.query.get("force") == "true":
            del self.posts[post["id"]]
            return Said({"deleted": True})
        if post["status"] == "trash":
            raise _RefusedError(410, "rest_already_trashed", "The post has already been deleted.")
        post |= {"status": "trash", "slug": f"{post['slug']}__trashed"}
        self.done[f"trash {post['slug']}"] += 1
        return Said(self._shown(post, ""))

    def _raw(self, post: dict[str, Any]) -> dict[str, Any]:
        return {**post, **{name: {"raw": post[name], "rendered": post[name]} for name in SHOWN}}

    def _shown(self, post: dict[str, Any], base: str) -> dict[str, Any]:
        template = base + self.permalinks if post["type"] == "post" else f"{base}/%pagename%/"
        for name, part in (("year", slice(0, 4)), ("monthnum", slice(5, 7)), ("day", slice(8, 10))):
            template = template.replace(f"%{name}%", post["date_gmt"][part])
        public = template.replace("%postname%", post["slug"]).replace("%pagename%", post["slug"])
        link = public if post["status"] == "publish" else f"{base}/?p={post['id']}"
        return {**self._raw(post), "link": link, "permalink_template": template}

    def _media(self, method: str, rest: list[str], asked: Asked) -> Said:
        if method == "GET":
            return Said([each for each in self.media.values() if each["slug"] == asked.query["slug"]])
        if method == "DELETE":
            return Said(self.media.pop(int(rest[0])))
        self._may("upload_files")
        name = asked.headers["content-disposition"].partition('filename="')[2].rstrip('"')
        taken, slug = {each["slug"] for each in self.media.values()}, asked.query["slug"]
        number = next(self.ids)
        made = {"id": number, "slug": f"{slug}-2" if slug in taken else slug, "alt_text": asked.query["alt_text"]}
        made["source_url"] = f"http://{asked.headers['host']}/wp-content/uploads/2026/03/{name}"
        self.media[number] = made
        return Said({**made, "bytes": len(asked.body)}, 201)

    def _terms(self, method: str, kind: str, asked: Asked) -> Said:
        terms = self.terms[kind]
        if method == "GET":
            told = [{"id": n, "name": escape(name), "slug": slug_of(name)} for n, name in terms.items()]
            return Said([each for each in told if asked.query.get("slug", each["slug"]) == each["slug"]])
        name = asked.json["name"]
        for number, other in terms.items():
            if other.casefold() == name.casefold():
                raise _RefusedError(400, "term_exists", "A term with the name provided already exists.", term_id=number)
        number = next(self.ids)
        terms[number] = name
        return Said({"id": number, "name": escape(name), "slug": slug_of(name)}, 201)


def serve_wordpress(blog: Blog | None = None) -> Stand:
    blog = blog or Blog()
    address, stop = serve(blog.answer)

    def snapshot() -> Any:
        return copy.deepcopy((blog.posts, blog.history, blog.media, blog.terms))

    return Stand(address, settings, lambda: Counter(blog.done), snapshot, stop)


def settings(at: str) -> dict[str, Any]:
    return {"url": f"http://{at}", "username": USER, "password": {"env": "TOKEN"}}
