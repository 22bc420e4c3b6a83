"""Run by the fuzz test in a process of its own: check one mutated workflow after another, and say so of each.

    python -m tests.workflows.mangle SEED COUNT

Prints a JSON line for each: what was mutated, how many findings, how many seconds. A crash leaves its traceback.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

import yaml

from aios.domain.workflow import Workflow
from tests.workflows.house import GOOD, checked

ODD: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**70, -1.5, 1e308, "", " ", "plan", "steps", "${{", "${{ }}", "}}"),
    *("${{ steps.plan }}", "${{ item.id }}", "${{ inputs }}", "${{ {'a': [1]} }}", "${{ [1].map(x, [x]) }}"),
    *("a: b", "[", "\x00", "\u2028", "🙂", "7d", "0s", "99999999999999999999w", "1e9d", "for", "__proto__", "../x"),
    *("a" * 3000, "true", "null", "~", "2026-01-01", "* * * * *", "0 0 31 2 *", "* * 29 2 1#5", "*/0 * * * *"),
    *("steps.plan.record == 1", [], {}, [[]], [None], {"a": {}}, {"": 1}, {"$ref": "#"}, ["plan", "plan"]),
    *({"type": "array", "items": {"$ref": "#"}}, {"type": ["string", "null"]}, {"type": "string", "pattern": "(a+)+$"}),
    *({"enum": []}, {"agent": "planner"}, {"cron": "@daily"}, [{"cron": "0 0 * * *"}]),
]
MARKS = list("{}[]:,&*!|>'\"%@`#?-\n\t ")
TEXT = [*MARKS, "${{", "}}", "!!python/object:os.system ", "<<: ", "&a ", "*a ", "---\n", "\u202e"]


def _places(node: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inside:
        found.append((node, key))
        _places(value, found)
    return found


def by_value(chance: random.Random) -> str:
    """One to three values of the good workflow become something else, go away, or move."""
    data = yaml.safe_load(GOOD.replace("\non:", '\n"on":'))
    for _ in range(chance.randint(1, 3)):
        places = _places(data, [])
        node, key = chance.choice(places)
        other, name = chance.choice(places)
        match chance.randrange(4):
            case 0:
                del node[key]
            case 1:
                node[key] = json.loads(json.dumps(other[name])) if name in other or isinstance(other, list) else None
            case 2 if isinstance(node, dict):
                odd = chance.choice(ODD)
                node[odd if isinstance(odd, str) else str(odd)] = node.pop(key)
            case _:
                node[key] = json.loads(json.dumps(chance.choice(ODD)))
    return json.dumps(data) if chance.random() < 0.3 else yaml.safe_dump(data, allow_unicode=True, sort_keys=False)


def by_text(chance: random.Random) -> str:
    """Characters are put in, taken out and repeated."""
    text = GOOD
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(text))
        match chance.randrange(3):
            case 0:
                text = text[:at] + chance.choice(TEXT) + text[at:]
            case 1:
                text = text[:at] + text[at + chance.randint(1, 12) :]
            case _:
                end = at + chance.randint(1, 200)
                text = text[:end] + text[at:end] + text[end:]
    return text


def main(seed: int, count: int) -> None:
    for number in range(seed, seed + count):
        chance = random.Random(number)
        text = chance.choice([by_value, by_value, by_text])(chance)
        began = time.process_time()
        workflow, findings = checked(text)
        assert workflow is None or isinstance(workflow, Workflow)
        assert workflow is not None or findings, text
        assert not [each for each in findings if "\n" in str(each)]
        assert not [each for each in findings if each.rule.startswith("workflow-") and len(str(each)) > 1000]
        sys.stdout.write(json.dumps([number, len(findings), time.process_time() - began]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
