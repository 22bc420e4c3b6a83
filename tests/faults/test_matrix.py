"""Every pair of connector, boundary and fault; `python -m tests.faults` prints all that three of them make."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from tests.faults.matrix import BOUNDARIES, FAULTS, column, columns
from tests.faults.proxy import Fault
from tests.faults.verdict import wrong

PRINTED = {"notes, idempotency keys and a look-up", "notes, idempotency keys only"}  # nothing that others do not show
ACTS = [each for each in columns() if each[0] not in PRINTED]
NAMES = list(dict.fromkeys(name for name, _ in ACTS))


def cells(name: str, number: int) -> Iterator[tuple[str, Fault]]:
    """Those of one act: each fault befalls one act of a connector, at another boundary than at the next connector."""
    boundaries, acts = list(BOUNDARIES), [each for each in ACTS if each[0] == name]
    for turn, fault in enumerate(FAULTS):
        if acts[turn % len(acts)] == (name, number):
            yield boundaries[(NAMES.index(name) + turn) % len(boundaries)], fault


def test_the_cells_of_this_test_are_of_every_pair_and_of_every_act() -> None:
    tried = {(name, boundary, fault) for name, number in ACTS for boundary, fault in cells(name, number)}
    assert {(name, fault) for name, _, fault in tried} == set(product(NAMES, FAULTS))
    assert {(name, boundary) for name, boundary, _ in tried} == set(product(NAMES, BOUNDARIES))
    assert {(boundary, fault) for _, boundary, fault in tried} == set(product(BOUNDARIES, FAULTS))
    assert all(list(cells(name, number)) for name, number in ACTS)


@pytest.mark.parametrize(("name", "number"), ACTS)
def test_whatever_fails_and_wherever_it_dies_it_is_done_once_or_asked(name: str, number: int) -> None:
    with column(name, number) as made:
        for boundary, fault in cells(name, number):
            cell = made.cell(boundary, fault)
            assert wrong(made, boundary, fault, cell) == [], f"{boundary}, {fault}: {cell}"
