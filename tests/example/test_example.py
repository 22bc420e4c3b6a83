"""The example company is what the README shows and what `aios demo` runs on: believable, whole, quickly made."""

from __future__ import annotations

import subprocess
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aios.app import Company, found_company
from aios.connectors.registry import by_capability
from aios.example import DEMO_TOPIC, OPERATOR, company_files, machinery, write_traffic
from aios.store.catalog import Catalog
from aios.store.git import Git
from aios.store.trees import CommitTree

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
LEAST = {
    "content": 8,
    "customer": 12,
    "decision": 10,
    "funnel": 1,
    "metric": 8,
    "product": 3,
    "project": 4,
    "question": 2,
    "source": 25,
}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return found_company(tmp_path_factory.mktemp("example") / "fernwerk", name="", email="", example=True)


def _git(company: Company, *args: str) -> str:
    return subprocess.run(["git", *args], cwd=company.root, capture_output=True, text=True, check=True).stdout


def test_every_file_of_it_is_in_order(company: Company) -> None:
    assert company.check() == []
    assert _git(company, "status", "--porcelain") == ""


def test_it_is_big_enough_to_be_interesting(company: Company) -> None:
    catalog = Catalog(company.tree())
    assert {kind: len(catalog.records(kind)) >= least for kind, least in LEAST.items()} == dict.fromkeys(LEAST, True)
    assert int(_git(company, "rev-list", "--count", "main")) >= 200


def test_its_history_ends_in_the_files_of_the_repository(company: Company) -> None:
    tree = company.tree()
    assert {path: tree.read(path) for path in company_files()} == company_files()


def test_its_history_grows_day_by_day_and_is_the_same_each_time(company: Company, tmp_path: Path) -> None:
    days = _git(company, "log", "--reverse", "--format=%aI", "main").split()[:-1]
    assert days == sorted(days)
    again = found_company(tmp_path / "again", name="", email="", example=True)
    first, second = (_git(each, "rev-parse", "main~1") for each in (company, again))
    assert first == second


def test_records_become_what_they_are_by_steps(company: Company) -> None:
    path = "state/content/announce-a-price-change.md"
    commits = _git(company, "log", "--reverse", "--format=%H", "main", "--", path).split()
    status = [
        record.get("status")
        for commit in commits
        if (record := Catalog(CommitTree(company.git, commit)).get("content", "announce-a-price-change"))
    ]
    assert status == ["planned", "drafted", "drafted", "edited", "published"]


def test_its_site_shows_what_was_published_before(company: Company) -> None:
    site = by_capability(company.connectors(company.tree()), "cms.publish")
    assert site is not None
    assert list(site.check()) == []
    pieces = [piece.id for piece in Catalog(company.tree()).records("content")]
    assert all((company.root / "public" / name / "index.html").is_file() for name in pieces)


def test_the_log_has_a_week_of_readers_and_the_same_days_give_the_same_lines(tmp_path: Path) -> None:
    write_traffic(tmp_path, NOW)
    written = {path.name: path.read_bytes() for path in (tmp_path / "logs").iterdir()}
    write_traffic(tmp_path, NOW)
    assert {path.name: path.read_bytes() for path in (tmp_path / "logs").iterdir()} == written
    assert sorted(written) == ["access.log", "access.log.1.gz"]
    days = Counter(line.split("[")[1][:11] for line in written["access.log"].decode().splitlines())
    assert len(days) == 6
    assert min(days.values()) > 50


def test_its_readers_want_something_and_leave_something(company: Company) -> None:
    write_traffic(company.root, NOW)
    logs = by_capability(company.connectors(company.tree()), "analytics.read")
    assert logs is not None
    data = logs.read("analytics.read", {"days": 7, "now": NOW.isoformat()}).data
    views = {page["path"]: page["views"] for page in data["pages"]}
    assert views["/free-trial-length/"] < 40
    assert views["/pricing-page-teardown/"] > 100
    assert {"fair use limits"} <= {item["term"] for item in data["searches"]}
    assert "/usage-limits-and-fair-use/" in {item["path"] for item in data["missing"]}
    assert data["malformed"] == 0


def test_what_a_new_company_gets_names_nobody_of_the_example(tmp_path: Path) -> None:
    told = b"".join(machinery(company_files()).values()).lower()
    assert b"fernwerk" not in told
    assert OPERATOR[1].encode() not in told
    made = found_company(tmp_path / "own", name="Own", email="me@own.example", example=False)
    assert made.check() == []
    assert b"fernwerk" not in b"".join(made.tree().read(path) or b"" for path in made.tree().paths()).lower()


def test_the_demonstrations_topic_has_material(company: Company) -> None:
    hits = company.recall(company.tree(), DEMO_TOPIC, 20, (), NOW.isoformat())
    assert len({hit.path for hit in hits if hit.path.startswith("state/sources/")}) >= 6


def test_git_reads_the_history_without_complaint(company: Company) -> None:
    git = Git(company.root)
    with git:
        assert "error" not in git.text("fsck", "--strict")
