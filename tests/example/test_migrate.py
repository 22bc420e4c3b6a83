"""A schema gets a second version: old records are read as new ones, and rewritten when their operator says so."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aios.app import Company, found_company
from aios.errors import Exit
from aios.example import DEMO_TOPIC
from aios.runs.conductor import carry_on
from aios.runs.gate import approve, open_gate
from aios.runs.migrating import MIGRATION
from aios.runs.session import read_state
from aios.runs.start import start_run
from tests.example.replays import require_identical
from tests.example.test_draft_by_a_model import SUBJECT
from tests.example.test_flow import aios, told
from tests.example.test_memory_killed import NOW, memory_of
from tests.kills import boundaries, dies_at


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Path]:
    """The example company, after a product has got a field `kind` and calls its `summary` a pitch."""
    root = tmp_path / "fernwerk"
    found_company(root, name="", email="", example=True)
    schema = json.loads((root / "state/schemas/product.v1.json").read_text())
    schema["x-aios"]["upcast"] = {"1": {"rename": {"summary": "pitch"}, "set": {"sort": "plan"}}}
    properties = schema["properties"]
    properties["schema"]["const"] = "product.v2"
    properties["pitch"] = properties.pop("summary")
    properties["sort"] = {"title": "Sort", "type": "string", "description": "What sort of product."}
    schema["required"] = [*(name for name in schema["required"] if name != "summary"), "sort"]
    (root / "state/schemas/product.v2.json").write_text(json.dumps(schema, indent=2))
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qm", "Products have a pitch"], cwd=root, check=True)
    yield root
    require_identical(root)


def products(root: Path) -> list[Path]:
    return sorted((root / "state/products").iterdir())


def test_old_records_are_read_as_new_ones_and_rewritten_on_approval(company: Path) -> None:
    assert aios(company, "check").returncode == Exit.OK
    old = {path.name: path.read_text() for path in products(company)}
    rows = told(company, "query", "SELECT json_extract(data, '$.sort') AS sort FROM records WHERE kind = 'product'")
    assert {row["sort"] for row in rows} == {"plan"}
    done = aios(company, "migrate")
    assert done.returncode == Exit.WAITING, done.stderr
    assert f"{len(old)} records brought to the newest schema" in done.stderr
    assert {path.name: path.read_text() for path in products(company)} == old
    shown = aios(company, "show", "old-versions").stdout
    assert f"product.v1 → product.v2: {len(old)} files" in shown
    assert aios(company, "approve", "old-versions").returncode == Exit.OK
    for path in products(company):
        before, after = old[path.name].splitlines(), path.read_text().splitlines()
        assert "schema: product.v2" in after
        assert "sort: plan" in after
        kept = [line for line in before if not line.startswith(("# yaml", "schema:", "summary:"))]
        assert before[0].replace("product.v1", "product.v2") == after[0]
        assert [line for line in after if line in kept] == kept
        assert [line.replace("pitch:", "summary:") for line in after if line.startswith("pitch:")] == [
            line for line in before if line.startswith("summary:")
        ]
    assert aios(company, "check").returncode == Exit.OK
    again = aios(company, "migrate")
    assert again.returncode == Exit.OK, again.stderr
    assert "nothing is old" in again.stderr


@pytest.fixture
def lived_in(tmp_path: Path) -> Iterator[Path]:
    """The example company with a piece from before, then a second version of notes and customers."""
    root = tmp_path / "lived-in"
    found_company(root, name="", email="", example=True)
    assert aios(root, "run", "publish-content", "--input", f"topic={DEMO_TOPIC}").returncode == Exit.WAITING
    assert aios(root, "approve", SUBJECT).returncode == Exit.OK
    second_version(root, "note", rename={"content": "piece"}, fields={"reviewed": "no"}, drop=[])
    second_version(
        root, "customer", rename={"found_through": "heard_of_us"}, fields={"tier": "basic"}, drop=["newsletter"]
    )
    commit(root, "Notes and customers in a second version")
    yield root
    require_identical(root)


def second_version(root: Path, kind: str, *, rename: dict[str, str], fields: dict[str, str], drop: list[str]) -> None:
    """A newer schema that renames fields, asks for new ones (with a default for old records) and drops some."""
    schema = json.loads((root / f"state/schemas/{kind}.v1.json").read_text())
    schema["x-aios"]["upcast"] = {"1": {"rename": rename, "set": fields, "drop": drop}}
    old = schema["properties"] | {"schema": {"const": f"{kind}.v2"}}
    schema["properties"] = {rename.get(name, name): each for name, each in old.items() if name not in drop}
    schema["properties"] |= {name: {"type": "string"} for name in fields}
    schema["required"] += list(fields)
    (root / f"state/schemas/{kind}.v2.json").write_text(json.dumps(schema, indent=2))


def commit(root: Path, message: str) -> str:
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qm", message], cwd=root, check=True)
    return main_of(root)


def main_of(root: Path) -> str:
    return subprocess.run(
        ["git", "rev-parse", "main"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()


def recalled(root: Path, *more: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = told(root, "recall", "how much notice before a price rise", *more)
    return found


def test_notes_and_customers_of_two_versions_live_together_and_migrate_in_one_proposal(lived_in: Path) -> None:
    assert aios(lived_in, "check").returncode == Exit.OK
    before, found = main_of(lived_in), recalled(lived_in)
    assert any(str(each["path"]).startswith("memory/research/") for each in found)
    questions = (
        "SELECT id, json_extract(data, '$.tier') AS tier, json_extract(data, '$.heard_of_us') AS heard FROM records"
    )
    customers = told(lived_in, "query", f"{questions} WHERE kind = 'customer'")
    assert {row["tier"] for row in customers} == {"basic"}
    assert "launch post" in {row["heard"] for row in customers}

    assert aios(lived_in, "migrate").returncode == Exit.WAITING
    shown = aios(lived_in, "show", "old-versions").stdout
    assert shown.startswith(f"# Rewrite {len(customers) + 14} files in the newest schema: {len(customers)} values lost")
    rewritten = shown[shown.index("## What is rewritten") : shown.index("## State diff")].splitlines()[2:]
    assert rewritten[0].startswith("- lost in customer.v2: `newsletter`, “true” in 13 files")
    assert "`found_through` is called `heard_of_us` (14 files); `tier` comes, “basic” in 14 files" in rewritten[1]
    assert "`content` is called `piece` (7 files); `reviewed` comes, “no” in 14 files" in rewritten[2]
    diff = shown[shown.index("## State diff") : shown.index("## Checks")].strip().splitlines()[2:]
    assert diff == ["- 28 files brought to the newest schema, as told above and in no other way"]

    assert aios(lived_in, "approve", "old-versions").returncode == Exit.OK
    assert aios(lived_in, "check").returncode == Exit.OK
    assert told(lived_in, "query", f"{questions} WHERE kind = 'customer'") == customers
    assert {each["path"] for each in recalled(lived_in)} == {each["path"] for each in found}
    assert recalled(lived_in, "--at", before) == found
    assert aios(lived_in, "memory", "verify").returncode == Exit.OK
    replayed = aios(lived_in, "replay", SUBJECT)
    assert replayed.returncode == Exit.OK, replayed.stdout
    assert "identical" in replayed.stderr


def test_a_migration_answers_no_questions_of_research(lived_in: Path) -> None:
    assert aios(lived_in, "migrate").returncode == Exit.WAITING
    assert aios(lived_in, "approve", "old-versions").returncode == Exit.OK
    rows = told(lived_in, "query", "SELECT workflow, questions, from_notes FROM work ORDER BY workflow")
    assert [row for row in rows if row["workflow"] == "migrate-records"] == [
        {"workflow": "migrate-records", "questions": 0, "from_notes": 0}
    ]
    assert any(row["questions"] for row in rows)


def test_what_the_operator_changes_on_the_branch_stays_in_the_state_diff(lived_in: Path) -> None:
    assert aios(lived_in, "migrate").returncode == Exit.WAITING
    branch, path = "aios/migrate-records/old-versions", "state/customers/birdsong-crm.yaml"
    subprocess.run(["git", "switch", "-q", branch], cwd=lived_in, check=True)
    text = (lived_in / path).read_text()
    (lived_in / path).write_text(text.replace("tier: basic", "tier: gold"))
    commit(lived_in, "Birdsong is gold")
    subprocess.run(["git", "switch", "-q", "main"], cwd=lived_in, check=True)
    shown = aios(lived_in, "show", "old-versions").stdout
    assert "- customers/birdsong-crm: tier – → gold" in shown
    assert "- 27 files brought to the newest schema, as told above and in no other way" in shown


def test_killed_at_any_boundary_the_migration_goes_on_and_leaves_the_same(lived_in: Path, tmp_path: Path) -> None:
    whole = shutil.copytree(lived_in, tmp_path / "whole", symlinks=True)
    found = boundaries(whole, migrate_and_approve)
    expected = memory_of(whole)
    assert "before merge" in found.values()
    for boundary, name in found.items():
        root = shutil.copytree(lived_in, tmp_path / "killed", symlinks=True)
        assert dies_at(root, boundary, migrate_and_approve), name
        migrate_and_approve(root)
        assert memory_of(root) == expected, name
        shutil.rmtree(root)


def migrate_and_approve(root: Path, checkpoint: Callable[[str], None] = lambda _: None) -> None:
    """From wherever it stands."""
    company = Company.find(root, clock=lambda: NOW)
    here = replace(company.context, checkpoint=checkpoint)
    with company.git:
        run = start_run(here, MIGRATION, {}, trigger={"kind": "manual", "key": "test:migrate", "at": NOW.isoformat()})
        carry_on(here, run)
        if open_gate(read_state(here.git, run, main="main")):
            approve(here, run)
        carry_on(here, run)


def test_in_place_it_is_the_operators_own_edit(company: Path) -> None:
    would = aios(company, "migrate", "--dry-run")
    assert would.returncode == Exit.OK
    assert "product.v1 → product.v2" in would.stdout
    status = ["git", "status", "--porcelain"]
    assert subprocess.run(status, cwd=company, capture_output=True, text=True, check=True).stdout == ""
    assert aios(company, "migrate", "--in-place").returncode == Exit.OK
    changed = subprocess.run(status, cwd=company, capture_output=True, text=True, check=True).stdout
    assert len(changed.splitlines()) == len(products(company))
    subprocess.run(["git", "commit", "-qam", "Migrated"], cwd=company, check=True)
    assert aios(company, "check").returncode == Exit.OK


def test_a_disk_that_is_full_half_way_costs_no_file(company: Path) -> None:
    record = products(company)[0]
    text = record.read_text() + f"x-notes: {'long ' * 40_000}\n"
    record.write_text(text)  # an edit that no commit has yet
    done = subprocess.run(
        [sys.executable, "-m", "aios", "migrate", "--in-place"],
        cwd=company,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )
    assert done.returncode not in {Exit.OK, Exit.FINDINGS}
    assert record.read_text() == text
    assert [path.name for path in products(company) if path.suffix != ".yaml"] == []
    assert aios(company, "migrate", "--in-place").returncode == Exit.OK
    assert "schema: product.v2" in record.read_text()
    commit(company, "Migrated")


def test_what_nothing_tells_how_to_rewrite_is_named(company: Path) -> None:
    path = company / "state/schemas/product.v2.json"
    schema = json.loads(path.read_text())
    del schema["x-aios"]["upcast"]
    path.write_text(json.dumps(schema))
    done = aios(company, "migrate", "--dry-run")
    assert done.returncode == Exit.FINDINGS
    assert "nothing tells how a `product.v1` becomes a `product.v2`" in done.stdout
