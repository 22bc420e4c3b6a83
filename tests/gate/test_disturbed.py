"""Whoever is killed while adopting is followed by one who makes it whole; of two at once, one notes it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from aios.runs.adopting import Outcome
from tests.gate import house
from tests.gate.house import BRANCH, PIECE, House
from tests.gate.hub import git
from tests.runs.house import START


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> House:
    return house.found(tmp_path_factory.mktemp("disturbed") / "top")


def _drive(home: House, checkpoint: Callable[[str], None] = lambda _: None) -> None:
    here = home.context(checkpoint=checkpoint)
    home.adopt(here)
    home.apply(here)


def _boundaries(home: House) -> list[str]:
    seen: list[str] = []
    _drive(home, seen.append)
    return seen


def _dies_at(home: House, boundary: int) -> bool:
    pid = os.fork()
    if pid == 0:
        seen = 0

        def checkpoint(_: str) -> None:
            nonlocal seen
            seen += 1
            if seen == boundary:
                os._exit(9)

        try:
            _drive(home, checkpoint)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_killed_while_it_is_noted_and_run_again_there_is_one_approval_and_one_act(
    template: House, tmp_path: Path, method: str
) -> None:
    first = house.copied(template, tmp_path / "whole")
    first.hub.merge(7, method)
    names = _boundaries(first)
    tree = git(first.hub.bare, "rev-parse", "main^{tree}")
    about = [number for number, name in enumerate(names, 1) if "approval" in name]
    assert len(about) == 3, names
    for number in about:
        home = house.copied(template, tmp_path / f"killed-{number}")
        home.hub.merge(7, method)
        assert _dies_at(home, number), names[number - 1]
        if number % 2:  # the same machine goes on, or another one, as a job does
            shutil.rmtree(home.work)
        _drive(home)
        assert home.sent == 1, names[number - 1]
        assert home.approvals() == 1, names[number - 1]
        assert git(home.hub.bare, "rev-parse", "main^{tree}") == tree, names[number - 1]


def test_killed_while_it_is_shown_anew_it_is_shown_once(template: House, tmp_path: Path) -> None:
    for number in (1, 3, 4, 5, 99):
        home = house.copied(template, tmp_path / str(number))
        home.hub.edit(BRANCH, PIECE, home.piece(lambda text: text + "\nMore.\n"))
        home.hub.merge(7, "squash")
        died = _dies_at(home, number)
        (adopted,) = home.adopt()
        assert adopted.outcome is Outcome.SHOWN
        assert git(home.work, "log", "--format=%s", f"main..{BRANCH}").count("proposal.refreshed") == 1
        assert died == (number < 99)


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_of_two_at_once_one_notes_it_and_both_see_it(template: House, tmp_path: Path, method: str) -> None:
    home = house.copied(template, tmp_path)
    home.hub.merge(7, method)
    other = home.context("other", clock=lambda: START + timedelta(hours=2))
    met: list[str] = []

    def meanwhile(name: str) -> None:
        if name == "before push of approval" and not met:
            met.append(name)
            (adopted,) = home.adopt(other)
            assert adopted.outcome is Outcome.APPROVED

    assert home.adopt(home.context(checkpoint=meanwhile)) == []
    assert met
    assert home.approvals() == home.approvals("other") == 1
    home.apply()
    home.apply(home.context("other"))
    assert home.sent == 1
    home.truth(approved_by="github:ann")
