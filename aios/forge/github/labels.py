"""Labels: made where the repository lacks them, added and removed only where something differs."""

from __future__ import annotations

from collections.abc import Collection

from aios.connectors.http import segment
from aios.forge.github.refusals import InvalidRequestError, NotFoundError
from aios.forge.github.repository import Repository
from aios.forge.github.shapes import text

_COLOUR = "1d76db"
_ABOUT = "Set by aios"


def put(at: Repository, number: int, add: Collection[str], remove: Collection[str], has: Collection[str]) -> None:
    """GitHub takes `A` and `a` for the same label."""
    here = {name.casefold() for name in has}
    missing = [name for name in dict.fromkeys(add) if name.casefold() not in here]
    if missing:
        _make(at, missing)
        path = at.path("issues", str(number), "labels")
        at.client.ask("POST", path, f"label #{number}", json={"labels": missing}, repeatable=True)
    for name in dict.fromkeys(remove):
        if name.casefold() in here:
            _take_off(at, number, name)


def _make(at: Repository, names: Collection[str]) -> None:
    known = {text(each, "name").casefold() for each in at.client.pages(at.path("labels"), "list labels")}
    for name in names:
        if name.casefold() in known:
            continue
        label = {"name": name, "color": _COLOUR, "description": _ABOUT}
        try:
            at.client.ask("POST", at.path("labels"), f"make the label {name}", json=label, repeatable=True)
        except InvalidRequestError as refused:
            if "already_exists" not in refused.said:  # somebody was quicker
                raise


def _take_off(at: Repository, number: int, name: str) -> None:
    path = f"{at.path('issues', str(number), 'labels')}/{segment(name)}"
    try:
        at.client.ask("DELETE", path, f"take the label {name} off #{number}", repeatable=True)
    except NotFoundError:
        return  # somebody was quicker
