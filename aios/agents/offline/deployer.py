"""The deployer: makes an edited piece ready for its release, or says what keeps it from being released.

It settles what must not change after the first reader came: the address and the name that the numbers know it by. The
release itself is an effect of the workflow; nothing here reaches outside.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from aios.agents.offline.fields import set_fields
from aios.domain.agent import AgentCall, AgentReply, Reason, Tools
from aios.domain.finding import Finding, Severity
from aios.domain.record import Record
from aios.domain.slug import MAX_LENGTH, is_slug, slug
from aios.errors import AiosError, RefusedError

PUBLISH, UPDATE = "cms.publish", "cms.update"
DESCRIPTION = range(50, 161)  # characters that search results show

_CODE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?^ {0,3}\1[`~]*[ \t]*$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_USED = re.compile(r"\[\^([^\]\s]+)\](?!:)")
_DEFINED = re.compile(r"^ {0,3}\[\^([^\]\s]+)\]:", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\b(?:TODO|TBD|FIXME|XXX)\b|\b[Ll]orem ipsum\b|\[(?:[Ii]nsert|[Yy]our)\b[^\]]*\](?!\()")
_LINK = re.compile(r"\]\((?:\.\./|\./|/)?(?:content/)?([a-z0-9][a-z0-9-]*)(?:\.md|\.html|/)?(?:#[^)]*)?\)")


def deployer(call: AgentCall, tools: Tools) -> AgentReply:
    """Settle slug and metrics tag of an edited piece. Raises RefusedError with what makes it unfit for release."""
    name = str(call.input["record"])
    piece = tools.record("content", name)
    if piece is None:
        raise AiosError(f"there is no content record `{name}`", "`aios check` says whether it is out of order")
    text = tools.read(piece.path) or ""
    others = [other for other in tools.records("content") if other.id != piece.id]
    _refuse_unfit(piece)
    was_out = bool(piece.get("published") or piece.get("url"))
    address, why = _slug(piece, others, was_out=was_out)
    tag = str(piece.get("metrics_tag") or slug(piece.id))
    changed = {field: value for field, value in (("slug", address), ("metrics_tag", tag)) if piece.get(field) != value}
    try:
        ready = set_fields(text, changed)
    except ValueError as error:
        raise AiosError(f"{piece.path} cannot be made ready: {error}", "write the field on one line") from error
    capability = UPDATE if was_out else PUBLISH
    summary = f"“{piece.get('title')}” is ready for {capability} at /{address}/"
    return AgentReply(
        output={
            "record": piece.id,
            "slug": address,
            "metrics_tag": tag,
            "capability": capability,
            "url": str(piece.get("url") or ""),
            "summary": summary,
        },
        files={piece.path: ready},  # even where nothing changed: the contract's invariants look at it
        title=summary,
        reasons=(Reason(f"the address is /{address}/", why, (piece.ref,)),),
        findings=tuple(_doubts(piece, others, text)),
    )


def _refuse_unfit(piece: Record) -> None:
    body = _CODE.sub("", piece.body or "")
    if piece.get("status") not in {"edited", "published"}:
        raise RefusedError(f"content/{piece.id} is {piece.get('status')}, not edited", "let the editor see it first")
    if not body.strip():
        raise RefusedError(f"content/{piece.id} has no text", "write it, or retire the record")
    if dangling := sorted(set(_USED.findall(body)) - set(_DEFINED.findall(body))):
        raise RefusedError(f"content/{piece.id} cites [^{dangling[0]}], which is not defined", "add the footnote")


def _slug(piece: Record, others: Sequence[Record], *, was_out: bool) -> tuple[str, str]:
    """The address, and why it is that one. What was published keeps its address: people link to it."""
    url = str(piece.get("url") or "")
    if was_out and url:
        old = url.rstrip("/").rpartition("/")[2].removesuffix(".html")
        if is_slug(old):
            return old, "it is published there, and links to it must keep working"
    own = str(piece.get("slug") or "")
    wanted = own if is_slug(own) else slug(str(piece.get("title") or piece.id))
    taken = {str(other.get("slug") or other.id): other.id for other in others}
    if wanted not in taken:
        return wanted, "its own slug" if wanted == own else "made from the title"
    number = 2
    while f"{wanted[: MAX_LENGTH - 4].rstrip('-')}-{number}" in taken:
        number += 1
    free = f"{wanted[: MAX_LENGTH - 4].rstrip('-')}-{number}"
    return free, f"/{wanted}/ belongs to content/{taken[wanted]}"


def _doubts(piece: Record, others: Sequence[Record], text: str) -> list[Finding]:
    """What does not forbid a release but should be seen before it."""

    def finding(rule: str, message: str, hint: str, line: int = 0) -> Finding:
        return Finding(piece.path, line, 1 if line else 0, rule, message, hint, Severity.WARNING)

    found = []
    description = str(piece.get("description") or piece.get("summary") or "")
    if len(description) not in DESCRIPTION:
        message = f"the description has {len(description)} characters"
        found.append(finding("description-length", message, "search results show 50 to 160"))
    for left in _PLACEHOLDER.finditer(_CODE.sub(_blank, text)):
        line = text.count("\n", 0, left.start()) + 1
        found.append(finding("placeholder", f"it says “{left[0]}”", "replace it, unless it is meant", line))
    by_name = {name: other for other in others for name in (other.id, str(other.get("slug") or other.id))}
    for match in _LINK.finditer(text):
        other = by_name.get(match[1])
        if other is not None and other.get("status") != "published":
            message = f"links to content/{other.id}, which is {other.get('status')}"
            line = text.count("\n", 0, match.start()) + 1
            found.append(finding("link-unpublished", message, "publish that one first, or drop the link", line))
    return found


def _blank(match: re.Match[str]) -> str:
    """As many characters and lines, nothing to be found in them."""
    return re.sub(r"[^\n]", " ", match[0])
