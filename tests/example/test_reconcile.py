"""A page is changed behind our back: seen, asked about, adopted or restored, and left alone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aios.app import found_company
from aios.errors import Exit
from tests.example.replays import require_identical
from tests.example.test_flow import aios, told, waiting

PIECE = "content/plan-names"


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "fernwerk"
    found_company(root, name="", email="", example=True)
    yield root
    require_identical(root)


def page(root: Path) -> Path:
    return root / "public/plan-names/index.html"


def differences(root: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = told(root, "reconcile")["differences"]
    return found


def test_a_company_as_it_should_be_has_no_difference(company: Path) -> None:
    done = aios(company, "reconcile")
    assert done.returncode == Exit.OK, done.stdout
    assert "8 records compared with what services hold: no difference" in done.stderr


def test_a_page_that_was_edited_by_hand_is_restored_by_a_proposal(company: Path) -> None:
    ours = page(company).read_bytes()
    page(company).write_text("<p>defaced</p>")
    done = aios(company, "reconcile")
    assert done.returncode == Exit.WAITING
    assert f"aios reconcile {PIECE} --restore" in done.stdout
    assert page(company).read_text() == "<p>defaced</p>"
    proposed = aios(company, "reconcile", PIECE, "--restore")
    assert proposed.returncode == Exit.WAITING, proposed.stderr
    (item,) = waiting(company)
    assert item["kind"] == "proposal"
    assert "https://fernwerk.example/plan-names/" in item["effects"][0]
    done = aios(company, "approve", item["id"], "--apply")
    assert done.returncode == Exit.OK, done.stderr
    assert page(company).read_bytes() == ours
    assert differences(company) == []


def test_a_title_that_was_changed_here_only_is_adopted_from_the_site(company: Path) -> None:
    file = company / "state/content/plan-names.md"
    file.write_text(file.read_text().replace("Plan names that people can choose by", "Names of plans"))
    aios_commit(company)
    (found,) = differences(company)
    assert found["record"] == PIECE
    assert found["live"] == {"title": "Plan names that people can choose by"}
    assert aios(company, "reconcile", PIECE, "--adopt").returncode == Exit.WAITING
    (item,) = waiting(company)
    assert aios(company, "approve", item["id"]).returncode == Exit.OK
    assert "Plan names that people can choose by" in file.read_text()
    assert differences(company) == []


def test_what_is_left_as_it_is_is_not_asked_about_again(company: Path) -> None:
    page(company).write_text("<p>defaced</p>")
    assert "1 difference asked about" in aios(company, "reconcile", "--propose").stderr
    (item,) = waiting(company)
    assert item["options"] == ["restore ours", "stop the run"]
    assert "Nothing new" in aios(company, "reconcile", "--propose").stderr
    assert "cancelled" in aios(company, "answer", item["id"], "stop the run").stderr
    assert "Nothing new" in aios(company, "reconcile", "--propose").stderr
    assert waiting(company) == []
    page(company).write_text("<p>defaced once more</p>")
    assert "1 difference asked about" in aios(company, "reconcile", "--propose").stderr


def test_what_may_differ_is_not_told(company: Path) -> None:
    page(company).write_text("<p>defaced</p>")
    site = company / "state/connectors/site.yaml"
    site.write_text(site.read_text() + "reconcile: {ignore: [content.text]}\n")
    aios_commit(company)
    assert aios(company, "check").returncode == Exit.OK
    assert differences(company) == []


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((PIECE, "--adopt"), "is not among what differs"),
        (("content/nothing", "--restore"), "is not among what differs"),
        (("--adopt",), "say of which effect or record"),
        (("0" * 12, "--happened"), "0 unsettled effects are called"),
    ],
)
def test_wrong_requests_are_told(company: Path, args: tuple[str, ...], says: str) -> None:
    done = aios(company, "reconcile", *args)
    assert done.returncode == Exit.USAGE
    assert says in done.stderr


def aios_commit(root: Path) -> None:
    import subprocess

    subprocess.run(["git", "commit", "-qam", "By hand"], cwd=root, check=True)
