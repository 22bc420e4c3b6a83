"""A schema gets a second version: old records are read as new ones, and rewritten when their operator says so."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aios.app import found_company
from aios.errors import Exit
from tests.example.replays import require_identical
from tests.example.test_flow import aios, told


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
        kept = [line for line in before if not line.startswith(("schema:", "summary:"))]
        assert [line for line in after if line in kept] == kept
        assert [line.replace("pitch:", "summary:") for line in after if line.startswith("pitch:")] == [
            line for line in before if line.startswith("summary:")
        ]
    assert aios(company, "check").returncode == Exit.OK
    again = aios(company, "migrate")
    assert again.returncode == Exit.OK, again.stderr
    assert "nothing is old" in again.stderr


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


def test_what_nothing_tells_how_to_rewrite_is_named(company: Path) -> None:
    path = company / "state/schemas/product.v2.json"
    schema = json.loads(path.read_text())
    del schema["x-aios"]["upcast"]
    path.write_text(json.dumps(schema))
    done = aios(company, "migrate", "--dry-run")
    assert done.returncode == Exit.FINDINGS
    assert "nothing tells how a `product.v1` becomes a `product.v2`" in done.stdout
