"""One cell of each boundary and of each fault for each connector; `python -m tests.faults` prints them all."""

from __future__ import annotations

import pytest

from tests.faults.matrix import BOUNDARIES, column, columns
from tests.faults.proxy import Fault
from tests.faults.verdict import wrong

FIRST = (
    ("not killed", Fault.CUT),
    ("not killed", Fault.ERROR_AFTER),
    ("before claim", Fault.REFUSED),
    ("after claim", Fault.BUSY),
    ("during act", Fault.SLOW),
    ("after act", Fault.TWICE),
    ("before receipt", Fault.ERROR),
    ("during bookkeeping", Fault.NONE),
    ("not killed", Fault.LATE),
)
PRINTED = {"notes, idempotency keys and a look-up", "notes, idempotency keys only"}  # nothing that others do not show
LATER = (("during act", Fault.CUT),)  # of the further acts of a connector


def test_the_cells_of_this_test_are_of_every_boundary_and_every_fault() -> None:
    assert {boundary for boundary, _ in FIRST} == set(BOUNDARIES)
    assert {fault for _, fault in FIRST} == set(Fault)


@pytest.mark.parametrize(("name", "number"), [each for each in columns() if each[0] not in PRINTED])
def test_whatever_fails_and_wherever_it_dies_it_is_done_once_or_asked(name: str, number: int) -> None:
    with column(name, number) as made:
        for boundary, fault in LATER if number else FIRST:
            cell = made.cell(boundary, fault)
            assert wrong(made, boundary, fault, cell) == [], f"{boundary}, {fault}: {cell}"
