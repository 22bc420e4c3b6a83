"""Old recordings and spans can be forgotten; nothing else is."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from aios.domain.keys import moment_of_ulid, run_ulid
from aios.runs.pruning import prune
from aios.runs.replay import Verdict, replay
from aios.runs.traces import manifest_of, spans_of
from tests.runs import house


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("template") / "company")


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "company")


def test_a_ulid_tells_when_it_was_made() -> None:
    assert moment_of_ulid(run_ulid(house.START, "any")) == house.START
    with pytest.raises(ValueError, match="no ULID"):
        moment_of_ulid("short")


def test_what_is_old_goes_and_the_rest_stays(root: Path) -> None:
    house.drive(root)
    here = house.context(root)
    with here.git:
        contexts = here.git.text("log", "--all", "--format=%(trailers:key=Aios-Context,valueonly)").split()
        assert prune(here, before=house.START).files == 0
        before = here.git.text("for-each-ref")
        told = prune(here, before=house.START + timedelta(days=1), dry_run=True)
        assert here.git.text("for-each-ref") == before
        assert told.runs == 1
        assert prune(here, before=house.START + timedelta(days=1)) == told
        assert spans_of(here.git, house.RUN_ID) == []
        assert all(manifest_of(here.git, house.RUN_ID, key) for key in contexts)
        assert here.git.text("rev-list", "--count", "aios/traces") == "1"
        assert here.git.text("fsck", "--full", "--no-dangling") == ""
        found = [each.verdict for each in replay(here, house.RUN_ID)]
    assert Verdict.DIFFERS not in found  # its agents asked nothing outside
