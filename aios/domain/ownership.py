"""Whose each field is: what a service owns is never overwritten from here, and what is ours by nothing that is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Owner(StrEnum):
    """OURS: the record is right. SERVICE: what the service says is right. SHARED: either may change it."""

    OURS = "ours"
    SERVICE = "service"
    SHARED = "shared"


def owner_of(said: Any) -> Owner:
    """What a declaration says; a name that is none of these (such as `aios`: our own bookkeeping) is of our side."""
    return Owner(said) if said in tuple(Owner) else Owner.OURS


@dataclass(frozen=True, slots=True)
class Taken:
    """What of the live values may become the record's, and what may not: field → live value."""

    allowed: Mapping[str, Any]
    refused: Mapping[str, Any]


def take(
    record: Mapping[str, Any], live: Mapping[str, Any], owners: Mapping[str, Owner], *, default: Owner = Owner.SHARED
) -> Taken:
    """What a read may change in a record: only fields that differ, and none that is ours. Pure.

    `owners` says whose a field is, by its name in the record; `default` is for those that it does not name.
    """
    differing = {name: value for name, value in live.items() if name not in record or record[name] != value}
    ours = {name for name in differing if owners.get(name, default) is Owner.OURS}
    return Taken(
        {name: value for name, value in differing.items() if name not in ours},
        {name: value for name, value in differing.items() if name in ours},
    )


def give(fields: Mapping[str, Any], owners: Mapping[str, Owner]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What of our fields may be sent to the service, and the names of those that are its own and left out. Pure."""
    held = tuple(name for name in fields if owners.get(name) is Owner.SERVICE)
    return {name: value for name, value in fields.items() if name not in held}, held
