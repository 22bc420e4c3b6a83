"""Canonical state of two days, side by side. What may differ is named here, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The company's record says where it works: on GitHub it has `forge:` and an approver by account. No run writes it.
SAID_OTHERWISE = frozenset({"state/company.yaml"})
# Of run records: lines that tell where a run happened, and not what it did.
_RUNS = "state/runs/"
_WHERE = re.compile(
    r"""
    ^\ *(?:
        base:\ [0-9a-f]{40}        # the commit it began on: a merge in the browser is a commit more
        | (?:seconds|wall):\ .*    # how long it took
        | by:\ operator:.*         # who decided: by address here, by account there
        | proposal:\ http.*        # where it was shown
    )$\n""",
    re.VERBOSE | re.MULTILINE,
)


def canonical(tree: Mapping[str, str]) -> dict[str, str]:
    kept = {path: text for path, text in tree.items() if path not in SAID_OTHERWISE}
    return {path: _WHERE.sub("", text) if path.startswith(_RUNS) else text for path, text in kept.items()}


def differences(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """One line for each file that only one has, and each line that is not in both."""
    here, there = canonical(one), canonical(other)
    found = [f"only here: {path}" for path in sorted(here.keys() - there.keys())]
    found += [f"only there: {path}" for path in sorted(there.keys() - here.keys())]
    for path in sorted(here.keys() & there.keys()):
        mine, theirs = here[path].splitlines(), there[path].splitlines()
        found += [f"{path}: - {line}" for line in mine if line not in theirs]
        found += [f"{path}: + {line}" for line in theirs if line not in mine]
        if mine != theirs and sorted(mine) == sorted(theirs):
            found.append(f"{path}: the lines are in another order")
    return found
