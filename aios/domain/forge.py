"""Where proposals are reviewed: the types of a forge and its Protocol. A forge knows proposals, comments and merges;
what they mean is decided elsewhere. Everything that it gives is data from outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

LOGIN = "github:"  # an approver by account instead of e-mail address: `github:ann`


class State(StrEnum):
    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposal to be opened or brought up to date. `fingerprint` is also in `body`, hidden."""

    branch: str
    base: str
    title: str
    body: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """A person's review. `verdict` is approved, changes_requested, commented or dismissed; `head` is what was seen."""

    author: str
    verdict: str
    head: str
    at: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a proposal; `by_us` where this program's account wrote it. `edited` is empty where it never was."""

    id: int
    author: str
    body: str
    at: str
    edited: str = ""
    url: str = ""
    by_us: bool = False


@dataclass(frozen=True, slots=True)
class Merge:
    """How a proposal came into the base branch: by whom, as which commit there, from which reviewed head.

    `method` is merge, squash, rebase or push, as far as the commit graph tells.
    """

    commit: str
    by: str
    at: str
    head: str
    method: str = "merge"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal as its forge has it. `head` is the commit of its branch (the last one, where it is over)."""

    number: int
    branch: str
    base: str
    head: str
    title: str
    body: str
    state: State
    url: str
    author: str
    labels: tuple[str, ...] = ()
    mergeable: bool | None = None
    updated: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a host tells of a repository, as its account sees it; None where it does not tell (no permission).

    `plan` is the owner's where it is visible. `default_permissions` (read or write) is what a job gets that asks for
    nothing, `may_propose` whether jobs may open pull requests, `actions` whether there are jobs at all. `methods` are
    the ways to merge that are allowed, of merge, squash and rebase. `may` is what the token may do: admin, maintain,
    push, triage, pull.
    """

    repository: str
    default_branch: str
    private: bool
    archived: bool
    owner_kind: str
    url: str
    methods: tuple[str, ...]
    may: frozenset[str]
    plan: str = ""
    auto_merge: bool | None = None
    deletes_branches: bool | None = None
    actions: bool | None = None
    default_permissions: str = ""
    may_propose: bool | None = None
    fork: bool = False


@dataclass(frozen=True, slots=True)
class Push:
    """A movement of a ref, as the host saw it. `kind` is push, force_push, branch_creation, branch_deletion, pr_merge
    or merge_queue_merge; `by` is empty where the account is gone."""

    ref: str
    before: str
    after: str
    kind: str
    by: str
    at: str


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a workflow file. `conclusion` is empty while it goes on."""

    id: int
    event: str
    status: str
    conclusion: str
    at: str
    url: str
    actor: str = ""
    head: str = ""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow file as the host has it; `state` is active or says who disabled it, and why."""

    path: str
    name: str
    state: str
    url: str


@dataclass(frozen=True, slots=True)
class Guard:
    """What protects a branch. None stands for: the plan has no such thing, or the token may not see it."""

    protected: bool
    rules: tuple[str, ...] | None = None


class Host(Protocol):
    """What a host knows besides proposals, for setting up and for the gate. Nothing here changes anything.

    Errors as a Forge's. Where the token may not see something, CredentialsError or a RefusedError says what it lacks.
    """

    def facts(self) -> Facts: ...

    def permission(self, login: str) -> str:
        """admin, write, read or none: what an account may do here."""

    def proposals_of(self, commit: str) -> Sequence[Proposal]:
        """The proposals of this repository that a commit on the default branch came in by, or is the head of."""

    def activity(self, ref: str, *, limit: int = 100) -> Sequence[Push]:
        """Who moved a branch, newest first."""

    def runs(self, workflow: str, *, limit: int = 20) -> Sequence[JobRun]:
        """The newest runs of a workflow file; empty where the file never ran or is not there."""

    def workflows(self) -> Sequence[Workflow]: ...

    def secrets(self) -> frozenset[str]:
        """The names of the repository's secrets for Actions. Nobody can read what they hold."""

    def variables(self) -> Mapping[str, str]: ...

    def environments(self) -> Mapping[str, frozenset[str]]:
        """Names of deployment environments → what guards each: required_reviewers, wait_timer, branch_policy."""

    def pages(self) -> str | None:
        """The address of its site; None where it has none."""

    def guard(self, branch: str) -> Guard: ...


class Forge(Protocol):
    """Errors: CredentialsError (not accepted, or may not do this), TransientError (network, limits; `retry_after`),
    RefusedError (it says no), each with what to do. Nothing is done twice: what exists already is found."""

    @property
    def name(self) -> str: ...

    @property
    def host(self) -> Host | None:
        """What stands around the proposals; None where they are on this machine alone."""

    def viewer(self) -> str:
        """The login that this program acts as."""

    def open(self, draft: Draft) -> Proposal:
        """Open a proposal of a pushed branch; where one is open for it, that one is brought up to date."""

    def refresh(self, number: int, draft: Draft) -> Proposal:
        """Bring title, body, base and labels (none is taken off) up to date; writes nothing where nothing differs.

        What a person wrote into title or body stays: ours goes below it, and says so.
        """

    def get(self, number: int) -> Proposal: ...

    def find(self, branch: str, *, fingerprint: str = "") -> Proposal | None:
        """The newest proposal of a branch, an open one first; where the branch was renamed, by its fingerprint."""

    def proposals(self, *, state: State | None = State.OPEN, branch: str = "", since: str = "") -> Sequence[Proposal]:
        """Our proposals (branches `aios/…`) in a state, newest first: all of them, those of a branch, or those of which
        something changed at or after a moment (ISO 8601, UTC)."""

    def files(self, number: int) -> Sequence[str]:
        """The paths that it changes."""

    def comments(self, number: int, *, since: str = "") -> Sequence[Comment]:
        """Oldest first."""

    def say(self, number: int, marker: str, text: str) -> Comment:
        """The one comment of ours that carries a hidden marker: made, or brought up to date."""

    def label(self, number: int, *, add: Collection[str] = (), remove: Collection[str] = ()) -> None: ...

    def close(self, number: int, reason: str) -> None:
        """Close it unmerged, with the reason as a comment, once."""

    def merged(self, number: int) -> Merge | None:
        """Who merged it, and as what; None where it is not merged."""

    def closed_by(self, number: int) -> str:
        """The login that closed it; empty while it is open, or where nobody tells."""

    def reviews(self, number: int) -> Sequence[Review]: ...

    def status(self, commit: str, context: str, state: str, description: str, url: str = "") -> None:
        """Publish a commit status; `state` is success, failure, error or pending."""

    def statuses(self, commit: str) -> Mapping[str, str]:
        """The newest state by context."""

    def dispatch(self, workflow: str, inputs: Mapping[str, str]) -> None:
        """Start a workflow file (`aios-apply.yml`) on the default branch."""


def may_approve(approvers: Collection[str], *, email: str = "", login: str = "") -> bool:
    """Is somebody among the approvers, by e-mail address or by account? Nobody is, where neither is known."""
    named = {str(each).casefold() for each in approvers}
    by_mail = email and not email.casefold().startswith(LOGIN) and email.casefold() in named  # anybody may write that
    return bool(by_mail or (login and f"{LOGIN}{login}".casefold() in named))
