"""A forge in memory where several people speak, and a company with one open proposal there."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aios.domain.forge import Comment, Draft, Host, Merge, Proposal, Review, State
from aios.errors import TransientError
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.store.git import Git
from tests.runs import house

WEB = "https://github.com/ann/acme"
US = "aios-app[bot]"
AT = "2026-11-02T10:{:02d}:{:02d}Z"


@dataclass
class Forum:
    """`writes` counts what changed anything; at the n-th one of them `breaks` (0: never) the network goes away."""

    git: Git
    pulls: dict[int, Proposal] = field(default_factory=dict)
    said: dict[int, list[Comment]] = field(default_factory=dict)
    reviewed: dict[int, list[Review]] = field(default_factory=dict)
    states: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    closers: dict[int, str] = field(default_factory=dict)
    breaks: int = 0
    name: str = "forum"
    seconds: int = 0

    @property
    def host(self) -> Host | None:
        return None

    def viewer(self) -> str:
        return US

    def _wrote(self, what: str) -> None:
        if self.breaks and len(self.writes) + 1 >= self.breaks:
            self.breaks = 0
            raise TransientError("the forge does not answer")
        self.writes.append(what)

    def _now(self) -> str:
        self.seconds += 1
        return AT.format(self.seconds // 60, self.seconds % 60)

    def _head(self, proposal: Proposal) -> Proposal:
        tip = self.git.rev(f"refs/heads/{proposal.branch}")
        return replace(proposal, head=tip) if tip and proposal.state is State.OPEN else proposal

    def open(self, draft: Draft) -> Proposal:
        known = [each for each in self.pulls.values() if each.branch == draft.branch and each.state is State.OPEN]
        if known:
            return self.refresh(known[0].number, draft)
        self._wrote(f"open {draft.branch}")
        number, head = len(self.pulls) + 1, self.git.commit(draft.branch)
        self.pulls[number] = Proposal(
            number, draft.branch, draft.base, head, draft.title, draft.body, State.OPEN, f"{WEB}/pull/{number}", US,
            draft.labels,
        )  # fmt: skip
        self.said[number], self.reviewed[number] = [], []
        return self.pulls[number]

    def refresh(self, number: int, draft: Draft) -> Proposal:
        before = self.pulls[number]
        labels = tuple(dict.fromkeys([*before.labels, *draft.labels]))
        after = replace(before, title=draft.title, body=draft.body, labels=labels, base=draft.base)
        if after != before:
            self._wrote(f"refresh {number}")
            self.pulls[number] = after
        return self._head(after)

    def get(self, number: int) -> Proposal:
        return self._head(self.pulls[number])

    def find(self, branch: str, *, fingerprint: str = "") -> Proposal | None:
        found = [each for each in self.pulls.values() if each.branch == branch]
        if not found and fingerprint:
            found = [each for each in self.pulls.values() if fingerprint in each.body]
        found.sort(key=lambda each: (each.state is State.OPEN, each.number))
        return self._head(found[-1]) if found else None

    def proposals(self, *, state: State | None = State.OPEN, branch: str = "", since: str = "") -> Sequence[Proposal]:
        del since
        found = [self._head(each) for each in reversed(self.pulls.values()) if state in {None, each.state}]
        return [each for each in found if branch in {"", each.branch}]

    def files(self, number: int) -> Sequence[str]:
        del number
        return ()

    def comments(self, number: int, *, since: str = "") -> Sequence[Comment]:
        del since
        return list(self.said[number])

    def say(self, number: int, marker: str, text: str) -> Comment:
        sign = f"<!-- aios:{marker} -->"
        body = f"{text.strip()}\n\n{sign}"
        mine = [at for at, each in enumerate(self.said[number]) if each.by_us and sign in each.body]
        if not mine:
            self._wrote(f"say {marker}")
            return self._add(number, US, body, by_us=True)
        if self.said[number][mine[0]].body != body:
            self._wrote(f"change {marker}")
            changed = replace(self.said[number][mine[0]], body=body, edited=self._now())
            self.said[number][mine[0]] = changed
        return self.said[number][mine[0]]

    def _add(self, number: int, author: str, body: str, *, by_us: bool = False) -> Comment:
        made = Comment(1000 + sum(map(len, self.said.values())), author, body, self._now(), by_us=by_us)
        made = replace(made, url=f"{WEB}/pull/{number}#issuecomment-{made.id}")
        self.said[number].append(made)
        return made

    def label(self, number: int, *, add: Collection[str] = (), remove: Collection[str] = ()) -> None:
        before = self.pulls[number].labels
        after = tuple(each for each in dict.fromkeys([*before, *add]) if each not in remove)
        if after != before:
            self._wrote(f"label {number}")
            self.pulls[number] = replace(self.pulls[number], labels=after)

    def close(self, number: int, reason: str) -> None:
        if self.pulls[number].state is State.OPEN:
            self.say(number, "closed", reason)
            self._wrote(f"close {number}")
            self.pulls[number] = replace(self.pulls[number], state=State.CLOSED)

    def merged(self, number: int) -> Merge | None:
        del number
        return None

    def closed_by(self, number: int) -> str:
        return self.closers.get(number, "")

    def reviews(self, number: int) -> Sequence[Review]:
        return list(self.reviewed[number])

    def status(self, commit: str, context: str, state: str, description: str, url: str = "") -> None:
        del url
        known = self.states.setdefault(commit, {})
        if known.get(context) != (state, description):
            self._wrote(f"status {commit[:7]}")
            assert len(description) <= 140
            known[context] = (state, description)

    def statuses(self, commit: str) -> Mapping[str, str]:
        return {name: told[0] for name, told in self.states.get(commit, {}).items()}

    def dispatch(self, workflow: str, inputs: Mapping[str, str]) -> None:
        del workflow, inputs

    # What people do there

    def comment(self, author: str, body: str, number: int = 1) -> Comment:
        return self._add(number, author, body)

    def edit(self, comment: int, body: str, number: int = 1) -> tuple[str, str]:
        """What it said before, and says now."""
        at = next(at for at, each in enumerate(self.said[number]) if each.id == comment)
        before = self.said[number][at]
        self.said[number][at] = replace(before, body=body, edited=self._now())
        return before.body, body

    def closed(self, by: str, number: int = 1) -> None:
        self.pulls[number] = replace(self.get(number), state=State.CLOSED)
        self.closers[number] = by

    def review(self, author: str, verdict: str, body: str, number: int = 1) -> None:
        self.reviewed[number].append(Review(author, verdict, self.get(number).head, self._now(), body))

    def replies(self, number: int = 1) -> list[str]:
        return [each.body for each in self.said[number] if each.by_us and "<!-- aios:reply-" in each.body]

    def sticky(self, number: int = 1) -> str:
        return next((each.body for each in self.said[number] if each.by_us and "<!-- aios:status -->" in each.body), "")


def founded(root: Path, **changes: Any) -> Path:
    """The small company, reviewed at a forge, approved by ann's account too."""
    house.found(root, **changes)
    company = root / "state/company.yaml"
    text = house.COMPANY.replace("[me@test.example]", '[me@test.example, "github:ann"]')
    company.write_text(text + "forge: {use: github, repository: ann/acme}\n")
    commit(root, "It is reviewed at GitHub")
    return root


def commit(root: Path, message: str, *, author: str = "Me <me@test.example>") -> None:
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-q", "-m", message, f"--author={author}"], cwd=root, check=True)


def proposed(here: Context) -> str:
    """One run, carried on up to its gate."""
    run = house.start(here)
    carry_on(here, run)
    return run
