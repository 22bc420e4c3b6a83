"""Workflow files and expressions as GitHub reads them: its own packages, in one process of Node that answers lines."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers import node_file


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression gave. `reaches` are the paths into contexts that it asked for by name."""

    value: Any
    text: str
    truthy: bool
    reaches: tuple[tuple[str, ...], ...]


class Expressions(AbstractContextManager["Expressions"]):
    """Raises AssertionError for what GitHub would not accept."""

    def __init__(self) -> None:
        parser = node_file("@actions/workflow-parser/package.json")
        assert parser is not None
        folder = parser.parents[2]
        script = Path(__file__).with_suffix(".mjs")
        self._node = subprocess.Popen(
            ["node", script, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __exit__(self, *_: object) -> None:
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.close()
        self._node.stdout.close()
        self._node.wait(10)

    def workflow(self, name: str, text: str) -> dict[str, Any]:
        return self._read("workflow", name, text)

    def action(self, name: str, text: str) -> dict[str, Any]:
        return self._read("action", name, text)

    def evaluate(
        self, text: str, contexts: Mapping[str, Any], *, status: str = "success", folder: Path | None = None
    ) -> Value:
        told = self._ask(op="evaluate", text=text, contexts=contexts, status=status, folder=str(folder or ""))
        assert "failed" not in told, f"GitHub does not evaluate `{text}`: {told['failed']}"
        return Value(told["value"], told["text"], told["truthy"], tuple(tuple(each) for each in told["reaches"]))

    def _read(self, kind: str, name: str, text: str) -> dict[str, Any]:
        told = self._ask(op=kind, name=name, text=text)
        wrong = [told["failed"]] if "failed" in told else told["errors"]
        assert not wrong, f"GitHub does not read {name}: {'; '.join(wrong)}"
        value: dict[str, Any] = told["value"]
        return value

    def _ask(self, **question: Any) -> dict[str, Any]:
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(question) + "\n")
        self._node.stdin.flush()
        line = self._node.stdout.readline()
        assert line, "GitHub's expressions do not answer"
        told: dict[str, Any] = json.loads(line)
        return told
