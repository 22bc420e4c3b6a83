"""A workflow file, and which events start it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.actions.hub.things import Event

ALWAYS_ON_MAIN = frozenset({"schedule", "workflow_dispatch", "repository_dispatch", "issue_comment"})
_PULL_TYPES = ("opened", "synchronize", "reopened")
_DISPATCH_INPUTS = 25


@dataclass(frozen=True, slots=True)
class Workflow:
    """`told` is the file as GitHub's parser gives it; an expression in it is `{"$": text}`."""

    path: str
    told: Mapping[str, Any]

    @property
    def file(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def name(self) -> str:
        return str(self.told.get("name") or self.path)

    @property
    def jobs(self) -> Mapping[str, Mapping[str, Any]]:
        jobs: Mapping[str, Mapping[str, Any]] = self.told["jobs"]
        return jobs

    def starts(self, event: Event) -> bool:
        """Does the event start it?"""
        on = self._on()
        if event.name not in on:
            return False
        wanted, payload = on[event.name] or {}, event.payload
        match event.name:
            case "schedule":
                return any(each["cron"] == payload["schedule"] for each in wanted)
            case "workflow_dispatch":
                return str(payload["workflow"]) == self.path
            case "push":
                return self._pushed(wanted, event)
            case "pull_request":
                branch = payload["pull_request"]["base"]["ref"]
                return _named(wanted, "branches", branch) and payload["action"] in (wanted.get("types") or _PULL_TYPES)
            case _:
                return payload.get("action") in wanted["types"] if "types" in wanted else True

    def inputs(self, event: Event) -> dict[str, Any]:
        """The inputs of a dispatch; for other events nothing stands in them. Raises AssertionError where GitHub answers
        422."""
        declared = (self._on().get("workflow_dispatch") or {}).get("inputs") or {}
        given = dict(event.payload.get("inputs") or {}) if event.name == "workflow_dispatch" else {}
        unknown = sorted(given.keys() - declared.keys())
        assert not unknown, f"{self.path}: Unexpected inputs provided: {unknown}"
        assert len(given) <= _DISPATCH_INPUTS
        inputs = {}
        for name, how in declared.items():
            value = given.get(name, (how or {}).get("default", ""))
            wanted = event.name == "workflow_dispatch" and (how or {}).get("required")
            assert value != "" or not wanted, f"{self.path}: Required input '{name}' not provided"
            inputs[name] = str(value).lower() == "true" if (how or {}).get("type") == "boolean" else value
        return inputs if event.name == "workflow_dispatch" else dict.fromkeys(declared)

    def _on(self) -> Mapping[str, Any]:
        on = self.told["on"]
        if isinstance(on, Mapping):
            return on
        return dict.fromkeys([on] if isinstance(on, str) else on)

    def _pushed(self, wanted: Mapping[str, Any], event: Event) -> bool:
        kind, _, name = event.ref.removeprefix("refs/").partition("/")
        if event.payload.get("deleted"):
            return False
        if kind == "tags":
            return "tags" in wanted or not wanted.keys() & {"branches", "branches-ignore"}
        assert not wanted.keys() & {"paths", "paths-ignore"}, "filters of paths are not interpreted here"
        return _named(wanted, "branches", name)


def _named(wanted: Mapping[str, Any], key: str, name: str) -> bool:
    """GitHub's filters of branches: the last pattern that matches decides."""
    if key in wanted:
        chosen = False
        for each in _listed(wanted[key]):
            if _pattern(each.removeprefix("!")).fullmatch(name):
                chosen = not each.startswith("!")
        return chosen
    ignored = _listed(wanted.get(f"{key}-ignore") or [])
    return not any(_pattern(each).fullmatch(name) for each in ignored)


def _listed(told: Any) -> Sequence[str]:
    return [told] if isinstance(told, str) else told


def _pattern(glob: str) -> re.Pattern[str]:
    parts = {"**": ".*", "*": "[^/]*"}
    return re.compile("".join(parts.get(each, re.escape(each)) for each in re.split(r"(\*\*|\*)", glob)))
