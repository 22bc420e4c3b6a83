"""Hostile expressions end soon, in an error of one line. They run in a process of their own with little memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import Any

import pytest

MEMORY = 1 << 31  # bytes of address space
SECONDS = 10

HOSTILE = {
    "deep brackets": "(" * 900 + "1" + ")" * 900,
    "deep lists": "[" * 990 + "]" * 990,
    "many signs": "-" * 1999 + "1",
    "many ands": " && ".join(["yes"] * 250),
    "a long sum": "1+" * 900 + "1",
    "nested choices": "yes?" * 300 + "1" + ":1" * 300,
    "a long path": "text" + ".x" * 900,
    "loops in loops": "many.all(a, many.all(b, many.all(c, many.all(d, many.all(e, true)))))",
    "maps in maps": "many.map(a, many.map(b, many.map(c, many.map(d, 1))))",
    "doubling text": "[text]" + ".map(s, s + s)" * 40,
    "doubling lists": "[[1, 1]]" + ".map(s, s + s)" * 40,
    "doubling nests": "[1]" + ".map(a, [a, a])" * 60,
    "many slugs": "many.map(a, slug(text))",
    "slow pattern": "text.matches('(a+)+$')",
    "large pattern": "text.matches('((a{100}){100}){100}')",
    "too long": "1" * 5000,
    "open strings": "'" * 1999,
    "open comment": "//" * 999,
}

CHILD = """
import json, sys, time
from aios.expressions import ExpressionError, Scope, compile_value, evaluate
values = {"many": list(range(1000)), "text": "a" * 60000 + "b", "yes": True}
scope = Scope({"many": {"type": "array", "items": {"type": "integer"}}, "text": {"type": "string"}, "yes": {}})
for name, text in json.load(sys.stdin).items():
    began = time.process_time()
    for act in (lambda: compile_value(text, scope), lambda: evaluate(text, values)):
        try:
            act()
        except ExpressionError as error:
            assert "\\n" not in str(error) and len(error.message) < 300, (name, str(error))
    print(json.dumps([name, time.process_time() - began]), flush=True)
"""


def _small() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


@pytest.fixture(scope="module")
def seconds() -> dict[str, Any]:
    """Processor seconds by name of hostile expression."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps(HOSTILE),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS * len(HOSTILE),
        preexec_fn=_small,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    return dict(json.loads(line) for line in child.stdout.splitlines())


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_expression_ends_soon(name: str, seconds: dict[str, float]) -> None:
    assert seconds[name] < SECONDS / 2
