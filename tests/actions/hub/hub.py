"""The hub: a repository, its pull requests, and the events that start workflows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any

from tests.actions.hub.bare import Bare, CannotMergeError
from tests.actions.hub.things import App, Comment, Event, Move, Pull, Review, Status, stamp
from tests.actions.hub.tokens import ACTIONS, Person, Token


class RefusedError(Exception):
    """What the hub answers with an error's status."""

    def __init__(self, status: int, message: str, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.errors = status, message, errors or []


class Hub:
    """All that github.com holds of one repository. Everything here runs under one lock.

    `actions_may_propose` is the setting “Allow GitHub Actions to create and approve pull requests”.
    """

    def __init__(self, folder: Path, repository: str, owner: Person, clock: Callable[[], datetime]) -> None:
        self.repository = repository
        self.owner = owner
        self.clock = clock
        self.bare = Bare(folder / f"{repository.rpartition('/')[2]}.git", clock)
        self.lock = RLock()
        self.people = {owner.login: owner}
        self.tokens: dict[str, Token] = {}
        self.pulls: dict[int, Pull] = {}
        self.labels: dict[str, str] = {}
        self.statuses: dict[str, list[Status]] = {}
        self.events: list[Event] = []
        self.moves: list[Move] = []
        self.runs: list[dict[str, Any]] = []  # of workflows, newest first, as GitHub shows them
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.actions_may_propose = True
        self.private = True
        self.pages = ""
        self.app: App | None = None
        self.url = ""
        self._ids = 1000
        self.bot = self.person(ACTIONS, id=41898282)

    def person(self, login: str, *, id: int = 0, name: str = "") -> Person:  # noqa: A002  GitHub's word
        if login not in self.people:
            self.people[login] = Person(login, id or self.next_id(), name)
        return self.people[login]

    def next_id(self) -> int:
        self._ids += 1
        return self._ids

    @property
    def api(self) -> str:
        return f"{self.url}/api/v3"

    @property
    def clone_url(self) -> str:
        return f"{self.url}/{self.repository}"

    # Who asks

    def token(
        self, person: Person, permissions: Mapping[str, str] | None = None, *, job: str = "", app: bool = False
    ) -> Token:
        made = Token(person, permissions, job, app)
        self.tokens[made.value] = made
        return made

    # Pull requests

    def open(self, title: str, body: str, branch: str, base: str, by: Token) -> Pull:
        if by.job and not by.app and not self.actions_may_propose:
            raise RefusedError(403, "GitHub Actions is not permitted to create or approve pull requests.")
        head, onto = self.bare.tip(branch), self.bare.tip(base)
        if not head or not onto:
            raise RefusedError(422, "Validation Failed", [_invalid("head" if not head else "base")])
        if any(each.branch == branch and each.base == base and each.state == "open" for each in self.pulls.values()):
            raise RefusedError(422, "Validation Failed", [_custom(f"A pull request already exists for {branch}.")])
        if self.bare.contains(onto, head):
            raise RefusedError(422, "Validation Failed", [_custom(f"No commits between {base} and {branch}")])
        pull = Pull(len(self.pulls) + 1, title, body, branch, base, head, by.person, self.clock(), base_sha=onto)
        self.pulls[pull.number] = pull
        self._follow(pull)
        self._pull_event("opened", pull, by)
        return pull

    def pull(self, number: int) -> Pull:
        if number not in self.pulls:
            raise RefusedError(404, "Not Found")
        return self.pulls[number]

    def open_pull(self, branch: str) -> Pull:
        return next(each for each in self.pulls.values() if each.branch == branch and each.state == "open")

    def mergeable(self, pull: Pull) -> bool:
        base = self.bare.tip(pull.base)
        return bool(base and self.bare.merge_tree(base, pull.head))

    def merge(self, number: int, method: str, by: Token, *, head: str = "", delete_branch: bool = False) -> str:
        """What the green button does."""
        pull = self.pull(number)
        if pull.state != "open":
            raise RefusedError(405, "Pull Request is not mergeable")
        if head and head != pull.head:
            raise RefusedError(409, "Head branch was modified. Review and try the merge again.")
        base = self.bare.tip(pull.base) or ""
        try:
            new = self._merged(pull, method, base, by.person)
        except CannotMergeError as error:
            raise RefusedError(405, str(error)) from error
        self.bare.git("update-ref", f"refs/heads/{pull.base}", new, base)
        self._is_merged(pull, new, by)
        self._push_event(f"refs/heads/{pull.base}", base, new, by, kind="pr_merge")
        if delete_branch:
            tip = self.bare.tip(pull.branch) or ""
            self.bare.git("update-ref", "-d", f"refs/heads/{pull.branch}", tip)
        self.settle_pulls(by)
        return new

    def _merged(self, pull: Pull, method: str, base: str, by: Person) -> str:
        if method == "merge":
            owner = self.repository.partition("/")[0]
            message = f"Merge pull request #{pull.number} from {owner}/{pull.branch}\n\n{pull.title}\n"
            return self.bare.merge(base, pull.head, message, by)
        if method == "squash":
            subjects = self.bare.git("log", "--reverse", "--no-merges", "--format=* %s%n%n%b", f"{base}..{pull.head}")
            return self.bare.squash(base, pull.head, f"{pull.title} (#{pull.number})\n\n{subjects}\n", pull.author)
        return self.bare.rebase(base, pull.head, by)

    def close(self, number: int, by: Token) -> None:
        pull = self.pull(number)
        if pull.state == "open":
            pull.state, pull.closed, pull.closed_by = "closed", self.clock(), by.person
            self._pull_event("closed", pull, by)

    def comment(self, number: int, body: str, by: Token) -> Comment:
        pull, now = self.pull(number), self.clock()
        made = Comment(self.next_id(), by.person, body, now, now, by.app)
        pull.comments.append(made)
        self._comment_event("created", pull, made, by)
        return made

    def edit_comment(self, id: int, body: str, by: Token) -> Comment:  # noqa: A002  GitHub's word
        for pull in self.pulls.values():
            for each in pull.comments:
                if each.id == id:
                    each.body, each.edited = body, self.clock()
                    self._comment_event("edited", pull, each, by)
                    return each
        raise RefusedError(404, "Not Found")

    def delete_comment(self, id: int) -> None:  # noqa: A002  GitHub's word
        for pull in self.pulls.values():
            pull.comments = [each for each in pull.comments if each.id != id]

    def review(self, number: int, state: str, body: str, by: Token) -> Review:
        pull = self.pull(number)
        if by.person == pull.author and state != "COMMENTED":
            raise RefusedError(422, "Can not approve your own pull request")
        made = Review(self.next_id(), by.person, state, body, pull.head, self.clock())
        pull.reviews.append(made)
        payload = {"review": {"id": made.id, "state": state.lower(), "body": body, "user": _user(by.person)}}
        self._fire(
            "pull_request_review", {"action": "submitted", **payload, **self._of(pull)}, self._merge_ref(pull), by
        )
        return made

    # What starts workflows

    def dispatch(self, workflow: str, ref: str, inputs: Mapping[str, str], by: Token) -> None:
        ref = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        tip = self.bare.refs(ref).get(ref)
        path = f".github/workflows/{workflow}"
        if not tip or self.bare.process("cat-file", "-e", f"{tip}:{path}").returncode:
            raise RefusedError(404, "Not Found")
        payload = {"inputs": dict(inputs), "workflow": path, "ref": ref}
        self.events.append(Event("workflow_dispatch", self._payload(payload, by), ref, tip, by.person.login))

    def repository_dispatch(self, kind: str, told: Mapping[str, Any], by: Token) -> None:
        payload = {"action": kind, "client_payload": dict(told), "branch": "main"}
        self._always("repository_dispatch", payload, by)

    def schedule(self, cron: str) -> None:
        """Time passes. The actor is whoever touched the default branch last."""
        self._always("schedule", {"schedule": cron}, Token(self.owner))

    def _always(self, name: str, payload: dict[str, Any], by: Token) -> None:
        tip = self.bare.tip("main") or ""
        self.events.append(Event(name, self._payload(payload, by), "refs/heads/main", tip, by.person.login))

    def commit(self, branch: str, files: Mapping[str, str], message: str, by: Token) -> str:
        """An edit in the browser."""
        before = self.bare.tip(branch) or "0" * 40
        new = self.bare.write(branch, files, message, by.person)
        self._push_event(f"refs/heads/{branch}", before, new, by)
        self.settle_pulls(by)
        return new

    @contextmanager
    def pushing(self, by: Token) -> Iterator[None]:
        """What refs moved within the block is told as pushes of somebody's."""
        before = self.bare.refs()
        yield
        after = self.bare.refs()
        for ref in sorted({*before, *after}):
            old, new = before.get(ref, "0" * 40), after.get(ref, "0" * 40)
            if old != new:
                self._push_event(ref, old, new, by)
        self.settle_pulls(by)

    def settle_pulls(self, by: Token) -> None:
        """What pushes mean for pull requests: a head moves, a merge is found, a branch that is gone closes its own."""
        for pull in [each for each in self.pulls.values() if each.state == "open"]:
            tip, base = self.bare.tip(pull.branch), self.bare.tip(pull.base) or ""
            if tip and tip != pull.head:
                pull.head, pull.updated = tip, self.clock()
                self._follow(pull)
                self._pull_event("synchronize", pull, by)
            if self.bare.contains(base, pull.head):
                first = self.bare.git("rev-list", "--first-parent", "--ancestry-path", f"{pull.head}..{base}").split()
                self._is_merged(pull, first[-1] if first else pull.head, by)
            elif tip is None:
                pull.state, pull.closed = "closed", self.clock()
                self._pull_event("closed", pull, by)

    def _is_merged(self, pull: Pull, commit: str, by: Token) -> None:
        now = self.clock()
        pull.state, pull.closed, pull.merged, pull.updated = "closed", now, now, now
        pull.merged_by, pull.merge_commit = by.person, commit
        self._pull_event("closed", pull, by)

    def _follow(self, pull: Pull) -> None:
        self.bare.git("update-ref", f"refs/pull/{pull.number}/head", pull.head)

    def _merge_ref(self, pull: Pull) -> tuple[str, str]:
        """What runs of a pull request are on: the merge that would be, kept as GitHub keeps it."""
        base, ref = self.bare.tip(pull.base) or "", f"refs/pull/{pull.number}/merge"
        if pull.state != "open":
            return f"refs/heads/{pull.base}", base
        try:
            made = self.bare.merge(base, pull.head, f"Merge {pull.head} into {base}\n", self.owner)
        except CannotMergeError:
            return ref, ""
        self.bare.git("update-ref", ref, made)
        return ref, made

    def _push_event(self, ref: str, before: str, after: str, by: Token, kind: str = "push") -> None:
        created, deleted = not int(before, 16), not int(after, 16)
        kind = "branch_creation" if created else "branch_deletion" if deleted else kind
        if kind == "push" and not self.bare.contains(after, before):
            kind = "force_push"
        self.moves.append(Move(self.next_id(), ref, before, after, kind, self.clock(), by.person))
        payload = {"ref": ref, "before": before, "after": after, "deleted": deleted, "created": created}
        self._fire("push", {**payload, "pusher": {"name": by.person.login}}, (ref, after), by)

    def _pull_event(self, action: str, pull: Pull, by: Token) -> None:
        self._fire("pull_request", {"action": action, **self._of(pull)}, self._merge_ref(pull), by)

    def _comment_event(self, action: str, pull: Pull, comment: Comment, by: Token) -> None:
        body = {
            "id": comment.id,
            "body": comment.body,
            "user": _user(comment.author),
            "author_association": self.association(comment.author),
            "created_at": stamp(comment.at),
            "updated_at": stamp(comment.edited),
        }
        issue = {
            "number": pull.number,
            "state": pull.state,
            "title": pull.title,
            "user": _user(pull.author),
            "pull_request": {"url": f"{self.api}/repos/{self.repository}/pulls/{pull.number}"},
        }
        self._fire("issue_comment", {"action": action, "issue": issue, "comment": body}, None, by)

    def association(self, person: Person) -> str:
        return "OWNER" if person == self.owner else "NONE"

    def _fire(self, name: str, payload: dict[str, Any], at: tuple[str, str] | None, by: Token) -> None:
        if not by.starts_workflows:
            return
        ref, sha = at or ("refs/heads/main", self.bare.tip("main") or "")
        if sha and int(sha, 16):
            self.events.append(Event(name, self._payload(payload, by), ref, sha, by.person.login))

    def _of(self, pull: Pull) -> dict[str, Any]:
        whole = {"full_name": self.repository}
        return {
            "number": pull.number,
            "pull_request": {
                "number": pull.number,
                "state": pull.state,
                "merged": pull.merged is not None,
                "title": pull.title,
                "body": pull.body,
                "user": _user(pull.author),
                "labels": [{"name": each} for each in pull.labels],
                "head": {"ref": pull.branch, "sha": pull.head, "repo": whole},
                "base": {"ref": pull.base, "sha": pull.base_sha, "repo": whole},
            },
        }

    def _payload(self, told: dict[str, Any], by: Token) -> dict[str, Any]:
        name = self.repository.rpartition("/")[2]
        whole = {
            "full_name": self.repository,
            "name": name,
            "owner": _user(self.owner),
            "default_branch": "main",
            "private": self.private,
        }
        return {**told, "repository": whole, "sender": _user(by.person)}


def _user(person: Person) -> dict[str, Any]:
    return {"login": person.login, "id": person.id, "type": "Bot" if person.bot else "User"}


def _invalid(name: str) -> dict[str, str]:
    return {"resource": "PullRequest", "field": name, "code": "invalid"}


def _custom(message: str) -> dict[str, str]:
    return {"resource": "PullRequest", "code": "custom", "message": message}
