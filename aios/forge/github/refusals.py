"""What GitHub's refusals mean, and what the operator does about each. What it says is text from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.connectors.http import Answer
from aios.domain.event import one_line
from aios.errors import AiosError, CredentialsError, RefusedError, TransientError
from aios.forge.github.tokens import Kind, where_to_grant

MINUTE = 60.0
LONGEST = 3600.0  # seconds: a primary limit begins anew every hour


class NotFoundError(RefusedError):
    """404: it is not there, or the token may not see it."""


class InvalidRequestError(RefusedError):
    """422: understood and refused. `said` is all that GitHub says of it."""

    def __init__(self, message: str, hint: str = "", *, said: str = "") -> None:
        super().__init__(message, hint)
        self.said = said


class LockedError(RefusedError):
    """The conversation is locked for who we are."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked: the kind of token, the site's address for people, owner/name. `in_job`: in a job of Actions."""

    kind: Kind
    web: str
    repository: str
    in_job: bool = False

    @property
    def settings(self) -> str:
        return f"{self.web}/{self.repository}/settings"


def words(data: Any) -> str:
    """All that an error's body says: `message` and the `errors` with it, whatever their shape."""
    if not isinstance(data, Mapping):
        return ""
    told = [data.get("message")]
    errors = data.get("errors")
    for each in errors if isinstance(errors, Sequence) and not isinstance(errors, str) else [errors]:
        if isinstance(each, Mapping):
            told.append(each.get("message") or " ".join(str(each.get(name, "")) for name in ("field", "code")).strip())
        else:
            told.append(each)
    return one_line("; ".join(part for part in told if isinstance(part, str) and part), 300)


def wait_of(answer: Answer, attempt: int) -> float | None:
    """Seconds until GitHub wants to be asked again; None where no limit of it was met.

    A 403 may be either: a limit says so in its headers or its words.
    """
    if answer.status not in {403, 429}:
        return None
    after, left = answer.headers.get("retry-after", "").strip(), answer.headers.get("x-ratelimit-remaining", "")
    if after.isascii() and after.isdigit():
        return float(after)
    if left.strip() == "0":
        return _until(answer.headers)
    said = words(answer.data).lower()
    if answer.status == 429 or "rate limit" in said or "abuse detection" in said:
        return MINUTE * 2.0**attempt
    return None


def _until(headers: Mapping[str, str]) -> float:
    """From the service's own clock to the moment when its limit begins anew."""
    from email.utils import parsedate_to_datetime

    try:
        now = parsedate_to_datetime(headers["date"]).timestamp()
        return min(max(1.0, float(headers["x-ratelimit-reset"]) - now + 1.0), LONGEST)
    except (KeyError, ValueError, TypeError):
        return MINUTE


def limited(wait: float) -> TransientError:
    minutes = max(1, round(wait / MINUTE))
    return TransientError(
        f"GitHub's limit of requests is used up for about {minutes} min",
        "nothing is lost; the next run goes on from here",
        retry_after=wait,
        sent=False,
    )


def error_of(what: str, answer: Answer, who: Asker, said: str) -> AiosError:
    """The error of an answer of 400 and above that is no limit. `said` is what GitHub says, without the token."""
    head = f"GitHub does not {what}: {answer.status}{' ' if said else ''}{said}"
    if answer.status == 401:
        hint = f"it expired or was revoked? ({who.kind}) A new one: {where_to_grant(who.kind, who.web, in_job=False)}"
        return CredentialsError(f"GitHub does not accept the token: {said or 401}", hint)
    if answer.status == 403:
        return _denied(head, answer, who, said)
    if answer.status == 404:
        return NotFoundError(head, _unseen(answer, who))
    if answer.status == 422:
        return InvalidRequestError(head, said=said)
    if answer.status >= 500 or answer.status == 408:
        return TransientError(head, "try again later; https://www.githubstatus.com says whether it is down")
    return RefusedError(head, "")


def _denied(head: str, answer: Answer, who: Asker, said: str) -> AiosError:
    lower = said.lower()
    if "archived" in lower:
        return RefusedError(head, f"unarchive it at {who.settings}, or let aios work elsewhere")
    if "locked" in lower:
        return LockedError(head, "unlock the conversation, or let this go on without a comment")
    if "not permitted to create or approve pull requests" in lower:
        return RefusedError(
            head,
            f"tick “Allow GitHub Actions to create and approve pull requests” at {who.settings}/actions",
        )
    if sso := answer.headers.get("x-github-sso", ""):
        place = sso.partition("url=")[2]
        return CredentialsError(head, f"authorize the token for the organization: {place or who.web}")
    return CredentialsError(head, _missing(answer, who))


def _missing(answer: Answer, who: Asker) -> str:
    """Which permission would do, as far as the answer's headers tell."""
    permissions = answer.headers.get("x-accepted-github-permissions", "").strip()
    scopes = answer.headers.get("x-accepted-oauth-scopes", "").strip()
    needed = scopes if who.kind is Kind.CLASSIC else permissions or scopes
    place = where_to_grant(who.kind, who.web, in_job=who.in_job)
    needed = needed.replace("_", "-") if who.in_job else needed
    return f"{who.kind} lacks {needed or 'the permission'}: grant it {place}"


def _unseen(answer: Answer, who: Asker) -> str:
    """For what a token may not see GitHub says that it is not there."""
    permissions = answer.headers.get("x-accepted-github-permissions", "").strip()
    if who.kind is Kind.NONE:
        return "it is not there, or it is private: no token was given (`forge: {token: …}` in state/company.yaml)"
    needed = f"needs {permissions}" if permissions else "must be allowed to see it"
    place = where_to_grant(who.kind, who.web, in_job=who.in_job)
    return f"it is not there, or the token {needed} on {who.repository}: grant it {place}"
