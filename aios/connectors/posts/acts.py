"""The acts on a site of posts: each looks before it writes, and each is told in the mark of the post that it changes.

A publication is begun as a draft that carries the mark and ended by one request that makes it public and says so: a
process that ends in between leaves a draft that the next attempt finds and finishes. What is not as we left it is
never overwritten. Between that look and the write lies one request; a site that cannot compare by itself leaves this
much to chance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aios.connectors.media import read_approved
from aios.connectors.posts.marker import Marker, short
from aios.connectors.posts.post import Post, Posts, Status, Text
from aios.domain.effect import Effect, Outcome
from aios.domain.event import one_line
from aios.errors import RefusedError


def _nothing(_: str) -> None:
    return


@dataclass(frozen=True, slots=True)
class Acts:
    """`root` is the company's directory. `checkpoint` is called after every write that does not end its act."""

    posts: Posts
    root: Path
    checkpoint: Callable[[str], None] = _nothing

    def lookup(self, effect: Effect) -> Outcome | None:
        return self._done(effect, self.posts.of(str(effect.payload["id"])))

    def perform(self, effect: Effect) -> Outcome:
        """Do it, or finish what an earlier attempt began. Raises RefusedError where the site is not as we left it."""
        mine = self._tidy(self.posts.of(str(effect.payload["id"])))
        done = self._done(effect, mine)
        if done is not None:
            return done
        post = self._current(mine)
        match effect.capability:
            case "cms.publish":
                after = self._place(effect, post, Status.LIVE)
            case "cms.draft":
                after = self._place(effect, post, Status.DRAFT)
            case "cms.update":
                after = self._update(effect, post)
            case "cms.unpublish":
                after = self._unpublish(effect, self._known(effect, post))
            case _:
                after = self._restore(effect, self._known(effect, post))
        return self._outcome(effect, after)

    # What is there

    def _done(self, effect: Effect, mine: Sequence[Post]) -> Outcome | None:
        key = short(effect.key)
        for post in mine:
            marker = post.marker
            if marker is None or key not in marker.did:
                continue
            if marker.did[-1] == key and marker.status is Status.TRASH and post.status is not Status.TRASH:
                continue  # marked, and not yet thrown away
            return self._outcome(effect, post)
        return None

    def _outcome(self, effect: Effect, post: Post) -> Outcome:
        """The same whenever it is asked for the same act, however much happened since."""
        if effect.capability == "cms.draft":
            url = post.edit
        else:
            here = "%" in effect.target and post.text.slug == effect.payload["slug"]
            url = post.url if here else effect.target
        return Outcome(external_id=post.id, url=url, response={"id": post.id, "url": url})

    def _tidy(self, mine: Sequence[Post]) -> list[Post]:
        """Oldest first. A request that a network delivered twice makes two drafts: the later ones go."""
        found = sorted((post for post in mine if _is_itself(post)), key=lambda post: post.order)
        begun = [post for post in found if post.marker and not post.marker.did and post.status is Status.DRAFT]
        for post in begun[1:]:
            self.posts.discard(post)
        return [post for post in found if post not in begun[1:]]

    def _current(self, mine: Sequence[Post]) -> Post | None:
        there = [post for post in mine if post.status is not Status.TRASH]
        if there:
            return min(there, key=lambda post: (not (post.marker and post.marker.did), post.order))
        thrown = next((post for post in mine if post.marker and post.marker.status is not Status.TRASH), None)
        if thrown is not None:
            raise RefusedError(
                f"{self.posts.name} has {_named(thrown)} in its trash, where somebody at the site put it",
                f"take it out or delete it for good at {thrown.edit}, and try again",
            )
        return None

    def _known(self, effect: Effect, post: Post | None) -> Post:
        if post is not None:
            return post
        record, slug = one_line(str(effect.payload["id"]), 80), str(effect.payload["slug"])
        other = self.posts.at(slug)
        if other is None:
            raise RefusedError(f"{self.posts.name} has no post made from {record}", "publish it with cms.publish")
        raise RefusedError(
            f"{self.posts.name} has {_named(other)} at /{slug}/, without the mark of {record}: aios did not make it, "
            "or the mark was edited away",
            f"bring an earlier revision back at {other.edit}, or approve an update that is bound to it by `over`",
        )

    # What may be done

    def _refuse_edited(self, effect: Effect, post: Post) -> None:
        marker, now = post.marker, post.text.hash
        if marker is None or not marker.did:  # adopted, or a draft that we began and nobody was shown
            return
        if now == marker.left and post.status is marker.status:
            return
        if effect.payload.get("over") == now:
            return
        what = "edited" if now != marker.left else f"made “{post.status.value}”"
        raise RefusedError(
            f"{self.posts.name}: {_named(post)} was {what} at the site since aios left it: {self.posts.edited(post)}",
            f"take the edit over into the record, then bring our revision back at {post.edit} and try again",
        )

    def _refuse_taken(self, effect: Effect, post: Post | None) -> None:
        slug = str(effect.payload["slug"])
        other = self.posts.at(slug) if post is None or post.text.slug != slug else None
        if other is not None and (post is None or other.id != post.id or other.kind != post.kind):
            raise self._taken(slug, _named(other))

    def _taken(self, slug: str, by: str) -> RefusedError:
        return RefusedError(f"{self.posts.name}: the address /{slug}/ belongs to {by}", "choose another slug")

    # The acts

    def _place(self, effect: Effect, post: Post | None, status: Status) -> Post:
        if post is not None:
            if post.status is Status.LIVE:
                raise RefusedError(
                    f"{self.posts.name}: {_named(post)} is published already", "publish the change with cms.update"
                )
            self._refuse_edited(effect, post)
        self._refuse_taken(effect, post)
        text = self._text(effect)
        if post is None:
            post = self._begin(effect, text)
            text = post.text  # as the site keeps it
        return self._finish(effect, post, text, status)

    def _text(self, effect: Effect) -> Text:
        """Every file is read before anything is sent."""
        files = [(item, read_approved(self.root, item)) for item in effect.payload.get("media") or ()]
        images = {str(item["source"]): self.posts.upload(item, content) for item, content in files}
        if images:
            self.checkpoint("pictures")
        return self.posts.text(effect.payload, images)

    def _begin(self, effect: Effect, text: Text) -> Post:
        record = str(effect.payload["id"])
        marker = _marker(Marker(record, doing=short(effect.key)), text, Status.DRAFT)
        created = self.posts.create(text, marker, effect.payload)
        self.checkpoint("draft")
        if created.text.slug != text.slug:
            self.posts.discard(created)
            raise self._taken(text.slug, "a post that this user may not see")
        begun = [post for post in self._tidy(self.posts.of(record)) if post.status is Status.DRAFT]
        return next((post for post in begun if post.marker and not post.marker.did), created)

    def _update(self, effect: Effect, post: Post | None) -> Post:
        if post is None and effect.payload.get("over"):
            post = self.posts.at(str(effect.payload["slug"]))
            if post is not None and effect.payload["over"] != post.text.hash:
                post = None
        post = self._known(effect, post)
        if post.status is not Status.LIVE:
            raise RefusedError(f"{self.posts.name}: {_named(post)} is not public", "publish it again with cms.publish")
        self._refuse_edited(effect, post)
        self._refuse_taken(effect, post)
        return self._finish(effect, post, self._text(effect), Status.LIVE)

    def _unpublish(self, effect: Effect, post: Post) -> Post:
        if post.status is not Status.LIVE:
            raise RefusedError(f"{self.posts.name}: {_named(post)} is not public", "there is nothing to withdraw")
        self._refuse_later(effect, post)
        left = post.marker.left if post.marker else ""
        return self._finish(effect, post, post.text, Status.DRAFT, left=left)  # an edit at the site stays one

    def _restore(self, effect: Effect, post: Post) -> Post:
        marker = post.marker
        if marker and marker.status is Status.TRASH and marker.did[-1:] == (short(effect.key),):
            self.posts.trash(post)
            return post
        self._refuse_later(effect, post)
        self._refuse_edited(effect, post)
        did = marker.did if marker else ()
        if len(did) == 1 and post.status is Status.DRAFT:
            after = self._finish(effect, post, post.text, Status.DRAFT, told=Status.TRASH)
            self.checkpoint("marked for the trash")
            self.posts.trash(after)
            return after
        if len(did) < 2:
            raise RefusedError(
                f"{self.posts.name}: there is no version of {_named(post)} before this one",
                "withdraw it with cms.unpublish",
            )
        earlier = self.posts.earlier(post, did[-2])
        if earlier is None:
            raise RefusedError(
                f"{self.posts.name} keeps no revision of {_named(post)} from before that act",
                "publish the earlier text with cms.update; revisions may be turned off at the site",
            )
        text, status = earlier
        if post.text.slug != text.slug and self.posts.at(text.slug) is not None:
            raise self._taken(text.slug, "another post by now")
        # Back to the address that the act may have moved it from.
        return self._finish(effect, post, text, status, target=self.posts.address(text.slug))

    def _refuse_later(self, effect: Effect, post: Post) -> None:
        undoes = str(effect.payload.get("undoes") or "")
        if undoes and (post.marker is None or post.marker.did[-1:] != (short(undoes),)):
            raise RefusedError(
                f"{self.posts.name}: {_named(post)} has changed since {undoes[:19]}…",
                "undo the later change first, or withdraw the post",
            )

    def _finish(
        self,
        effect: Effect,
        post: Post,
        text: Text,
        status: Status,
        *,
        told: Status | None = None,
        left: str = "",
        target: str = "",
    ) -> Post:
        """The request that makes it so and says so. What ends up elsewhere than approved is put back.

        The mark tells the status `told` and the hash `left`, where they are not those of what is written.
        """
        target = target or effect.target
        before = post.marker or Marker(str(effect.payload["id"]))
        did = (*before.did, short(effect.key))
        marker = _marker(replace(before, post=post.id, doing="", did=did), text, told or status)
        if left:
            marker = replace(marker, left=left)
        would = post.pattern.replace("%postname%", text.slug)
        if status is Status.LIVE and would and not _leads(would, target):
            self._elsewhere(post, would, target)
        after = self.posts.write(post, text, marker, status)
        if after.text.slug != text.slug or (status is Status.LIVE and not _leads(after.url, target)):
            self.posts.write(after, post.text, post.marker, post.status)
            self._elsewhere(post, after.url, target)
        if not left and after.text.hash != text.hash:  # the site keeps it in words of its own
            self.checkpoint("written")
            after = self.posts.write(after, after.text, replace(marker, left=after.text.hash), status)
        return after

    def _elsewhere(self, post: Post, address: str, target: str) -> None:
        if post.marker and not post.marker.did:
            self.posts.discard(post)
        raise RefusedError(
            f"{self.posts.name} would show it at {one_line(address, 200)}, not at {target}",
            "say in `permalinks` what addresses look like there, or choose another slug; then approve it again",
        )


def _marker(marker: Marker, text: Text, status: Status) -> Marker:
    return replace(marker, left=text.hash, status=status, slug=text.slug, tags=text.tags, kept=text.kept)


def _is_itself(post: Post) -> bool:
    """A copy that somebody made of a post carries its mark, and another id."""
    return post.marker is not None and post.marker.post in {"", post.id}


def _leads(address: str, target: str) -> bool:
    pattern = "[^/]+".join(map(re.escape, re.split(r"%\w+%", target)))
    return re.fullmatch(pattern, address) is not None


def _named(post: Post) -> str:
    return f"{post.kind} {post.id} “{one_line(post.title, 60)}”"
