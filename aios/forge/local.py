"""The forge of one machine: proposals are branches of this repository, and git itself says what became of them.

What git does not hold (numbers, titles, bodies, labels, comments, what was closed, statuses) lies as small JSON files
on a ref of its own, moved by compare-and-swap. Nobody edits there but this program, and nothing starts workflows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from aios.domain.forge import Comment, Draft, Merge, Proposal, Review, State
from aios.domain.names import BRANCHES
from aios.errors import CorruptError, MovedError, RefusedError
from aios.forge.landed import landed
from aios.store.commits import Draft as Commit
from aios.store.commits import commit_many
from aios.store.git import Git

REF = "refs/aios/forge"
CLOSED = "closed"
_ATTEMPTS = 20
_T = TypeVar("_T")
_Entry = dict[str, Any]
# What stands in a proposal's file now (None: there is none) → what is to stand there (the same: nothing to write).
_Change = Callable[[_Entry], _Entry]


class Local:
    """`who` is (name, e-mail address) of whoever works here; the address is what this forge calls a login."""

    name = "local"
    host = None

    def __init__(self, git: Git, who: tuple[str, str], clock: Callable[[], datetime]) -> None:
        self._git = git
        self._who = who
        self._clock = clock

    def __repr__(self) -> str:
        return f"Local({str(self._git.root)!r})"

    def viewer(self) -> str:
        return self._who[1]

    # Opening and bringing up to date

    def open(self, draft: Draft) -> Proposal:
        head, base = self._tips(draft)
        if self._git.is_ancestor(head, base):
            hint = f"{draft.branch} holds nothing that {draft.base} lacks: there is nothing to propose"
            raise RefusedError(f"No commits between {draft.base} and {draft.branch}", hint)

        def opened(entries: Mapping[int, _Entry]) -> tuple[int, _Entry]:
            known = [n for n, each in entries.items() if each["branch"] == draft.branch and self._is_open(each)]
            if known:
                return max(known), self._drafted(entries[max(known)], draft)
            number = max(entries, default=0) + 1
            entry = {"branch": draft.branch, "author": self.viewer(), "closed": "", "head": head, "comments": []}
            return number, self._drafted({**entry, "labels": []}, draft)

        return self.get(self._write(f"Open {draft.branch}", opened))

    def refresh(self, number: int, draft: Draft) -> Proposal:
        self._change(number, f"Refresh #{number}", lambda entry: self._drafted(entry, draft))
        return self.get(number)

    def _drafted(self, entry: _Entry, draft: Draft) -> _Entry:
        labels = list(dict.fromkeys([*entry["labels"], *draft.labels]))
        told = {"base": draft.base, "title": draft.title, "body": draft.body, "labels": labels}
        head = self._git.rev(f"refs/heads/{entry['branch']}") or entry["head"]
        return {**entry, **told, "head": head}

    def _tips(self, draft: Draft) -> tuple[str, str]:
        tips = {name: self._git.rev(f"refs/heads/{name}") for name in (draft.branch, draft.base)}
        for name, tip in tips.items():
            if tip is None:
                raise RefusedError(f"there is no branch {name}", "`git branch` lists what there is")
        return tips[draft.branch] or "", tips[draft.base] or ""

    # Finding

    def get(self, number: int) -> Proposal:
        return self._proposal(number, self._entry(number))

    def find(self, branch: str, *, fingerprint: str = "") -> Proposal | None:
        entries = self._entries()
        found = [number for number, each in entries.items() if each["branch"] == branch]
        if not found and fingerprint:
            found = [number for number, each in entries.items() if fingerprint in each["body"]]
        proposals = [self._proposal(number, entries[number]) for number in found]
        return max(proposals, key=lambda each: (each.state is State.OPEN, each.number), default=None)

    def proposals(self, *, state: State | None = State.OPEN, branch: str = "", since: str = "") -> Sequence[Proposal]:
        entries = {
            number: each
            for number, each in self._entries().items()
            if each["branch"].startswith(BRANCHES) and branch in {"", each["branch"]}
        }
        found = [self._proposal(number, entry) for number, entry in entries.items()]
        found = [each for each in found if state in {None, each.state}]
        # What git alone did to it (a merge, more commits) was noted by nobody: all but what was closed here counts.
        found = [each for each in found if each.updated >= since or not entries[each.number]["closed"]]
        return sorted(found, key=lambda each: each.number, reverse=True)

    def files(self, number: int) -> Sequence[str]:
        found = self.get(number)
        merge = self.merged(number)
        base = self._git.rev(f"{merge.commit}^1") if merge and merge.method != "push" else self._git.rev(found.base)
        fork = self._git.merge_base(base or found.base, found.head) or found.base
        listed = self._git.run("diff", "--name-only", "-z", "--no-renames", fork, found.head)
        return sorted(path.decode(errors="surrogateescape") for path in listed.split(b"\0") if path)

    def _proposal(self, number: int, entry: _Entry) -> Proposal:
        return Proposal(
            number=number,
            branch=entry["branch"],
            base=entry["base"],
            head=self._head(entry),
            title=entry["title"],
            body=entry["body"],
            state=self._state(entry),
            url="",
            author=entry["author"],
            labels=tuple(entry["labels"]),
            updated=entry["updated"],
        )

    def _head(self, entry: _Entry) -> str:
        """The tip of its branch while it is open; afterwards the last one that was seen."""
        tip = self._git.rev(f"refs/heads/{entry['branch']}")
        return str(entry["head"] if entry["closed"] or tip is None else tip)

    def _state(self, entry: _Entry) -> State:
        """As a git host has it: who deletes the branch of an open proposal closes it."""
        if entry["closed"]:
            return State.CLOSED
        if self._landed(entry) is not None:
            return State.MERGED
        return State.OPEN if self._git.rev(f"refs/heads/{entry['branch']}") else State.CLOSED

    def _is_open(self, entry: _Entry) -> bool:
        return self._state(entry) is State.OPEN

    def _landed(self, entry: _Entry) -> Merge | None:
        return landed(self._git, self._head(entry), entry["base"])

    # Talking

    def comments(self, number: int, *, since: str = "") -> Sequence[Comment]:
        found = [self._comment(each) for each in self._entry(number)["comments"]]
        return [each for each in found if (each.edited or each.at) >= since]

    def _comment(self, told: Mapping[str, Any]) -> Comment:
        by_us = told["author"] == self.viewer()
        return Comment(told["id"], told["author"], told["body"], told["at"], told["edited"], by_us=by_us)

    def say(self, number: int, marker: str, text: str) -> Comment:
        sign, now = f"<!-- aios:{marker} -->", self._now()
        body = f"{text.strip()}\n\n{sign}"

        def said(entry: _Entry) -> _Entry:
            comments = [dict(each) for each in entry["comments"]]
            mine = [each for each in comments if each["author"] == self.viewer() and sign in each["body"]]
            if not mine:
                made = {"id": len(comments) + 1, "author": self.viewer(), "body": body, "at": now, "edited": ""}
                comments.append(made)
            elif mine[0]["body"] != body:
                mine[0] |= {"body": body, "edited": now}
            return {**entry, "comments": comments}

        self._change(number, f"Say {marker} on #{number}", said)
        return next(each for each in self.comments(number) if each.by_us and sign in each.body)

    def label(self, number: int, *, add: Collection[str] = (), remove: Collection[str] = ()) -> None:
        gone = {name.casefold() for name in remove}

        def labelled(entry: _Entry) -> _Entry:
            names = dict.fromkeys([*entry["labels"], *add])
            return {**entry, "labels": [name for name in names if name.casefold() not in gone]}

        self._change(number, f"Label #{number}", labelled)

    def close(self, number: int, reason: str) -> None:
        found = self.get(number)
        if found.state is State.MERGED:
            raise RefusedError(f"#{number} is merged", "`aios revert` takes back what it did")
        if found.state is State.CLOSED:
            return
        self.say(number, CLOSED, reason)
        now = self._now()
        told = {"closed": now, "closed_by": self.viewer()}
        self._change(number, f"Close #{number}", lambda entry: entry if entry["closed"] else {**entry, **told})

    def closed_by(self, number: int) -> str:
        return str(self._entry(number).get("closed_by", ""))

    # What became of it

    def merged(self, number: int) -> Merge | None:
        entry = self._entry(number)
        return None if entry["closed"] else self._landed(entry)

    def reviews(self, number: int) -> Sequence[Review]:
        self._entry(number)
        return ()

    def status(self, commit: str, context: str, state: str, description: str, url: str = "") -> None:
        told = {"state": state, "description": description, "url": url}
        path = f"statuses/{self._git.commit(commit)}.json"
        self._move(f"Status {context}", lambda: {path: {**self._read(path), context: told}})

    def statuses(self, commit: str) -> Mapping[str, str]:
        told = self._read(f"statuses/{self._git.commit(commit)}.json")
        return {context: str(each["state"]) for context, each in told.items()}

    def dispatch(self, workflow: str, inputs: Mapping[str, str]) -> None:  # noqa: ARG002 - the Protocol's
        raise RefusedError(f"nothing starts {workflow} on this machine", "run the command: `aios tick`, `aios apply`")

    # What git does not hold

    def _entry(self, number: int) -> _Entry:
        entry = self._read(f"proposals/{number}.json")
        if not entry:
            raise RefusedError(f"there is no proposal #{number}", "`aios inbox` lists them")
        return entry

    def _entries(self) -> dict[int, _Entry]:
        if self._git.rev(REF) is None:
            return {}
        names = [path for path in self._git.tree(self._git.commit(REF)) if path.startswith("proposals/")]
        return {int(path.split("/")[1].removesuffix(".json")): self._read(path) for path in names}

    def _read(self, path: str) -> _Entry:
        content = self._git.read_blob(f"{REF}:{path}")
        if content is None:
            return {}
        try:
            found = json.loads(content)
        except ValueError:
            raise CorruptError(f"{path} on {REF} is no JSON", f"look at `git log -p {REF}`") from None
        return dict(found)

    def _change(self, number: int, message: str, change: _Change) -> None:
        self._write(message, lambda _: (number, change(self._entry(number))))

    def _write(self, message: str, change: Callable[[Mapping[int, _Entry]], tuple[int, _Entry]]) -> int:
        numbers: list[int] = []

        def made() -> dict[str, _Entry]:
            entries = self._entries()
            number, entry = change(entries)
            numbers.append(number)
            same = entry == entries.get(number)
            return {} if same else {f"proposals/{number}.json": {**entry, "updated": self._now()}}

        self._move(message, made)
        return numbers[-1]

    def _move(self, message: str, made: Callable[[], Mapping[str, _Entry]]) -> None:
        """Write files, made anew from what stands there as often as somebody else was quicker."""
        for attempt in range(_ATTEMPTS):
            expected = self._git.rev(REF)
            changes = {path: _json(entry) for path, entry in made().items()}
            if all(self._git.read_blob(f"{REF}:{path}") == content for path, content in changes.items()):
                return
            draft = Commit(message, changes, self._now(), *self._who)
            try:
                commit_many(self._git, REF, [draft], expected=expected)
            except MovedError:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def _now(self) -> str:
        return self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(entry: _Entry) -> bytes:
    return (json.dumps(entry, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
