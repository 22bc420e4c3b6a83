"""The projection is the same however it came to be, and is made anew whenever it cannot be trusted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings

from aios.projections import Projection
from aios.store.commits import Draft, commit_many
from aios.store.git import Git
from tests.projections.histories import AT, HISTORIES, ONE, THREE, TWO, Step, company, everything, grow, names


@settings(deadline=None, max_examples=60)
@given(HISTORIES)
def test_commit_by_commit_it_becomes_what_a_rebuild_makes(history: list[list[Step]]) -> None:
    with company() as (git, folder):
        grown = Projection(folder / "grown.sqlite", git, "main")
        for number, steps in enumerate(history):
            grow(git, steps)
            done = grown.refresh()
            assert (done.rebuilt == "") == (number > 0)
        anew = Projection(folder / "anew.sqlite", git, "main")
        anew.refresh()
        assert everything(grown) == everything(anew)
        before = everything(anew)
        anew.rebuild()
        assert everything(anew) == before


def test_a_company_without_a_commit_has_empty_tables(git: Git, file: Path) -> None:
    projection = Projection(file, git, "main")
    projection.refresh()
    assert projection.query("SELECT * FROM records").rows == ()


def test_nothing_new_is_nothing_to_do(git: Git, file: Path) -> None:
    grow(git, [ONE])
    projection = Projection(file, git, "main")
    projection.refresh()
    assert (projection.refresh().events, projection.refresh().files) == (0, 0)
    grow(git, [TWO, THREE])
    done = projection.refresh()
    assert (done.events, done.files, done.rebuilt) == (3, 2, "")


def test_history_that_was_rewritten_is_noticed(git: Git, file: Path) -> None:
    first = grow(git, [ONE])
    grow(git, [TWO])
    projection = Projection(file, git, "main")
    projection.refresh()
    git.run("update-ref", "refs/heads/main", first)
    grow(git, [THREE])
    assert projection.refresh().rebuilt == "the history was rewritten"
    assert names(projection) == ["acme lead", "brick lead"]


def test_history_that_is_gone_altogether_is_noticed(git: Git, file: Path) -> None:
    grow(git, [ONE, TWO])
    projection = Projection(file, git, "main")
    projection.refresh()
    git.run("update-ref", "-d", "refs/heads/main")
    git.run("reflog", "expire", "--expire=all", "--all")
    git.run("gc", "-q", "--prune=now")
    git.close()
    grow(git, [THREE])
    assert projection.refresh().rebuilt == "the history was rewritten"
    assert names(projection) == ["brick lead"]


def test_a_merge_that_turns_the_first_parent_round_is_told_from_the_beginning(git: Git, file: Path) -> None:
    base = grow(git, [ONE])
    main = grow(git, [TWO])
    projection = Projection(file, git, "main")
    projection.refresh()
    git.run("update-ref", "refs/heads/main", base)
    side = grow(git, [THREE])
    tree = git.text("rev-parse", f"{side}^{{tree}}").strip()
    who = ["-c", "user.name=Olga", "-c", "user.email=o@x"]
    turned = git.text(*who, "commit-tree", tree, "-p", side, "-p", main, "-m", "Foxtrot").strip()
    git.run("update-ref", "refs/heads/main", turned)
    assert projection.refresh().rebuilt == "the history was rewritten"
    anew = Projection(file.with_name("anew.sqlite"), git, "main")
    anew.refresh()
    assert everything(projection) == everything(anew)


def test_a_file_that_cannot_be_read_hides_no_other(git: Git, file: Path) -> None:
    grow(git, [ONE, Step((("state/customers/broken.yaml", "a: [\n"),), True, False)])
    projection = Projection(file, git, "main")
    projection.refresh()
    assert names(projection) == ["acme lead"]
    assert projection.query("SELECT type FROM events ORDER BY seq").rows[-1] == ("record.created",)


def test_more_of_a_shallow_history_is_noticed(git: Git, file: Path, tmp_path: Path) -> None:
    grow(git, [ONE, TWO, ONE, TWO])
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--bare", "--depth=2", f"file://{git.root}", str(shallow)], check=True)
    with Git(shallow) as clone:
        projection = Projection(file, clone, "main")
        assert projection.refresh().events == 2
        subprocess.run(["git", "fetch", "-q", "--unshallow", "origin"], cwd=shallow, check=True)
        done = projection.refresh()
    assert (done.events, done.rebuilt) == (4, "history begins elsewhere")


ODD_RUN = """schema: run.v1
run: [not, text]
steps: {a: {attempts: [1], items: {x: 1}}, b: 7, c: {attempts: true}}
cost: {usd: yes please, tokens: [3]}
effects: [1, {step: [x], key: {a: b}}, {step: a}]
questions: {a: b}
trigger: 4
"""
ODD_METRIC = "schema: metric.v1\nviews: [1]\nvisitors: true\nfrom: {a: 1}\nchange: many\ntitle: [a]\ncontent: {a: b}\n"


def test_no_file_or_message_keeps_the_others_from_being_told(git: Git, file: Path) -> None:
    """What a hand edit may leave behind: each alone once broke something."""
    projection = Projection(file, git, "main")
    grow(git, [ONE])
    projection.refresh()
    odd = {
        "state/runs/odd.yaml": ODD_RUN.encode(),
        "state/metrics/odd.yaml": ODD_METRIC.encode(),
        "state/questions/odd.yaml": b"schema: question.v1\nasks: [why]\nanswer: {a: 1}\n",
        os.fsdecode(b"state/customers/\xff\n.yaml"): b"schema: customer.v1\nstatus: odd\n",
        "state/customers/ä\t\u202e.yaml": b"schema: customer.v1\nstatus: odd\n",
        "state/customers/number.yaml": b"schema: 1\nname: 2026-01-01\nstatus: 0x10\n",
        "state/customers/deep.yaml": b"a: " + b"[" * 5000,
        "state/customers/long.yaml": b"schema: customer.v1\nname: " + b"x" * 3_000_000,
        "state/customers/nul.md": b"---\nschema: customer.v1\n---\n\n\0\xff\n",
    }
    message = "S\n\nAios-Event: a.b\nAios-Item: ²\nAios-Attempt: 99999999999999999999\nAios-Record: ../x\n"
    (tip,) = commit_many(git, "main", [Draft(message, odd, AT, "Olga", "o@x")], expected=git.rev("main"))
    module = f"160000 {tip}\tstate/customers/module.yaml\n"
    blob = git.text("rev-parse", f"{tip}:state/customers/acme.yaml")
    for entry in (
        module,
        f"100644 {blob}\tstate/customers/module.yaml\n",
        f"120000 {blob}\tstate/customers/module.yaml\n",
    ):
        env = {"GIT_INDEX_FILE": str(file.with_name("index"))}
        git.run("read-tree", "main", env=env)
        git.run("update-index", "--index-info", input=entry.encode(), env=env)
        tree = git.run("write-tree", env=env).decode().strip()
        who = ["-c", "user.name=O", "-c", "user.email=o@x"]
        tip = git.text(*who, "commit-tree", tree, "-p", tip, "-m", "Module").strip()
        git.run("update-ref", "refs/heads/main", tip)
        assert projection.refresh().rebuilt == ""
    anew = Projection(file.with_name("anew.sqlite"), git, "main")
    anew.refresh()
    assert everything(projection) == everything(anew)
    assert "acme lead" in names(projection)
    assert projection.query("SELECT path FROM records WHERE status = 'odd' ORDER BY 1").rows[0] == (
        "state/customers/\\xff\n.yaml",
    )


@pytest.mark.parametrize("folder", ["a b", "what? 50%23 #1", "ä\udcff"])
def test_the_company_may_lie_in_any_folder(git: Git, tmp_path: Path, folder: str) -> None:
    grow(git, [ONE])
    projection = Projection(tmp_path / folder / "deeper" / "projection.sqlite", git, "main")
    assert projection.refresh().events == 1
    assert projection.refresh().events == 0
    assert names(projection) == ["acme lead"]
