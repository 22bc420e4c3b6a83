"""Ghost's Admin API, as far as its documentation and its published source tell: posts, pages, revisions, images. It is
not held against a real one by the tests, for that takes a quarter of an hour to install.

Tokens are checked; a save needs `updated_at` as it stands; a taken slug gets a number; tags match whatever their case;
HTML in one card is kept as it is; a revision is kept whenever it is saved as published, unpublished or explicitly.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.connectors.stands import Stand
from tests.connectors.stands.serving import Asked, Said, serve

KEY_ID, KEY_SECRET = "0123456789abcdef01234567", "5ec2e7" + "0f" * 29
KEY = f"{KEY_ID}:{KEY_SECRET}"
_CARD = re.compile(r"<!--kg-card-begin: html-->\n(.*)\n<!--kg-card-end: html-->", re.DOTALL)
_KEPT = 25


class _RefusedError(Exception):
    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.said = Said({"errors": [{"message": message, "type": kind}]}, status)


@dataclass
class Magazine:
    """Everything in it. `asked` are all requests, `done` what changed for readers and editors."""

    now: int = 1_773_057_600  # 2026-03-09T12:00:00Z
    elsewhere: str = ""  # in front of every public address
    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: dict[str, bytes] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    clock: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def edit(self, post: str, **fields: Any) -> None:
        """What somebody does in its own editor."""
        self._write(self.posts[post], fields, save=True)

    def append(self, post: str, text: str) -> None:
        document = json.loads(self.posts[post]["lexical"])
        document["root"]["children"].append({"type": "paragraph", "children": [{"type": "text", "text": text}]})
        self.edit(post, lexical=json.dumps(document))

    def page(self, slug: str) -> None:
        self._make({"title": slug.title(), "slug": slug, "status": "published"}, "page")

    def answer(self, asked: Asked) -> Said:
        self.asked.append(asked)
        try:
            if asked.parts[:3] != ["ghost", "api", "admin"]:
                return Said(None, 404, {"Content-Type": "text/html"})
            self._admit(asked.headers.get("authorization", ""))
            return self._answer(asked.method, asked.parts[3:], asked)
        except _RefusedError as error:
            return error.said

    def _admit(self, authorization: str) -> None:
        try:
            scheme, _, token = authorization.partition(" ")
            head, body, signature = token.split(".")
            (header, claims, signed) = (base64.urlsafe_b64decode(part + "==") for part in (head, body, signature))
            told, about = json.loads(claims), json.loads(header)
        except ValueError:
            raise _RefusedError(401, "UnauthorizedError", "Invalid token") from None
        right = hmac.new(bytes.fromhex(KEY_SECRET), f"{head}.{body}".encode(), hashlib.sha256).digest()
        fits = scheme == "Ghost" and about == {"alg": "HS256", "kid": KEY_ID, "typ": "JWT"}
        if not fits or not hmac.compare_digest(right, signed):
            raise _RefusedError(401, "UnauthorizedError", "Invalid token: invalid signature")
        if told["aud"] != "/admin/" or not told["iat"] <= self.now < told["exp"] <= told["iat"] + 300:
            raise _RefusedError(401, "UnauthorizedError", "Invalid token: jwt expired")

    def _answer(self, method: str, parts: list[str], asked: Asked) -> Said:
        base = f"http://{asked.headers['host']}"
        match method, parts:
            case "GET", ["site"]:
                return Said({"site": {"title": "Test", "url": f"{base}/", "version": "5.130"}})
            case "POST", ["images", "upload"]:
                return self._image(asked, base)
            case "GET", ["posts"]:
                return self._browse(asked, base)
            case "POST", ["posts"]:
                made = self._make(self._given(asked), "post")
                return Said({"posts": [self._shown(made, base, asked)]}, 201)
            case "GET", ["posts" | "pages" as kind, "slug", slug]:
                for post in self.posts.values():
                    if post["slug"] == slug and post["type"] == kind.removesuffix("s"):
                        return Said({kind: [self._shown(post, base, asked)]})
            case _, ["posts", number] if number in self.posts:
                return self._one(method, self.posts[number], asked, base)
        raise _RefusedError(404, "NotFoundError", "Resource not found error, cannot read post.")

    def _one(self, method: str, post: dict[str, Any], asked: Asked, base: str) -> Said:
        if method == "DELETE":
            self.done[f"delete {post['slug']}"] += post["status"] == "published" or "did=" in post["lexical"]
            del self.posts[post["id"]]
            return Said(None, 204)
        if method == "PUT":
            given = self._given(asked)
            if "updated_at" not in given:
                raise _RefusedError(422, "ValidationError", "Validation error, cannot edit post.")
            if given.pop("updated_at") != post["updated_at"]:
                message = "Saving failed! Someone else is editing this post."
                raise _RefusedError(409, "UpdateCollisionError", message)
            self._write(post, given, save=asked.query.get("save_revision") == "1")
        return Said({"posts": [self._shown(post, base, asked)]})

    def _given(self, asked: Asked) -> dict[str, Any]:
        (given,) = asked.json["posts"]
        if len(given.get("custom_excerpt") or "") > 300 or len(given.get("title", "")) > 255:
            raise _RefusedError(422, "ValidationError", "Validation error, cannot save post.")
        html = given.pop("html", None)
        if asked.query.get("source") == "html" and html is not None:
            found = _CARD.fullmatch(html)
            assert found, "only cards are kept as they are"
            card = {"type": "html", "version": 1, "html": found[1]}
            given["lexical"] = json.dumps({"root": {"children": [card], "type": "root", "version": 1}})
        return dict(given)

    def _make(self, given: dict[str, Any], kind: str) -> dict[str, Any]:
        number = f"{next(self.ids):024x}"
        post: dict[str, Any] = {
            "id": number,
            "type": kind,
            "title": "(Untitled)",
            "slug": "",
            "status": "draft",
            "lexical": "{}",
        }
        post |= {"tags": [], "custom_excerpt": None, "published_at": None, "post_revisions": [], "updated_at": ""}
        self.posts[number] = post
        self._write(post, given, save=False, made=True)
        return post

    def _write(self, post: dict[str, Any], given: dict[str, Any], *, save: bool, made: bool = False) -> None:
        before = copy.deepcopy(post)
        post |= {name: value for name, value in given.items() if name not in {"tags", "slug"}}
        if "slug" in given:
            post["slug"] = self._free(given["slug"], post)
        if "tags" in given:
            post["tags"] = [{"name": self._tag(tag["name"])} for tag in given["tags"]]
        if not made and post == before:
            return
        post["updated_at"] = f"2026-03-09T12:{next(self.clock):02}:00.000Z"
        unpublished = (before["status"], post["status"]) == ("published", "draft")
        if made or save or unpublished or post["status"] == "published":
            kept = {"lexical": post["lexical"], "title": post["title"], "post_status": post["status"]}
            kept |= {"created_at_ts": next(self.clock), "author": {"name": "Ann"}}
            post["post_revisions"] = [*post["post_revisions"], kept][-_KEPT:]
        if not made:
            changes = {("draft", "published"): "publish", ("published", "draft"): "unpublish"}
            what = changes.get((before["status"], post["status"]), f"change {post['status']}")
            self.done[f"{what} {post['slug']}"] += 1

    def _tag(self, name: str) -> str:
        known = next((each for each in self.names if each.casefold() == name.casefold()), "")
        if not known:
            self.names.append(name)
        return known or name

    def _free(self, slug: str, post: dict[str, Any]) -> str:
        taken = {each["slug"] for each in self.posts.values() if each is not post}
        names = itertools.chain([slug], (f"{slug}-{number}" for number in itertools.count(2)))
        return next(name for name in names if name not in taken)

    def _browse(self, asked: Asked, base: str) -> Said:
        query, wanted = asked.query, asked.query.get("filter", "")
        found = [post for post in self.posts.values() if post["type"] == "post"]
        if wanted == "tag:hash-aios":
            found = [post for post in found if {"name": "#aios"} in post["tags"]]
        elif wanted == "status:published":
            found = [post for post in found if post["status"] == "published"]
        else:
            assert not wanted, wanted
        name, _, way = query["order"].partition(" ")
        found.sort(key=lambda post: post[name] or "", reverse=way == "desc")
        size, page = int(query["limit"]), int(query["page"])
        more = page + 1 if len(found) > page * size else None
        some = [self._shown(post, base, asked) for post in found[(page - 1) * size : page * size]]
        return Said({"posts": some, "meta": {"pagination": {"page": page, "next": more}}})

    def _shown(self, post: dict[str, Any], base: str, asked: Asked) -> dict[str, Any]:
        shown = copy.deepcopy(post)
        if "post_revisions" not in asked.query.get("include", ""):
            del shown["post_revisions"]
        public = f"{base}{self.elsewhere}/{post['slug']}/"
        return {**shown, "url": public if post["status"] == "published" else f"{base}/p/{post['id']}/"}

    def _image(self, asked: Asked, base: str) -> Said:
        boundary = asked.headers["content-type"].partition("boundary=")[2].encode()
        part = next(part for part in asked.body.split(b"--" + boundary) if b"filename=" in part)
        head, _, content = part.partition(b"\r\n\r\n")
        name = head.partition(b'filename="')[2].partition(b'"')[0].decode()
        url = f"{base}/content/images/2026/03/{len(self.images)}-{name}"
        self.images[url] = content.removesuffix(b"\r\n")
        return Said({"images": [{"url": url, "ref": None}]}, 201)


def serve_ghost(magazine: Magazine | None = None) -> Stand:
    magazine = magazine or Magazine()
    address, stop = serve(magazine.answer)

    def settings(at: str) -> dict[str, Any]:
        return {"url": f"http://{at}", "key": {"env": "GHOST_KEY"}}

    def snapshot() -> Any:
        return copy.deepcopy((magazine.posts, magazine.images))

    return Stand(address, settings, lambda: Counter(magazine.done), snapshot, stop)
