"""Verified work becomes a proposal: imported, judged, pushed and shown, whatever happens in between."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from aios.domain.handoff import Order
from aios.domain.names import APPLY
from aios.errors import AiosError
from aios.forge.local import Local
from aios.runs.context import Context
from aios.runs.gate import cancel
from aios.runs.proposing import Proposed, propose_handed
from aios.runs.refreshing import refresh
from aios.runs.syncing import adopt
from aios.runs.verifying import Material
from aios.store.remote import Remote
from tests.runs import house
from tests.verifying import handing
from tests.verifying.handing import Handed

BRANCH = f"aios/{house.RUN}"
PIECE = "state/content/a-fine-topic.md"


class Told(Local):
    """The forge of one machine, which also keeps what it was to start."""

    started: list[str]

    def dispatch(self, workflow: str, inputs: Mapping[str, str]) -> None:
        self.started.append(workflow)


@dataclass
class Shared:
    """A bare repository that machines share, and one machine after the other that proposes."""

    folder: Path
    bare: Path
    machines: int = 0
    started: list[str] = field(default_factory=list)

    def git(self, *args: str, at: Path | None = None) -> str:
        done = subprocess.run(["git", *args], cwd=at or self.bare, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def machine(self, **changes: Any) -> Context:
        self.machines += 1
        place = self.folder / f"machine-{self.machines}"
        self.git("clone", "-q", str(self.bare), str(place))
        self.git("config", "user.name", "Me", at=place)
        self.git("config", "user.email", "me@test.example", at=place)
        made = handing.context(place)
        forge = Told(made.git, ("aios", "aios@localhost"), made.clock)
        forge.started = self.started
        return replace(made, remote=Remote(made.git), forge=forge, **changes)

    def tip(self, branch: str = BRANCH) -> str:
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")

    def edit(self, path: str, text: str, branch: str = BRANCH) -> str:
        """The operator's commit, pushed to a branch."""
        place = self.folder / "operator"
        shutil.rmtree(place, ignore_errors=True)
        self.git("clone", "-q", "-b", branch, str(self.bare), str(place))
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
        self.git("add", "-A", at=place)
        who = ("-c", "user.name=Me", "-c", "user.email=me@test.example")
        self.git(*who, "commit", "-q", "-m", "by hand", at=place)
        self.git("push", "-q", "origin", branch, at=place)
        return self.tip(branch)

    def read(self, path: str, branch: str = BRANCH) -> str:
        return self.git("show", f"{branch}:{path}")


@pytest.fixture
def shared(root: Path, tmp_path: Path) -> Shared:
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(root), str(bare)], check=True)
    return Shared(tmp_path, bare)


def going_on(handed: Handed, shared: Shared) -> tuple[Order, Material]:
    """The same work, ordered on a branch that holds what was collected."""
    handed.job.git.run("push", "-q", str(shared.bare), f"{handed.collected}:refs/heads/{BRANCH}")
    order = replace(handed.order, tip=handed.collected, start={}, stages=("agent", "propose"))
    other = replace(handed, order=order, handoff=replace(handed.handoff, tip=handed.collected, collected=""))
    return order, other.material(collect_head=None)


def propose(shared: Shared, order: Order, material: Material, **changes: Any) -> Proposed:
    here = shared.machine(**changes)
    with here.git:
        return propose_handed(here, order, material)


def test_it_is_pushed_with_its_record_and_traces_and_shown(handed: Handed, shared: Shared) -> None:
    done = propose(shared, handed.order, handed.material())
    assert done.wrong == ""
    assert done.number
    assert shared.git("log", "-1", "--format=%s", BRANCH).startswith("proposal.opened")
    assert shared.git("merge-base", "--is-ancestor", handed.handoff.head, BRANCH) == ""
    for path in shared.git("ls-tree", "-r", "--name-only", handed.handoff.traces, at=handed.job.root).splitlines():
        assert shared.read(path, "aios/traces")
    again = propose(shared, handed.order, handed.material())
    assert (again.wrong, shared.git("rev-list", "--count", BRANCH)) == ("", shared.git("rev-list", "--count", BRANCH))
    assert shared.git("log", "--format=%s", BRANCH).count("proposal.opened") == 1


def test_an_edit_of_another_file_meanwhile_stays_below(handed: Handed, shared: Shared) -> None:
    order, material = going_on(handed, shared)
    edit = shared.edit("state/content/old-piece.md", shared.read("state/content/old-piece.md") + "\nMine.\n")
    done = propose(shared, order, material)
    assert (done.wrong, done.rebased) == ("", True)
    assert shared.git("merge-base", "--is-ancestor", edit, BRANCH) == ""
    assert "Mine." in shared.read("state/content/old-piece.md")
    assert shared.read(PIECE) == handed.job.git.text("show", f"{handed.handoff.head}:{PIECE}").strip()


def test_an_edit_of_the_same_file_meanwhile_is_never_pushed_over(handed: Handed, shared: Shared) -> None:
    order, material = going_on(handed, shared)
    edit = shared.edit(PIECE, "---\nschema: content.v1\ntitle: Mine\n---\nMine.\n")
    done = propose(shared, order, material)
    assert PIECE in done.wrong
    assert "artifact" in done.wrong
    assert shared.tip() == edit
    assert shared.tip("aios/traces") == ""


def test_a_branch_that_was_deleted_or_made_anew_meanwhile_stays_as_it_is(handed: Handed, shared: Shared) -> None:
    order, material = going_on(handed, shared)
    shared.git("update-ref", "-d", f"refs/heads/{BRANCH}")
    assert "was deleted" in propose(shared, order, material).wrong
    assert shared.tip() == ""
    shared.git("update-ref", f"refs/heads/{BRANCH}", shared.git("rev-parse", "main~1"))
    assert "is not what it was" in propose(shared, order, material).wrong
    assert shared.tip() == shared.git("rev-parse", "main~1")


def test_a_second_job_on_the_same_order_changes_nothing_of_the_first(
    handed: Handed, shared: Shared, root: Path, tmp_path: Path
) -> None:
    assert propose(shared, handed.order, handed.material()).wrong == ""
    first = shared.tip()
    other = handing.honest(root, tmp_path / "later", note="Another part")
    assert propose(shared, other.order, other.material()).wrong != ""
    assert shared.tip() == first


def test_a_person_pushes_between_import_and_push(handed: Handed, shared: Shared) -> None:
    order, material = going_on(handed, shared)
    edits: list[str] = []

    def edited_once(name: str) -> None:
        if name == "handed over branch is here" and not edits:
            old = shared.read("state/content/old-piece.md")
            edits.append(shared.edit("state/content/old-piece.md", f"{old}\nMine.\n"))

    done = propose(shared, order, material, checkpoint=edited_once)
    assert (done.wrong, done.rebased) == ("", True)
    assert shared.git("merge-base", "--is-ancestor", edits[0], BRANCH) == ""


def test_traces_and_main_that_others_pushed_meanwhile_are_kept(handed: Handed, shared: Shared) -> None:
    def pushed(name: str) -> None:
        if name == "handed over branch is here" and not shared.tip("aios/traces"):
            shared.git("update-ref", "refs/heads/aios/traces", handed.job.git.commit("main~1"))
            shared.edit("state/content/old-piece.md", shared.read("state/content/old-piece.md", "main") + "x\n", "main")

    assert propose(shared, handed.order, handed.material(), checkpoint=pushed).wrong == ""
    assert shared.read("state/company.yaml", "aios/traces")
    assert "context/" in shared.git("ls-tree", "-r", "--name-only", "aios/traces")
    assert shared.read("state/content/old-piece.md", "main").endswith("x")


class KilledError(Exception):
    """What a kill is here: nothing behind it is done."""


def test_killed_anywhere_and_done_again_it_ends_the_same(handed: Handed, shared: Shared, tmp_path: Path) -> None:
    seen: list[str] = []
    assert propose(shared, handed.order, handed.material(), checkpoint=seen.append).wrong == ""
    wanted = shared.git("rev-parse", f"{BRANCH}^{{tree}}", "aios/traces^{tree}")
    assert len(seen) > 5
    worth = [number for number, name in enumerate(seen) if "handed over" in name or "pushed" in name]
    for number in worth:
        place = Shared(tmp_path / str(number), tmp_path / str(number) / "bare.git")
        place.folder.mkdir()
        subprocess.run(["git", "clone", "-q", "--bare", str(shared.bare), str(place.bare)], check=True)
        for branch in (BRANCH, "aios/traces"):
            place.git("update-ref", "-d", f"refs/heads/{branch}")
        left = [number]

        def dies(_: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise KilledError

        here = place.machine(checkpoint=dies)
        with here.git, pytest.raises(KilledError):
            propose_handed(here, handed.order, handed.material())
        again = replace(here, checkpoint=lambda _: None)
        with again.git:
            assert propose_handed(again, handed.order, handed.material()).wrong == ""
        assert place.git("rev-parse", f"{BRANCH}^{{tree}}", "aios/traces^{tree}") == wanted, seen[number]


def test_a_policy_that_merges_pushes_main_and_starts_what_applies_it(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    free = handing.found(tmp_path / "free", rules="  - {name: all, when: 'true', then: auto, why: it may}\n")
    handed = handing.honest(free, tmp_path / "free-job")
    bare = tmp_path / "bare.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(free), str(bare)], check=True)
    _what_another_order_of_the_round_changed_first_is_done_anew(free, tmp_path / "clash", handed)
    shared = Shared(tmp_path, bare)
    done = propose(shared, handed.order, handed.material())
    assert done.wrong == ""
    assert done.merged == shared.git("rev-parse", "main")
    assert shared.started == [APPLY]
    assert shared.read(PIECE, "main")
    assert shared.tip() == ""
    main = shared.git("rev-parse", "main")
    again = propose(shared, handed.order, handed.material())
    assert (again.wrong, again.merged, shared.git("rev-parse", "main"), shared.tip()) == ("", "", main, "")
    assert "meanwhile" in again.notes[0]
    assert shared.started == [APPLY, APPLY]  # it is still to be applied: whoever was killed in between did not say so


def _what_another_order_of_the_round_changed_first_is_done_anew(root: Path, place: Path, handed: Handed) -> None:
    place.mkdir()
    subprocess.run(["git", "clone", "-q", "--bare", str(root), str(place / "bare.git")], check=True)
    shared = Shared(place, place / "bare.git")
    title = "---\nschema: content.v1\ntitle: Another\nsummary: By another.\nstatus: edited\n"
    main = shared.edit(PIECE, f"{title}created: 2026-11-02T09:00:00Z\ntrust: derived\n---\n\nBy another.\n", "main")
    done = propose(shared, handed.order, handed.material())
    assert (done.wrong, done.standing, done.merged, done.number) == ("", None, "", 0)
    assert "done anew in the next round" in done.notes[0]
    assert (shared.git("rev-parse", "main"), shared.tip(), shared.started) == (main, "", [])
    with shared.machine().git as git:
        assert git.rev(BRANCH) is None


def test_what_was_stopped_meanwhile_is_not_proposed_again(handed: Handed, shared: Shared) -> None:
    order, material = going_on(handed, shared)
    here = shared.machine()
    with here.git:
        adopt(here)
        cancel(here, order.run, reason="not now")
        here.git.run("push", "-q", "origin", "main", f":refs/heads/{BRANCH}")
    done = propose(shared, order, material)
    assert "was deleted" in done.wrong
    assert shared.tip() == ""


def test_without_network_nothing_is_taken_and_the_next_time_all_is(handed: Handed, shared: Shared) -> None:
    here = shared.machine()
    away = shared.bare.rename(shared.folder / "away.git")
    with here.git:
        assert propose_handed(here, handed.order, handed.material()).wrong
        away.rename(shared.bare)
        assert propose_handed(here, handed.order, handed.material()).wrong == ""


def test_a_forge_that_refuses_leaves_the_branch_pushed_and_says_how_to_try_again(
    handed: Handed, shared: Shared
) -> None:
    here = shared.machine()

    class Refusing(Told):
        def open(self, draft: Any) -> Any:
            raise AiosError("pull requests may not be opened by jobs", "allow it in the settings")

    refusing = Refusing(here.git, ("aios", "aios@localhost"), here.clock)
    with here.git:
        done = propose_handed(replace(here, forge=refusing), handed.order, handed.material())
        assert done.kept
        assert "may not be opened" in done.wrong
        assert "--refresh" in done.wrong
        assert shared.tip()
        shown = refresh(here)
    assert [each.wrong for each in shown] == [""]
    assert shown[0].number


def test_a_refresh_shows_the_operators_edit_and_merges_main_by_fields(handed: Handed, shared: Shared) -> None:
    propose(shared, handed.order, handed.material())
    old = "state/content/old-piece.md"
    shared.edit(old, shared.read(old).replace("title: Old", "title: Older"))
    shared.edit(old, shared.read(old, "main").replace("summary: An old piece.", "summary: A very old piece."), "main")
    assert subprocess.run(
        ["git", "merge-tree", "--write-tree", "main", BRANCH], cwd=shared.bare, check=False
    ).returncode
    here = shared.machine()
    with here.git:
        (done,) = refresh(here)
        assert done.wrong == ""
        assert done.number
        tip = shared.tip()
        assert (
            subprocess.run(
                ["git", "merge-tree", "--write-tree", "main", BRANCH], cwd=shared.bare, check=False
            ).returncode
            == 0
        )
        told = shared.read(old)
        assert "title: Older" in told
        assert "summary: A very old piece." in told
        refresh(here)
    assert shared.tip() == tip


def test_a_refresh_leaves_what_only_the_operator_can_decide(handed: Handed, shared: Shared) -> None:
    propose(shared, handed.order, handed.material())
    old = "state/content/old-piece.md"
    tip = shared.edit(old, shared.read(old).replace("title: Old", "title: Older"))
    shared.edit(old, shared.read(old, "main").replace("title: Old", "title: Oldest"), "main")
    here = shared.machine()
    with here.git:
        (done,) = refresh(here)
    assert "only you can tell" in " ".join(done.notes)
    assert shared.tip() == tip
