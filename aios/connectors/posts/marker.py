"""The mark that a post of ours carries: an HTML comment in its own text, so that it lives exactly as long as the post.

It tells whose the post is, which acts made it what it is, and the hash of what the last one left: an act that was cut
off is found by it, and an edit at the site is seen by it. It holds names, numbers and hashes only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote, unquote

from aios.connectors.posts.post import Status

_MARK = re.compile(r"\n?<!-- (?P<token>aios[0-9a-f]{16}) (?P<fields>[!-~ ]*?) -->")
_REMEMBERED = 100  # acts; earlier ones have long had their receipts


@dataclass(frozen=True, slots=True)
class Marker:
    """`post` is empty until the site gave the post its id, `doing` is an act that was begun, `did` are those done.

    `left` is the hash of the text as the last act left it; `slug`, `tags` and `kept` are what revisions do not tell.
    """

    record: str
    post: str = ""
    doing: str = ""
    did: tuple[str, ...] = ()
    left: str = ""
    status: Status = Status.DRAFT
    slug: str = ""
    tags: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        fields = {
            "record": (self.record,),
            "post": (self.post,),
            "doing": (self.doing,),
            "did": self.did[-_REMEMBERED:],
            "left": (self.left,),
            "status": (self.status.value,),
            "slug": (self.slug,),
            "tags": self.tags,
            **{name: (value,) for name, value in self.kept},
        }
        told = " ".join(f"{name}={','.join(map(_quoted, values))}" for name, values in fields.items() if any(values))
        return f"<!-- {token(self.record)} {told} -->"


def short(key: str) -> str:
    """An act within one post: 64 bits of its key."""
    return key.removeprefix("sha256:")[:16]


def token(record: str) -> str:
    """One word that a search finds."""
    return f"aios{sha256(record.encode()).hexdigest()[:16]}"


def marked(html: str, marker: Marker | None, end: str) -> str:
    """The text with its mark: before `end`, which closes the system's own frame, or at the very end."""
    if marker is None:
        return html
    if html.endswith(f"\n{end}"):
        return f"{html.removesuffix(end)}{marker}\n{end}"
    return f"{html}\n{marker}"


def unmarked(html: str) -> tuple[str, Marker | None]:
    """The text without its mark, and the mark; None where there is none that can be read."""
    found = list(_MARK.finditer(html))
    marker = _read(found[-1]["fields"]) if found else None
    if marker is None or token(marker.record) != found[-1]["token"]:
        return html, None
    return html[: found[-1].start()] + html[found[-1].end() :], marker


_OWN = ("record", "post", "doing", "did", "left", "status", "slug", "tags")


def _read(fields: str) -> Marker | None:
    told = dict(part.partition("=")[::2] for part in fields.split(" "))
    try:
        status = Status(told.get("status", ""))
    except ValueError:
        return None

    def words(name: str) -> tuple[str, ...]:
        return tuple(unquote(word) for word in told.get(name, "").split(",") if word)

    def word(name: str) -> str:
        return "".join(words(name))

    return Marker(
        record=word("record"),
        post=word("post"),
        doing=word("doing"),
        did=words("did"),
        left=word("left"),
        status=status,
        slug=word("slug"),
        tags=words("tags"),
        kept=tuple((name, word(name)) for name in told if name and name not in _OWN),
    )


def _quoted(value: str) -> str:
    """No space, comma or second hyphen: none of them may end a word, or the comment."""
    return quote(value, safe="").replace("--", "%2D%2D")
