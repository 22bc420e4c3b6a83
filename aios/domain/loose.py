"""Reading data whose form nobody promises, such as fields of one's own: what is of another form is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def listed(value: object) -> list[Any]:
    """The entries of a list; none of anything else."""
    return list(value) if isinstance(value, list | tuple) else []


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The mappings among the entries of a list; none of anything else."""
    return [each for each in listed(value) if isinstance(each, Mapping)]


def texts(value: object) -> Iterator[str]:
    """Every text in it, however deep, in order; keys are none."""
    if isinstance(value, str):
        yield value
        return
    for each in value.values() if isinstance(value, Mapping) else listed(value):
        yield from texts(each)
