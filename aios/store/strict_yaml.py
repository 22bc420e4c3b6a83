"""YAML as records may use it: JSON types, positions kept, and a finding for everything else.

One pass over the C parser's events; nothing recurses, so that no input can exhaust the stack.
"""

from __future__ import annotations

from typing import Any

from aios.domain.finding import Finding
from aios.domain.record import Where
from aios.store.scalars import OutOfRangeError, resolve

MAX_DEPTH = 32
_SPLIT = "split the record"
MAX_FINDINGS = 20  # a file that is wrong in more places is another kind of file

Positions = dict[Where, tuple[int, int]]


def read(content: bytes, *, path: str, line_offset: int = 0) -> tuple[Any, Positions, list[Finding]]:
    """The value, the positions of its parts (from 1), and the findings; the value counts only without findings.

    `content` is valid UTF-8 without NUL. `line_offset` lines precede it in the file `path`. A file without content is
    None.
    """
    from yaml._yaml import CParser  # the parser under the C loader; without its constructors
    from yaml.error import MarkedYAMLError, YAMLError
    from yaml.reader import ReaderError

    build = _Build(path, line_offset)
    try:
        build.read(CParser(content))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = error.problem or error.context or "this is not YAML"
        # The parser's own limit lies far above ours, but it meets what is nested before we do.
        rule, hint = ("yaml-depth", _SPLIT) if "nesting depth" in problem else ("yaml-syntax", _hint(error))
        build.add(rule, problem, line, column, hint)
    except ReaderError as error:
        before = content[: error.position].decode(errors="replace")  # the position counts bytes
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        build.add(
            "yaml-syntax", f"character U+{_code(error.character):04X} is not allowed here", line, column, "delete it"
        )
    except YAMLError as error:
        build.add("yaml-syntax", str(error).splitlines()[0], 1, 1)
    return build.result, build.positions, build.findings


def _code(character: object) -> int:
    return character if isinstance(character, int) else ord(str(character)[:1] or "\0")


def _hint(error: Any) -> str:
    problem = error.problem or ""
    if "mapping values are not allowed" in problem:
        return "quote a value that holds `: `, and check the indentation"
    if "cannot start any token" in problem:
        return "indent with spaces, and quote a value that starts with @, `, % or a tab"
    if "could not find expected ':'" in problem or "did not find expected" in problem:
        return "check indentation, quotes and brackets on this line and the one before"
    return ""


class _Build:
    """Builds the value from events. A frame is (container, path, key) where a list's key is its next index."""

    __slots__ = ("findings", "offset", "path", "positions", "result")

    def __init__(self, path: str, offset: int) -> None:
        self.path = path
        self.offset = offset
        self.result: Any = None
        self.positions: Positions = {}
        self.findings: list[Finding] = []

    def add(self, rule: str, message: str, line: int, column: int, hint: str = "") -> None:
        self.findings.append(Finding(self.path, line + self.offset, column, rule, message, hint))

    def at(self, event: Any, rule: str, message: str, hint: str = "") -> None:
        self.add(rule, message, event.start_mark.line + 1, event.start_mark.column + 1, hint)

    def read(self, parser: Any) -> None:  # noqa: C901, PLR0912, PLR0915 (one loop over seven events is read best in one piece)
        from yaml import events

        scalar, alias = events.ScalarEvent, events.AliasEvent
        mapping, sequence = events.MappingStartEvent, events.SequenceStartEvent
        ends = (events.MappingEndEvent, events.SequenceEndEvent)
        positions, offset = self.positions, self.offset + 1
        stack: list[tuple[Any, Where, Any]] = []
        container: Any = None  # the open dict or list; None at the top
        where: Where = ()
        key: Any = None  # the pending key of an open dict
        documents = 0
        while (event := parser.get_event()) is not None:
            kind = event.__class__
            if kind is scalar:
                if event.tag is not None or event.anchor is not None:
                    self.decorated(event)
                text = event.value
                if event.implicit[0]:
                    try:
                        value: Any = resolve(text)
                    except OutOfRangeError as error:
                        self.at(event, "yaml-number", f"`{text[:40]}`: {error}", "quote it if it is text")
                        value = None
                else:
                    value = text
                if container.__class__ is dict and key is None:
                    mark = event.start_mark
                    if text == "<<" and event.implicit[0]:
                        self.at(event, "yaml-merge-key", "`<<` merge keys are not allowed", "write the fields out")
                    elif value.__class__ is not str:
                        self.at(event, "yaml-key", f"the key `{text[:40]}` is not text", "quote it")
                    key = text
                    if key in container:
                        first = positions[(*where, key)][0]
                        self.at(
                            event, "yaml-duplicate-key", f"`{key[:60]}` is here twice", f"the first is on line {first}"
                        )
                    positions[(*where, key)] = (mark.line + offset, mark.column + 1)
                    continue
            elif kind is mapping or kind is sequence:
                if event.tag is not None or event.anchor is not None:
                    self.decorated(event)
                value = {} if kind is mapping else []
                if container.__class__ is dict and key is None:
                    self.at(event, "yaml-key", "a key must be text, not a mapping or a list", "quote it, or add a name")
                    return
                if len(stack) >= MAX_DEPTH:
                    self.at(event, "yaml-depth", f"nested more than {MAX_DEPTH} levels deep", _SPLIT)
                    return
            elif kind in ends:
                container, where, key = stack.pop()
                continue
            elif kind is alias:
                self.at(event, "yaml-alias", f"the alias `*{event.anchor}` is not allowed", "write the value out")
                value = None
                if container.__class__ is dict and key is None:
                    key = f"*{event.anchor}"
                    positions[(*where, key)] = (event.start_mark.line + offset, event.start_mark.column + 1)
                    continue
            elif kind is events.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    self.at(event, "yaml-documents", "a second document starts here", "one record per file")
                    return
                continue
            else:
                continue
            if len(self.findings) >= MAX_FINDINGS:
                return
            here: Where
            if container is None:
                here = ()
                self.result = value
                positions[()] = (event.start_mark.line + offset, event.start_mark.column + 1)
            elif container.__class__ is dict:
                here = (*where, key)
                container[key] = value
                key = None
            else:
                here = (*where, len(container))
                container.append(value)
                positions[here] = (event.start_mark.line + offset, event.start_mark.column + 1)
            if kind is not scalar and kind is not alias:
                stack.append((container, where, key))
                container, where, key = value, here, None

    def decorated(self, event: Any) -> None:
        """Tags and anchors, which turn data into something that must be executed or resolved."""
        if event.tag is not None:
            name = str(event.tag).replace("tag:yaml.org,2002:", "!!")[:60]
            self.at(event, "yaml-tag", f"the tag `{name}` is not allowed", "write the plain value")
        if event.anchor is not None:
            self.at(event, "yaml-anchor", f"the anchor `&{event.anchor[:60]}` is not allowed", "write the value out")
