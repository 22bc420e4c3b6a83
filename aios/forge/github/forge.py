"""The forge over GitHub: proposals are pull requests whose branch is one of the repository itself."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from aios.domain.event import one_line
from aios.domain.forge import Comment, Draft, Merge, Proposal, Review, State
from aios.domain.names import BRANCHES
from aios.errors import RefusedError, TransientError
from aios.forge.github import bodies, conversation, labels, merges, shapes
from aios.forge.github.client import Client, mapping
from aios.forge.github.host import GitHubHost
from aios.forge.github.refusals import InvalidRequestError, LockedError, NotFoundError
from aios.forge.github.repository import Repository

CLOSED = "closed"  # the marker of the comment that says why
_TITLE = 256  # characters
_DESCRIPTION = 140  # of a status
_MOST_FILES = 3000  # GitHub lists no more
_PREFILLED = 1500  # characters of a body in a link
_NOT_ALLOWED = "not permitted to create or approve pull requests"


class GitHub:
    """Pull requests of one repository, as `aios.domain.forge.Forge` wants them."""

    name = "github"

    def __init__(self, client: Client) -> None:
        self._client = client
        self._at = Repository(client)
        self.host = GitHubHost(self._at)

    def __repr__(self) -> str:
        return f"GitHub({self._client!r})"

    def viewer(self) -> str:
        return self._at.viewer

    # Opening and bringing up to date

    def open(self, draft: Draft) -> Proposal:
        known = self._open_of(draft.branch)
        if known is not None:
            return self._brought(known, draft)
        title = _title(draft)
        content = {"title": title, "head": draft.branch, "base": draft.base, "body": bodies.written(draft.body, title)}
        try:
            made = self._made(draft, content)
        except InvalidRequestError as refused:
            raise self._explained(refused, draft) from refused
        except RefusedError as refused:
            if _NOT_ALLOWED not in refused.message:
                raise
            hint = f"{refused.hint}; or open it yourself: {self.compare_link(draft)}"
            raise RefusedError(refused.message, hint) from refused
        return self._brought(made, draft)

    def _made(self, draft: Draft, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """The new pull request, or the one that is there: where nobody knows what became of a request, GitHub itself
        is asked, and a second one is refused by it."""
        what = f"open a pull request of {draft.branch}"
        for last in (False, True):
            try:
                return mapping(self._client.ask("POST", self._at.path("pulls"), what, json=content).data, what)
            except InvalidRequestError as refused:
                known = self._open_of(draft.branch) if "already exists" in refused.said.lower() else None
                if known is None:
                    raise
                return known
            except TransientError as problem:
                if not problem.sent:
                    raise
                known = self._open_of(draft.branch)
                if known is not None:
                    return known
                if last:
                    raise
        raise AssertionError  # the second time ends it

    def _explained(self, refused: InvalidRequestError, draft: Draft) -> RefusedError:
        said = refused.said.lower()
        if "no commits between" in said:
            hint = f"{draft.branch} holds nothing that {draft.base} lacks: there is nothing to propose"
        elif "head" in said:
            hint = f"push {draft.branch} first"
        elif "base" in said:
            hint = f"is there a branch {draft.base}? The default branch is {self._at.default_branch}"
        else:
            hint = "look at what it says"
        return RefusedError(refused.message, hint)

    def compare_link(self, draft: Draft) -> str:
        """A page of the site on which a person opens the pull request, filled in as far as an address can hold it."""
        title = _title(draft)
        body = bodies.written(bodies.cut(draft.body, _PREFILLED), title)
        fields = {"quick_pull": "1", "title": title, "body": body}
        span = f"{quote(draft.base, safe='/')}...{quote(draft.branch, safe='/')}"
        return f"{self._client.web}/{self._at.name}/compare/{span}?{urlencode(fields)}"

    def refresh(self, number: int, draft: Draft) -> Proposal:
        return self._brought(self._pull(number), draft)

    def _brought(self, pull: Mapping[str, Any], draft: Draft) -> Proposal:
        title, now = _title(draft), shapes.text(pull, "title")
        before = bodies.read(shapes.text(pull, "body"), now)
        changes: dict[str, str] = {}
        body = bodies.again(before, draft.body, title)
        if body.strip() != bodies.unified(shapes.text(pull, "body")).strip():
            changes["body"] = body
        if title != now and not before.retitled:
            changes["title"] = title
        if draft.base != shapes.text(pull, "base", "ref") and shapes.state(pull) is State.OPEN:
            changes["base"] = draft.base  # the default branch has another name now
        number = shapes.number(pull, "number")
        if changes:
            what = f"bring #{number} up to date"
            answer = self._client.ask("PATCH", self._of(number), what, json=changes, repeatable=True)
            pull = mapping(answer.data, what)
        found = shapes.proposal(pull)
        return self._labelled(found, draft.labels, ())

    def _labelled(self, found: Proposal, add: Collection[str], remove: Collection[str]) -> Proposal:
        before = set(found.labels)
        labels.put(self._at, found.number, add, remove, found.labels)
        gone = {name.casefold() for name in remove}
        now = [name for name in [*found.labels, *add] if name.casefold() not in gone]
        if before == set(now):
            return found
        return shapes.proposal(self._pull(found.number))

    # Finding

    def get(self, number: int) -> Proposal:
        return shapes.proposal(self._pull(number))

    def find(self, branch: str, *, fingerprint: str = "") -> Proposal | None:
        found = list(self._pulls(state="all", branch=branch))
        if not found and fingerprint:
            found = [each for each in self._pulls(state="all") if fingerprint in shapes.text(each, "body")]
        ranked = sorted(found, key=lambda each: (shapes.state(each) is State.OPEN, shapes.number(each, "number")))
        return shapes.proposal(ranked[-1]) if ranked else None

    def proposals(self, *, state: State | None = State.OPEN, branch: str = "", since: str = "") -> Sequence[Proposal]:
        asked = "all" if state is None else "open" if state is State.OPEN else "closed"
        found = [shapes.proposal(each) for each in self._pulls(state=asked, branch=branch, since=since)]
        found = [each for each in found if each.branch.startswith(BRANCHES) and state in {None, each.state}]
        return sorted(found, key=lambda each: each.number, reverse=True)

    def files(self, number: int) -> Sequence[str]:
        paths: dict[str, None] = {}
        count = 0
        for each in self._client.pages(f"{self._of(number)}/files", f"list the files of #{number}"):
            count += 1
            paths |= dict.fromkeys(
                path for name in ("previous_filename", "filename") if (path := shapes.text(each, name))
            )
        if count >= _MOST_FILES:
            raise RefusedError(f"#{number} changes {count} files or more", "GitHub lists no more: compare with git")
        return sorted(paths)

    # Talking

    def comments(self, number: int, *, since: str = "") -> Sequence[Comment]:
        return conversation.comments(self._at, number, since)

    def say(self, number: int, marker: str, text: str) -> Comment:
        return conversation.say(self._at, number, marker, text)

    def label(self, number: int, *, add: Collection[str] = (), remove: Collection[str] = ()) -> None:
        labels.put(self._at, number, add, remove, self.get(number).labels)

    def close(self, number: int, reason: str) -> None:
        found = self.get(number)
        if found.state is State.MERGED:
            raise RefusedError(f"#{number} is merged", "`aios revert` takes back what it did")
        if found.state is State.CLOSED:
            return
        with contextlib.suppress(LockedError):  # the reason is in the run's record too
            self.say(number, CLOSED, reason)
        what = f"close #{number}"
        self._client.ask("PATCH", self._of(number), what, json={"state": "closed"}, repeatable=True)

    # What became of it

    def merged(self, number: int) -> Merge | None:
        return merges.merge_of(self._at, self._pull(number))

    def closed_by(self, number: int) -> str:
        told = self._client.look(self._at.path("issues", str(number)), f"show #{number}")
        return "" if shapes.text(told, "state") != "closed" else shapes.text(told, "closed_by", "login")

    def reviews(self, number: int) -> Sequence[Review]:
        found = self._client.pages(f"{self._of(number)}/reviews", f"list the reviews of #{number}")
        return [shapes.review(each) for each in found if shapes.text(each, "state") != "PENDING"]

    def status(self, commit: str, context: str, state: str, description: str, url: str = "") -> None:
        wanted = {"state": state, "context": context, "description": one_line(description, _DESCRIPTION)}
        wanted |= {"target_url": url} if url else {}
        now = next((each for each in self._statuses(commit) if shapes.text(each, "context") == context), {})
        if all(shapes.text(now, name) == value for name, value in wanted.items()):
            return
        path = self._at.path("statuses", commit)
        self._client.ask("POST", path, f"take the status {context}", json=wanted, repeatable=True)

    def statuses(self, commit: str) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for each in self._statuses(commit):  # newest first
            found.setdefault(shapes.text(each, "context"), shapes.text(each, "state"))
        return found

    def _statuses(self, commit: str) -> list[Mapping[str, Any]]:
        return list(self._client.pages(self._at.path("commits", commit, "statuses"), f"list statuses of {commit[:10]}"))

    def dispatch(self, workflow: str, inputs: Mapping[str, str]) -> None:
        path = self._at.path("actions", "workflows", workflow, "dispatches")
        content = {"ref": self._at.default_branch, "inputs": dict(inputs)}
        try:
            self._client.ask("POST", path, f"start {workflow}", json=content)
        except NotFoundError as refused:
            hint = f"is .github/workflows/{workflow} on {self._at.default_branch}? Else {refused.hint}"
            raise RefusedError(refused.message, hint) from refused

    # Asking for pull requests

    def _of(self, number: int) -> str:
        return self._at.path("pulls", str(number))

    def _pull(self, number: int) -> Mapping[str, Any]:
        return self._client.look(self._of(number), f"show #{number}")

    def _pulls(self, *, state: str, branch: str = "", since: str = "") -> list[Mapping[str, Any]]:
        """Of this repository's own branches only: what a stranger proposes from a copy is none of ours. No page is
        asked for that is wholly older than `since`."""
        params = {"state": state, "sort": "updated" if since else "created", "direction": "desc"}
        if branch:
            params["head"] = f"{self._at.owner}:{branch}"
        pages = self._client.pages(self._at.path("pulls"), "list pull requests", params=params)
        found = itertools.takewhile(lambda each: shapes.text(each, "updated_at") >= since, pages)
        own = [each for each in found if shapes.from_here(each)]
        return [each for each in own if not branch or shapes.text(each, "head", "ref") == branch]

    def _open_of(self, branch: str) -> Mapping[str, Any] | None:
        return next(iter(self._pulls(state="open", branch=branch)), None)


def _title(draft: Draft) -> str:
    return one_line(draft.title, _TITLE) or draft.branch
