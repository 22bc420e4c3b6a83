"""Records of old schema versions, rewritten in the newest: proposed by an agent's hand, or in the work tree by yours.

Reading never needs it: old records are brought up to the newest version whenever they are read, old commits as well.
Comments, order and quoting stay; a renamed field stays at its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from aios.domain.agent import AgentCall, AgentReply, Reason, Tools
from aios.domain.finding import Finding, Severity
from aios.domain.names import is_protected
from aios.domain.record import Where
from aios.domain.tree import Tree
from aios.domain.wording import counted
from aios.runs.rewriting_told import told
from aios.store.documents import parse
from aios.store.edit import DELETE, edit
from aios.store.schemas import Schemas
from aios.store.trees import OverlayTree

MIGRATOR = "migrator"
MIGRATION = "migrate-records"  # its workflow
_EDITORS = re.compile(
    r"(?m)\A(?:---\r?\n)?# yaml-language-server: \$schema=.*$"
)  # which schema an editor checks the file by
MOST = 150  # files in one proposal


@dataclass(frozen=True, slots=True)
class Old:
    """A file of an old version; `text` is what it would be, None where nothing tells how (`finding` says so).

    `old` and `new` are its data before and after.
    """

    path: str
    stated: str
    newest: str
    text: str | None
    finding: Finding | None = None
    old: Mapping[str, Any] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)


def old_files(tree: Tree) -> Iterator[Old]:
    """Every file whose schema has a newer version, sorted by kind and path."""
    schemas, _ = Schemas.from_tree(tree)
    for name in schemas.kinds():
        kind = schemas.kind(name)
        if kind.version == 1:
            continue
        for path in tree.paths(kind.file or kind.directory):
            content = tree.read(path) if schemas.kind_of(path) == name else None
            document = parse(path, content)[0] if content is not None else None
            stated = str(document.data.get("schema", "")) if document else ""
            if content is None or document is None or stated == kind.id or not stated.startswith(f"{name}.v"):
                continue
            data, findings = schemas.read(document)
            if data is None:
                yield Old(path, stated, kind.id, None, next(iter(findings), None))
            else:
                text = rewritten(path, content.decode(), document.data, data)
                yield Old(path, stated, kind.id, text, old=document.data, new=data)


def told_of(tree: Tree, found: Iterable[Old]) -> Sequence[str]:
    """What becomes of their fields, and what is lost, in words."""
    schemas, _ = Schemas.from_tree(tree)
    return told(schemas, {each.path: (each.old, each.new) for each in found if each.text is not None}).lines


def rewritten(path: str, text: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The text with the new data: fields that only changed their names are renamed where they stand."""
    now = dict(old)
    for gone in [name for name in old if name not in new]:
        come = next((name for name in new if name not in now and new[name] == old[gone]), None)
        renamed = _renamed(path, text, gone, come, now) if come else None
        if come and renamed is not None:
            text, now = renamed
    text = _EDITORS.sub(
        lambda line: line.group().replace(f"/{old['schema']}.json", f"/{new['schema']}.json"), text, count=1
    )
    changes: dict[Where | str, Any] = {name: value for name, value in new.items() if now.get(name, DELETE) != value}
    changes |= {name: DELETE for name in now if name not in new}
    return edit(text, changes)


def _renamed(path: str, text: str, old: str, new: str, data: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The text and data with one field under its new name; None where that cannot be done by its line alone."""
    wanted = {new if name == old else name: value for name, value in data.items()}
    found, count = re.subn(rf"(?m)^{re.escape(old)}(?=\s*:)", new, text, count=1)
    document = parse(path, found.encode())[0] if count else None
    return (found, wanted) if document is not None and dict(document.data) == wanted else None


def migrator(call: AgentCall, tools: Tools) -> AgentReply:
    """The engine of the agent `migrator`: proposes what an agent may write, and says what only a person can."""
    del call
    found = list(old_files(_Seen(tools)))
    able = [each for each in found if each.text is not None and not is_protected(each.path)]
    files: dict[str, str | None] = {each.path: each.text for each in able[:MOST]}
    kinds: dict[tuple[str, str], int] = {}
    for each in able[:MOST]:
        kinds[each.stated, each.newest] = kinds.get((each.stated, each.newest), 0) + 1
    left = len(able) - len(files)
    output = {"migrated": len(files), "left": left}
    title = f"{counted(len(files), 'record')} brought to the newest schema" if files else "nothing is old"
    reasons = tuple(Reason(f"{old} → {new}", counted(number, "file")) for (old, new), number in kinds.items())
    if left:
        reasons += (Reason("more", f"{left} are left: run it again after this"),)
    return AgentReply(output, files, title=title, reasons=reasons, findings=tuple(_told(found)))


def _told(found: list[Old]) -> Iterator[Finding]:
    for each in found:
        if each.text is None and each.finding is not None:
            yield each.finding
        elif is_protected(each.path):
            hint = "`aios migrate --in-place` rewrites it in your work tree"
            yield Finding(each.path, 0, 0, "schema-old", f"it is a {each.stated}", hint, Severity.INFO)


class _Seen:
    """The tree as an agent's tools show it."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def read(self, path: str) -> bytes | None:
        text = self._tools.read(path)
        return None if text is None else text.encode()

    def blob(self, path: str) -> str | None:
        content = self.read(path)
        return None if content is None else OverlayTree(self, {path: content}).blob(path)

    def paths(self, prefix: str = "") -> list[str]:
        return [path for path in self._all if path.startswith(prefix)]

    @cached_property
    def _all(self) -> list[str]:
        return list(self._tools.paths("**"))
