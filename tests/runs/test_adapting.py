"""Drift is put on record once, wherever the process dies, and nothing is claimed of what nobody saw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aios.connectors.drift import Drift, Folder, known, to_folder
from aios.connectors.shapes import Change, Kind
from aios.runs.adapting import SEEN, put_on_record, question
from aios.runs.tick import due_now
from aios.store.judge import judge
from aios.store.schemas import Schemas
from aios.store.trees import CommitTree
from tests.kills import dies_at
from tests.runs import house

RENAMED = Change("invoices[].amount_due", Kind.RENAMED, "amount_remaining")
ADDED = Change("invoices[].note", Kind.ADDED, "string")
DRIFT = Drift("bank", "invoices.list", "evolve", (RENAMED, ADDED), {RENAMED.id: "in 2 of 2: text"}, {"at": 5})
PATH = f"state/signals/{DRIFT.id}.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = house.found(tmp_path / "company")
    to_folder(made / ".aios/drift")(DRIFT)
    return made


def record(root: Path, checkpoint: Callable[[str], None] = lambda _: None) -> None:
    here = house.context(root, drift=Folder(root / ".aios/drift"), checkpoint=checkpoint)
    with here.git:
        put_on_record(here)


def test_it_becomes_one_valid_signal_on_main_and_leaves_the_folder(root: Path) -> None:
    record(root)
    to_folder(root / ".aios/drift")(DRIFT)  # another run, that began before it was on record, saw it too
    record(root)
    assert list((root / ".aios/drift").iterdir()) == []
    here = house.context(root)
    with here.git:
        tree = CommitTree(here.git, "main")
        assert here.git.text("log", "--format=%s", "main").count(SEEN) == 1
        assert judge(PATH, tree.read(PATH) or b"", Schemas.from_tree(tree)[0]).findings == ()
        assert known(tree, "bank") == {"invoices.list": frozenset({RENAMED.id, ADDED.id})}
        assert due_now(here, ()) == []  # no workflow of this company waits for it


def test_killed_at_any_boundary_it_is_on_record_once(root: Path) -> None:
    names: list[str] = []
    boundary = 0
    while dies_at(root, boundary := boundary + 1, record):
        names.append(str(boundary))
        record(root)
        here = house.context(root)
        with here.git:
            assert here.git.text("log", "--format=%s", "main").count(SEEN) == 1
            here.git.run("update-ref", "refs/heads/main", here.git.text("rev-list", "--max-parents=0", "main").strip())
        to_folder(root / ".aios/drift")(DRIFT)
    assert len(names) == 2


@pytest.mark.parametrize(
    ("change", "asks"),
    [
        (RENAMED, "bank: `invoices[].amount_due` is now `amount_remaining`: read it from there?"),
        (Change("a", Kind.MISSING), "bank: `a` is missing: go on without it?"),
        (Change("a", Kind.RETYPED, "integer|string"), "bank: `a` is a whole number or text now: take it as it comes?"),
        (ADDED, "bank: `invoices[].note` is new (text): let it pass?"),
    ],
)
def test_the_question_is_one_line(change: Change, asks: str) -> None:
    assert question("bank", [change]) == asks
    assert question("bank", [change, ADDED, ADDED]) == f"{asks} (and 2 more)"
