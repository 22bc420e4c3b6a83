"""reStructuredText as Markdown, lightly: headings, code, notes and words; what only a build tool knows is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from aios.connectors.files.roles import substitutions, words_of

_RULE = re.compile(r"([=\-~^\"'`#*+.:_<>!$%&,/;?@|])\1{2,}\s*\Z")
_DIRECTIVE = re.compile(
    r"(?P<indent> *)\.\.(?: +(?:(?P<name>[A-Za-z][\w.:+-]*)::(?: +(?P<rest>.*))?|(?P<other>.*)))?\Z"
)
_OPTION = re.compile(r" *:(?P<name>[\w-]+):(?:\s+(?P<value>.*))?\Z")
# What is shown as it is, and the language where none is said.
_CODE = {
    "code": "", "code-block": "", "sourcecode": "", "parsed-literal": "", "literalinclude": "", "prompt": "",
    "console": "console", "doctest": "pycon", "testcode": "python", "ipython": "python", "csv-table": "",
    "click:example": "python", "click:run": "python",
}  # fmt: skip
_SAID = {
    "note": "Note", "tip": "Tip", "hint": "Hint", "warning": "Warning", "important": "Important",
    "caution": "Caution", "danger": "Danger", "attention": "Attention", "error": "Error", "seealso": "See also",
    "epigraph": "", "pull-quote": "", "compound": "", "highlights": "",
}  # fmt: skip
_VERSIONS = {
    "deprecated": "Deprecated since", "versionadded": "Added in", "versionchanged": "Changed in",
    "versionremoved": "Removed in",
}  # fmt: skip
_TITLED = frozenset(
    """
    admonition topic rubric sidebar tab group-tab tab-item dropdown details card table list-table
    """.split()  # noqa: SIM905 (a list of words reads best as words)
)
_TRANSPARENT = frozenset("container tabs tab-set grid only figure rst-class glossary".split())  # noqa: SIM905
# What an API has: its signature and what is said of it.
_OBJECTS = frozenset(
    """
    function method class data attribute exception property classmethod staticmethod decorator envvar option
    confval describe object
    """.split()  # noqa: SIM905 (a list of words reads best as words)
)
_ITEM = re.compile(r"(?P<mark>[*+-]|#\.|\(#\)|\(?\d{1,4}[.)])(?: +(?P<text>.*))?\Z")
_FIELD = re.compile(r":(?P<name>[A-Za-z][^:`\n]{0,60}):(?: +(?P<text>.*))?\Z")
_DOCINFO = re.compile(r"\A\s*(?:^:[A-Za-z][\w ._-]*:(?:[ \t].*)?\n(?:[ \t]+.*\n)*)+", re.MULTILINE)
_TABLE = re.compile(r" *(?:\+[-=]{2,}[-=+]*\+|={2,}(?: +={2,})+) *\Z")
_FENCE = re.compile(r"[ >*+-]*`{3,}")
_DEEPEST = 40


def to_markdown(text: str) -> str:
    """Markdown of a document with `\\n` line ends."""
    body = _DOCINFO.sub("", text.expandtabs(8), count=1)
    return "\n".join(_spaced(_Document(substitutions(body)).lines(body.split("\n")))) + "\n"


def _spaced(lines: Iterator[str]) -> Iterator[str]:
    """Never two blank lines in a row, but for those of code."""
    code = blank = False
    for line in lines:
        code ^= bool(_FENCE.match(line))
        if line.strip() or code or not blank:
            yield line
        blank = not line.strip()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _indented(lines: Sequence[str], start: int, than: int) -> int:
    """The line behind the block that is indented deeper than `than`."""
    end = start
    for index in range(start, len(lines)):
        if not lines[index].strip():
            continue
        if _indent(lines[index]) <= than:
            break
        end = index + 1
    return end


def _dedented(lines: Sequence[str]) -> list[str]:
    margin = min((_indent(line) for line in lines if line.strip()), default=0)
    found = [line[margin:].rstrip() for line in lines]
    first = next((index for index, line in enumerate(found) if line), len(found))
    while found and not found[-1]:
        found.pop()
    return found[first:]


def _heading(lines: Sequence[str], index: int) -> tuple[str, str, int] | None:
    """(title, style, next line) where a heading begins."""
    line, following = lines[index], lines[index + 1] if index + 1 < len(lines) else ""
    if _RULE.match(line) and index + 2 < len(lines):
        below = lines[index + 2]
        if following.strip() and below.rstrip() == line.rstrip() and len(line.rstrip()) >= len(following.strip()):
            return following.strip(), f"{line[0]}{line[0]}", index + 3
    underlined = line.strip() and not line.startswith(" ") and _RULE.match(following) and not _RULE.match(line)
    if underlined and len(following.rstrip()) >= min(len(line.rstrip()), 4):
        return line.strip(), following[0], index + 2
    return None


def _options(inner: list[str]) -> tuple[dict[str, str], list[str]]:
    """A directive's options, and what is below them."""
    options: dict[str, str] = {}
    index = 0
    while index < len(inner) and (found := _OPTION.match(inner[index])):
        options[found["name"]] = (found["value"] or "").strip()
        deep = _indent(inner[index])
        index += 1
        while index < len(inner) and inner[index].strip() and _indent(inner[index]) > deep:
            index += 1
    return options, inner[index:]


def _fenced(lines: Sequence[str], language: str) -> Iterator[str]:
    content = _dedented(lines)
    if content:
        longest = max((len(run) for line in content for run in re.findall(r"`{3,}", line)), default=2)
        fence = "`" * (longest + 1)
        yield from ("", f"{fence}{language}", *content, fence, "")


class _Document:
    """`said` are the words that substitutions stand for."""

    def __init__(self, said: Mapping[str, str]) -> None:
        self._said = said
        self._ranks: list[str] = []
        self._language = ""
        self._depth = 0

    def lines(self, lines: Sequence[str]) -> Iterator[str]:
        if self._depth >= _DEEPEST:
            yield from (words_of(line.strip(), self._said) for line in lines)
            return
        self._depth += 1
        index = 0
        while index < len(lines):
            index, found = self._next(lines, index)
            yield from found
        self._depth -= 1

    def _inner(self, lines: Sequence[str]) -> list[str]:
        return list(self.lines(_dedented(lines)))

    def _next(self, lines: Sequence[str], index: int) -> tuple[int, list[str]]:
        """Where the next element begins, and the Markdown of the one at `index`."""
        line = lines[index]
        if not line.strip():
            return index + 1, [""]
        if (heading := _heading(lines, index)) is not None:
            title, style, after = heading
            if style not in self._ranks:
                self._ranks.append(style)
            rank = min(6, self._ranks.index(style) + 1)
            return after, ["", f"{'#' * rank} {words_of(title, self._said)}", ""]
        if (directive := _DIRECTIVE.match(line)) is not None:
            end = _indented(lines, index + 1, len(directive["indent"]))
            return end if end > index else index + 1, list(self._directive(directive, list(lines[index + 1 : end])))
        if line.startswith(("__ ", ">>> ")) or _TABLE.match(line) or (_RULE.match(line) and len(line) > 3):
            return self._as_it_is(lines, index)
        if line.startswith(" "):  # a quotation, or a block set off
            end = _indented(lines, index, 0)
            return end, ["", *self._inner(lines[index:end]), ""]
        end = _indented(lines, index + 1, 0)
        if (item := _ITEM.match(line)) is not None:
            return end, self._item(item["mark"], item["text"] or "", lines[index + 1 : end])
        if (field := _FIELD.match(line)) is not None:
            return end, self._field(field, lines[index + 1 : end])
        if line.startswith("| "):
            return index + 1, [f"{words_of(line[2:].strip(), self._said)}  "]
        return self._paragraph(lines, index)

    def _as_it_is(self, lines: Sequence[str], index: int) -> tuple[int, list[str]]:
        """Tables and sessions, up to a blank line; rules and targets are left out."""
        line, end = lines[index], index
        table = _TABLE.match(line)
        if not table and not line.startswith(">>> "):
            return index + 1, [""]
        while end < len(lines) and lines[end].strip():
            end += 1
        return end, list(_fenced(lines[index:end], "" if table else "pycon"))

    def _paragraph(self, lines: Sequence[str], index: int) -> tuple[int, list[str]]:
        end = index + 1
        while end < len(lines) and lines[end].strip() and not lines[end].startswith(" ") and not _heading(lines, end):
            end += 1
        block = [line.rstrip() for line in lines[index:end]]
        below = _indented(lines, end, 0)
        if block[-1].endswith("::"):
            block[-1] = (
                block[-1][:-1] if block[-1][:-2].strip() and not block[-1][:-2].endswith(" ") else block[-1][:-2]
            )
            said = words_of("\n".join(block), self._said).rstrip()
            return max(end, below), [*said.split("\n"), *_fenced(lines[end:below], self._language)]
        text = words_of("\n".join(block), self._said).split("\n")
        if len(block) == 1 and end < len(lines) and lines[end].strip() and below > end:
            return below, ["", f"**{text[0].replace('*', '')}**", "", *self._inner(lines[end:below]), ""]
        return end, text

    def _item(self, written: str, text: str, inner: Sequence[str]) -> list[str]:
        """One item of a list, with what belongs to it."""
        mark = "1." if written in {"#.", "(#)"} else written.lstrip("(")
        apart = bool(inner) and not inner[0].strip()
        block = list(self.lines([text, *([""] if apart else []), *_dedented(inner)]))
        while block and not block[-1].strip():
            block.pop()
        while block and not block[0].strip():
            block.pop(0)
        pad = " " * (len(mark) + 1)
        found = [f"{pad}{line}" if line and index else line for index, line in enumerate(block or [""])]
        return [f"{mark} {found[0]}".rstrip(), *found[1:], *([""] if inner and not inner[-1].strip() else [])]

    def _field(self, found: re.Match[str], inner: Sequence[str]) -> list[str]:
        """A field of a list as an item; `:param x:` is about `x`."""
        kind, _, about = found["name"].partition(" ")
        label = f"`{about.split()[-1]}`" if about.strip() and kind.islower() else found["name"].capitalize()
        return self._item("-", f"{label}: {found['text'] or ''}".rstrip(), inner)

    def _directive(self, found: re.Match[str], inner: list[str]) -> Iterator[str]:
        name, rest = (found["name"] or "").lower(), (found["rest"] or "").strip()
        base = name.removeprefix("py:").removeprefix("js:").removeprefix("c:")
        if not name:
            return  # a comment, a target, a substitution
        options, inner = _options(inner)
        if name == "highlight":
            self._language = self._code_language(rest)
        elif name in _CODE:
            if caption := options.get("caption"):
                yield from ("", words_of(caption, self._said))
            yield from _fenced(inner, self._code_language(rest) or _CODE[name])
        elif name in _VERSIONS:
            version, _, more = rest.partition(" ")
            yield from self._labelled(f"{_VERSIONS[name]} {version}".strip(), [more, *_dedented(inner)])
        elif name in _SAID:
            apart = [""] if inner and not inner[0].strip() else []
            yield from self._labelled(_SAID[name], [rest, *apart, *_dedented(inner)])
        elif name in _TITLED:
            yield from self._labelled(words_of(rest, self._said), inner)
        elif name in _TRANSPARENT:
            yield from self._labelled("", inner)
        elif base in _OBJECTS:
            yield from self._labelled(f"`{rest}`" if rest else "", inner)

    def _labelled(self, label: str, inner: Sequence[str]) -> Iterator[str]:
        yield from ("", f"**{label}**" if label else "", "", *self._inner(inner), "")

    def _code_language(self, rest: str) -> str:
        return rest if re.fullmatch(r"[\w+#-]{1,20}", rest) and rest != "none" else ""
