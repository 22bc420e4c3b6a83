"""The careful way to change YAML: ruamel makes the change, and only the lines that it touches are taken over.

ruamel keeps comments but lays out the whole text anew (quotes, indentation, long lines). So the text is emitted
before and after the change, and what differs between the two is carried over to the operator's own lines.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from aios.domain.front_matter import CORE_BOOL, CORE_FLOAT, CORE_INT, CORE_NULL
from aios.store import strict_yaml
from aios.store.diff3 import matches, merge_lines, split_lines
from aios.store.edit import same

_AMBIGUOUS = re.compile(r"(?:yes|no|on|off|y|n)\Z", re.IGNORECASE)  # truth to readers of YAML 1.1
_WIDTH = 4096
_LONG = 2000  # items; above, time counts for more than the smallest change


def candidates(text: str, expected: Mapping[str, Any]) -> Iterator[str]:
    """Texts that should read as expected, the one nearest to the given first. The caller checks which of them do."""
    crlf = "\r\n" in text
    lines = text.replace("\r\n", "\n")
    if not lines.endswith("\n"):
        lines += "\n"
    keeper = _yaml(lines)
    tree = keeper.load(lines)  # the text has been read strictly: there are no tags in it to obey
    before = _emitted(keeper, tree)
    after = _emitted(keeper, _updated(tree, expected))
    texts = [*_carried(lines, before, _with_comments(before, after)), *_carried(lines, before, after), after]
    for candidate in dict.fromkeys(texts):
        yield candidate.replace("\n", "\r\n") if crlf else candidate


def _carried(original: str, before: str, after: str) -> Iterator[str]:
    """What changed from `before` to `after`, on the original's lines; the finest way first.

    `before` is the original in another layout, entry by entry; so entries are compared, and comments and blank lines
    each by itself. Where that does not come out even (a text that was folded otherwise), lines are.
    """
    for comments in (True, False):
        base, ours = _entries(before, comments=comments), _entries(original, comments=comments)
        if len(base) == len(ours):
            yield "".join(_in_turn(base, ours, _entries(after, comments=comments)))
    result: list[str] = []
    for hunk in merge_lines(split_lines(before), split_lines(original), split_lines(after)):
        result += hunk.theirs if hunk.lines is None else hunk.lines
    yield "".join(result)


def _entries(text: str, *, comments: bool) -> list[str]:
    """The text cut before each line on which a field or an item starts, and with `comments` around each of them.

    What stands above the first field is the first entry, which may be empty.
    """
    _, positions, _ = strict_yaml.read(text.encode(), path="")
    starts = {line for line, _ in positions.values()}
    first = min(starts, default=1)
    entries = [""]
    apart = False
    for number, line in enumerate(split_lines(text), start=1):
        comment = comments and number > first and (not line.strip() or line.lstrip().startswith("#"))
        if apart or comment or number in starts:
            entries.append(line)
        else:
            entries[-1] += line
        apart = comment
    return entries


def _in_turn(base: list[str], ours: list[str], theirs: list[str]) -> list[str]:
    """Theirs, with each part that is as in base replaced by ours, which corresponds to base part by part.

    New parts are indented as ours has the parts around them, which may be another way in every list.
    """
    result: list[str] = []
    shifts: dict[int, int] = {}  # by the indentation in base: how much further in ours stands
    seen = at = 0
    for start, into, length in matches(base, theirs):
        for one, other in zip(base[seen:start], ours[seen:start], strict=True):
            shifts[_indentation(one)] = _indentation(other) - _indentation(one)
        result += [_shifted(entry, shifts) for entry in theirs[at:into]]
        for one, other in zip(base[start : start + length], ours[start : start + length], strict=True):
            shifts[_indentation(one)] = _indentation(other) - _indentation(one)
        result += ours[start : start + length]
        seen, at = start + length, into + length
    return result


def _indentation(entry: str) -> int:
    return len(entry) - len(entry.lstrip(" "))


def _shifted(entry: str, shifts: Mapping[int, int]) -> str:
    own = _indentation(entry)
    shift = shifts[max((indent for indent in shifts if indent <= own), default=0)] if shifts else 0
    if shift == 0:
        return entry
    lines = split_lines(entry)
    if shift > 0:
        return "".join(" " * shift + line if line.strip() else line for line in lines)
    return "".join(line[-shift:] if line.strip() else line for line in lines)


def _with_comments(before: str, after: str) -> str:
    """`after`, with the comment lines that went because a field beside them did. Those inside of it may go."""
    old, new = split_lines(before), split_lines(after)
    result: list[str] = []
    at_old = at_new = 0
    for start, into, length in matches(old, new):
        gone, come = old[at_old:start], new[at_new:into]
        result += _beside(gone, come)
        result += new[into : into + length]
        at_old, at_new = start + length, into + length
    return "".join(result)


def _beside(gone: list[str], come: list[str]) -> list[str]:
    """What came, with the comments of what went: those above a field that is still there above it, others around."""
    there = {line.strip() for line in come}
    lost = [line for line in gone if not _is_comment(line) or line.strip() not in there]
    fields = [index for index, line in enumerate(lost) if line.strip() and not _is_comment(line)]
    above, below = (lost[: fields[0]], lost[fields[-1] + 1 :]) if fields else (lost, [])
    result = [line for line in above if _is_comment(line)]
    for line in come:
        name = line.partition(":")[0]
        for index in fields[1:]:
            if ":" in line and lost[index].startswith(f"{name}:"):
                start = max(other for other in fields if other < index) + 1
                result += [comment for comment in lost[start:index] if _is_comment(comment)]
        result.append(line)
    return result + [line for line in below if line.strip() not in there]


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _updated(node: Any, value: Any) -> Any:
    """The node brought to the value, keeping what it can: comments inside, and the way that text is quoted."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, SingleQuotedScalarString

    if isinstance(node, dict) and isinstance(value, Mapping) and node and value:
        for key in [key for key in node if key not in value]:
            del node[key]
        for key, item in value.items():
            if key not in node:
                node[key] = _node(item)
            elif not same(_plain(node[key]), _plain(item)):
                node[key] = _updated(node[key], item)
        return node
    if isinstance(node, list) and isinstance(value, (list, tuple)) and node and value:
        return _updated_list(node, list(value))
    if isinstance(value, str) and "\n" not in value:
        for quoted in (SingleQuotedScalarString, DoubleQuotedScalarString):
            if isinstance(node, quoted):
                return quoted(value)
    return _node(value)


def _updated_list(node: Any, value: list[Any]) -> Any:
    from aios.domain.keys import canonical_json

    old = [canonical_json(_plain(item)) for item in node]
    new = [canonical_json(_plain(item)) for item in value]
    for tag, start, end, into, until in reversed(
        SequenceMatcher(None, old, new, autojunk=len(old) > _LONG).get_opcodes()
    ):
        if tag == "equal":
            continue
        common = min(end - start, until - into)
        for index in reversed(range(start + common, end)):
            del node[index]
        for index in range(into + common, until):
            node.insert(start + index - into, _node(value[index]))
        if start == end == len(old):
            _hand_on(node, end - 1, len(node) - 1)
        for index in range(common):
            node[start + index] = _updated(node[start + index], value[into + index])
    return node


def _hand_on(node: Any, last: int, now: int) -> None:
    """Comments below a list's last item are above what follows the list: they stay there when items are appended."""
    from ruamel.yaml.tokens import CommentToken

    kept = node.ca.items.get(last)
    token = kept[0] if kept else None
    if token is None:
        return
    own, newline, below = token.value.partition("\n")
    if not below.strip():
        return
    node.ca.items[now] = [CommentToken(f"\n{below}", token.start_mark, None), *kept[1:]]
    if own.strip():
        token.value = own + newline
    else:
        del node.ca.items[last]


def _node(value: Any) -> Any:
    """A new value as a node: block style, long text as a literal block, doubtful words quoted."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

    if isinstance(value, Mapping):
        return CommentedMap({str(key): _node(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return CommentedSeq([_node(item) for item in value])
    if isinstance(value, str):
        if "\n" in value:
            printable = all(line.isprintable() and line == line.strip() for line in value.split("\n"))
            return LiteralScalarString(value) if printable and value.strip("\n") else DoubleQuotedScalarString(value)
        return DoubleQuotedScalarString(value) if _AMBIGUOUS.match(value) else str.__str__(value)
    return value


def _plain(node: Any) -> Any:
    """A node, or a value, in JSON types."""
    if isinstance(node, Mapping):
        return {str.__str__(key): _plain(item) for key, item in node.items()}
    if isinstance(node, (list, tuple)):
        return [_plain(item) for item in node]
    if node is None or isinstance(node, bool):
        return node
    for kind in (str, int, float):
        if isinstance(node, kind):
            return kind(node)
    return bool(node)  # ruamel's own truth value


def _emitted(yaml: Any, tree: Any) -> str:
    stream = io.StringIO()
    yaml.dump(tree, stream)
    return stream.getvalue()


def _yaml(text: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import RoundTripRepresenter

    class Representer(RoundTripRepresenter):
        """Null is written out: an empty value reads like an oversight."""

    def null(representer: Any, _: None) -> Any:
        return representer.represent_scalar("tag:yaml.org,2002:null", "null")

    Representer.add_representer(type(None), null)
    yaml = YAML(typ="rt", pure=True)
    yaml.Representer = Representer
    yaml.Resolver = _resolver()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    indent, offset = _layout(text)
    yaml.indent(mapping=indent, sequence=offset + 2, offset=offset)
    return yaml


def _layout(text: str) -> tuple[int, int]:
    """How the text is indented: fields inside a field, and the dash of an item inside one. As the first of each are."""
    _, positions, _ = strict_yaml.read(text.encode(), path="")
    indent = offset = -1
    for where, (line, column) in positions.items():
        above, left = positions.get(where[:-1], (line, column))
        if len(where) < 2 or above == line or isinstance(where[-2], int):
            continue
        if isinstance(where[-1], str) and indent < 0:
            indent = column - left
        elif where[-1] == 0 and offset < 0:
            offset = column - left - 2
    return indent if 1 < indent < 10 else 2, offset if 0 < offset < 9 else 0


@lru_cache(maxsize=1)
def _resolver() -> Any:
    from ruamel.yaml.resolver import VersionedResolver

    class CoreResolver(VersionedResolver):
        """Reads plain scalars as `aios.store.scalars` does: dates and yes are text."""

        @property
        def versioned_resolver(self) -> Any:
            return _CORE

    return CoreResolver


_CORE: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
for _tag, _pattern, _first in (
    ("null", CORE_NULL, ["", "~", "n", "N"]),
    ("bool", CORE_BOOL, list("tTfF")),
    ("int", CORE_INT, list("-+0123456789")),
    ("float", CORE_FLOAT, list("-+.0123456789")),
):
    for _char in _first:
        _CORE.setdefault(_char, []).append((f"tag:yaml.org,2002:{_tag}", re.compile(rf"{_pattern}\Z")))
