"""Old records brought up to the newest schema when they are read. The files stay as they are.

A step from one version to the next is either a pure function in the registry (kinds in the box), or declared in the
newer schema:

    "x-aios": {"upcast": {"1": {"rename": {"mail": "email"}, "set": {"status": "active"}, "drop": ["fax"]}}}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# From a record's data in one version to the next version's; `schema` is set by the caller.
Upcaster = Callable[[Mapping[str, Any]], dict[str, Any]]

# (kind, version it comes from) -> function. Nothing in the box has a second version yet.
UPCASTERS: Mapping[tuple[str, int], Upcaster] = {}


def upcast(
    kind: str,
    version: int,
    newest: int,
    data: Mapping[str, Any],
    *,
    declared: Mapping[str, Mapping[str, Any]],
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
) -> dict[str, Any] | None:
    """The data in the newest version, or None where a step between is missing."""
    result = dict(data)
    for step in range(version, newest):
        function = upcasters.get((kind, step))
        rules = declared.get(str(step))
        if function is not None:
            result = dict(function(result))
        elif rules is not None:
            result = _declared(result, rules)
        else:
            return None
        result["schema"] = f"{kind}.v{step + 1}"
    return result


def _declared(data: Mapping[str, Any], rules: Mapping[str, Any]) -> dict[str, Any]:
    """Renamed in place, dropped, and what is missing set: in this order."""
    renames: Mapping[str, str] = rules.get("rename", {})
    dropped = set(rules.get("drop", ()))
    result = {renames.get(key, key): value for key, value in data.items() if key not in dropped}
    for key, value in rules.get("set", {}).items():
        result.setdefault(key, value)
    return result
