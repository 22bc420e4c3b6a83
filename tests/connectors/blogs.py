"""A company with a blog at a service, and somebody who edits at the site itself; the same for every such service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aios.connectors.http import Service
from aios.connectors.posts.connector import PostSite
from aios.connectors.registry import KINDS
from aios.connectors.surroundings import Surroundings
from aios.connectors.wordpress.api import api_of
from aios.domain.effect import Effect, HowKnown, Lookup, Outcome, Receipt
from tests.connectors.cases import ARTICLE, DOT, NOW, PNG, SECRETS
from tests.connectors.stands import Stand
from tests.connectors.stands.ghost import Magazine, serve_ghost
from tests.connectors.stands.wordpress import Blog, serve_wordpress
from tests.peers.wordpress import serve_real


class KilledError(BaseException):
    """Our process ends here."""


@dataclass
class House:
    """`service` is what the stand-in holds, None for a real one."""

    root: Path
    use: str
    stand: Stand
    service: Any = None

    def around(self, secrets: Mapping[str, str] = SECRETS) -> Surroundings:
        return Surroundings(self.root, self.root, lambda: NOW, secrets.get, lambda _: None)

    def site(self, **settings: Any) -> PostSite:
        given = {**self.stand.settings(self.stand.address), **settings}
        connector = KINDS[self.use]().connect("site", given, self.around())
        assert isinstance(connector, PostSite)
        return connector

    def planned(self, act: str, *, undoes: Effect | None = None, **more: Any) -> Effect:
        payload: dict[str, Any] = {"id": more.get("slug", "hello"), "slug": more.get("slug", "hello")}
        if act in {"publish", "update", "draft"}:
            payload = {**ARTICLE, **payload}
        payload |= {"undoes": undoes.key} if undoes else {}
        site, capability = self.site(), f"cms.{act}"
        payload |= more
        return Effect("site", capability, site.target(capability, payload), payload)

    def act(self, act: str, *, undoes: Effect | None = None, **more: Any) -> Effect:
        effect = self.planned(act, undoes=undoes, **more)
        self.site().act(effect)
        return effect

    def undo(self, effect: Effect) -> Outcome:
        receipt = Receipt(effect.key, "done", HowKnown.ACTED, "2026-03-09T12:00:00Z")
        undoing = self.site().undo(effect, receipt)
        assert undoing is not None
        return self.site().act(undoing)

    def found(self, effect: Effect) -> Outcome | None:
        found: Lookup = self.site().lookup(effect)
        assert found.authoritative
        return found.found

    def killed(self, effect: Effect, place: str) -> None:
        """Act, and end at a checkpoint."""

        def stop(here: str) -> None:
            if here == place:
                raise KilledError

        site = self.site()
        try:
            replace(site, acts=replace(site.acts, checkpoint=stop)).act(effect)
        except KilledError:
            return
        raise AssertionError(place)

    def listed(self) -> list[dict[str, Any]]:
        data = self.site().read("cms.list", {}).data
        return sorted(data["articles"], key=lambda each: (len(each["id"]), each["id"]))

    def one(self) -> dict[str, Any]:
        (only,) = self.listed()
        return only

    # Somebody at the site

    def edit(self, post: str, *, title: str) -> None:
        if self.use == "ghost":
            self.service.edit(post, title=title)
        else:
            self.wordpress().ask("POST", f"/wp/v2/posts/{post}", json={"title": title})

    def strip(self, post: str) -> None:
        """Write it anew, without our mark."""
        if self.use == "ghost":
            self.service.edit(post, lexical='{"root": {"children": []}}')
        else:
            self.wordpress().ask("POST", f"/wp/v2/posts/{post}", json={"content": "Anew."})

    def theirs(self, slug: str) -> None:
        """A post that somebody made there."""
        if self.use == "ghost":
            self.service._make({"title": "Theirs", "slug": slug, "status": "published"}, "post")
        else:
            made = {"title": "Theirs", "slug": slug, "status": "publish", "content": "x"}
            self.wordpress().ask("POST", "/wp/v2/posts", json=made)

    def wordpress(self, user: str = "ann") -> Service:
        settings = {**self.stand.settings(self.stand.address), "username": user}
        service = api_of("site", settings["url"], settings, self.around()).service
        return replace(service, base=f"{service.base}/wp-json")


def pictured(root: Path) -> Mapping[str, Any]:
    """The fields of an article that shows a picture, which lies in the company."""
    path = root / DOT["path"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PNG)
    return {"markdown": "![A dot](media/dot.png)\n", "media": [DOT]}


def house(root: Path, kind: str) -> House:
    makes: Mapping[str, Callable[[], House]] = {
        "wordpress": lambda: _wordpress(root),
        "ghost": lambda: _ghost(root),
        "real wordpress": lambda: House(root, "wordpress", serve_real()),
    }
    return makes[kind]()


def _wordpress(root: Path) -> House:
    blog = Blog()
    return House(root, "wordpress", serve_wordpress(blog), blog)


def _ghost(root: Path) -> House:
    magazine = Magazine()
    return House(root, "ghost", serve_ghost(magazine), magazine)
