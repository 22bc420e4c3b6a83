"""Values of a workflow file at the moment when they are needed, strictly: what nobody defined is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.actions.expressions import Expressions, Value

# Contexts of which any name may be asked for: empty is what GitHub gives for what is not set.
_OPEN = frozenset({"secrets", "vars"})


class Scope:
    """The contexts at one place of a file. `tell` takes what was reached for and is not there; `seen` the names of
    secrets that were given."""

    def __init__(
        self,
        expressions: Expressions,
        contexts: Mapping[str, Any],
        *,
        status: str = "success",
        folder: Path | None = None,
        tell: Callable[[str], None],
        seen: set[str],
    ) -> None:
        self._expressions = expressions
        self.contexts = contexts
        self._status = status
        self._folder = folder
        self._tell = tell
        self.seen = seen

    def with_(self, status: str = "", **contexts: Any) -> Scope:
        more = {name: value for name, value in contexts.items() if value is not None}
        return Scope(
            self._expressions,
            {**self.contexts, **more},
            status=status or self._status,
            folder=self._folder,
            tell=self._tell,
            seen=self.seen,
        )

    def expression(self, text: str) -> Value:
        found = self._expressions.evaluate(text, self.contexts, status=self._status, folder=self._folder)
        for path in found.reaches:
            if path[0] == "secrets" and len(path) > 1 and self.contexts["secrets"].get(path[1]):
                self.seen.add(path[1])
            if path[:2] == ("github", "token"):
                self.seen.add("GITHUB_TOKEN")
            if not self._defined(path):
                self._tell(f"`{text}` reaches for {'.'.join(path)}, which nothing defines")
        return found

    def action(self, name: str, text: str) -> dict[str, Any]:
        return self._expressions.action(name, text)

    def value(self, node: Any) -> Any:
        """A node of the file with its expressions evaluated."""
        if isinstance(node, Mapping):
            if set(node) == {"$"}:
                return self.expression(node["$"]).value
            return {name: self.value(each) for name, each in node.items()}
        return [self.value(each) for each in node] if isinstance(node, list) else node

    def text(self, node: Any) -> str:
        """As it stands in an environment or an input: GitHub's text of it."""
        if isinstance(node, Mapping) and set(node) == {"$"}:
            return self.expression(node["$"]).text
        return (
            {None: "", True: "true", False: "false"}.get(node, str(node))
            if not isinstance(node, (dict, list))
            else str(node)
        )

    def texts(self, node: Any) -> dict[str, str]:
        told = self.value(node) if isinstance(node, Mapping) and set(node) == {"$"} else node
        return {str(name): self.text(each) for name, each in (told or {}).items()}

    def holds(self, node: Any, default: bool = True) -> bool:
        """Whether a condition holds; `default` where there is none."""
        if node is None:
            return default
        return self.expression(node["$"]).truthy if isinstance(node, Mapping) else bool(node)

    def _defined(self, path: tuple[str, ...]) -> bool:
        if path[0] in _OPEN or path[:2] == ("github", "event"):
            return True
        node: Any = self.contexts
        for depth, name in enumerate(path):
            if not isinstance(node, Mapping):
                return False
            names = {str(each).lower(): each for each in node}
            if name.lower() not in names:
                # A step or a job that did not run has no outputs.
                outcome = node_of(self.contexts, path[:2])
                left_out = outcome.get("conclusion", outcome.get("result")) not in {"success", None}
                return path[0] in {"steps", "needs"} and depth == 3 and left_out
            node = node[names[name.lower()]]
        return True


def node_of(contexts: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    node: Any = contexts
    for name in path:
        node = node.get(name, {}) if isinstance(node, Mapping) else {}
    return node if isinstance(node, Mapping) else {}
