"""reStructuredText as Markdown, lightly: headings, code, notes and words; what only a build tool knows is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator

_RULE = re.compile(r"([=\-~^\"'`#*+.:_<>])\1{2,}\s*\Z")
_DIRECTIVE = re.compile(r"(?P<indent> *)\.\. (?:(?P<name>[A-Za-z][\w.:+-]*)::(?: +(?P<rest>.*))?|(?P<other>.*))\Z")
_OPTION = re.compile(r" *:[\w-]+:")
_CODE = frozenset(
    {"code", "code-block", "sourcecode", "parsed-literal", "literalinclude", "prompt", "console", "doctest", "testcode"}
)
_SAID = {
    "note": "Note", "tip": "Tip", "hint": "Hint", "warning": "Warning", "important": "Important",
    "caution": "Caution", "danger": "Danger", "attention": "Attention", "error": "Error", "seealso": "See also",
    "deprecated": "Deprecated", "versionadded": "Added in", "versionchanged": "Changed in", "admonition": "",
    "topic": "", "rubric": "", "epigraph": "", "pull-quote": "", "container": "", "sidebar": "", "tabs": "",
    "tab": "", "group-tab": "", "tab-set": "", "tab-item": "", "dropdown": "", "details": "", "grid": "",
    "card": "", "compound": "", "highlights": "",
}  # fmt: skip
_ROLE = re.compile(r":(?P<role>[A-Za-z][\w:+.-]*):`(?P<text>[^`]{1,300})`")
_NAMED = re.compile(r"`(?P<text>[^`<]{1,300}?)\s*<[^`>]{1,500}>`__?")
_REFERENCE = re.compile(r"`(?P<text>[^`]{1,300})`__?(?![`\w])")
_LITERAL = re.compile(r"``(?P<text>.+?)``")
_WORD_REFERENCE = re.compile(r"\b(?P<text>[A-Za-z][A-Za-z0-9-]{0,60})_(?=[\s.,;:)]|$)")
_FOOTNOTE = re.compile(r" ?\[(?:#[\w-]*|\*|\d+)\]_")
_ITEM = re.compile(r"(?P<mark>[*+-]|#\.|\(#\)|\d{1,4}[.)]) +(?P<text>.*)\Z")
_DOCINFO = re.compile(r"\A\s*(?:^:[A-Za-z][\w ._-]*:(?:[ \t].*)?\n(?:[ \t]+.*\n)*)+", re.MULTILINE)
_WORDS = frozenset(
    {"ref", "doc", "term", "guilabel", "menuselection", "abbr", "title", "strong", "emphasis", "sup", "sub"}
)


def to_markdown(text: str) -> str:
    """Markdown of a document with `\\n` line ends."""
    body = _DOCINFO.sub("", text.expandtabs(8), count=1)
    return "\n".join(_lines(body.split("\n"))) + "\n"


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _indented(lines: list[str], start: int, than: int) -> int:
    """The line behind the block that is indented deeper than `than`."""
    end = start
    for index in range(start, len(lines)):
        if not lines[index].strip():
            continue
        if _indent(lines[index]) <= than:
            break
        end = index + 1
    return end


def _dedented(lines: list[str]) -> list[str]:
    margin = min((_indent(line) for line in lines if line.strip()), default=0)
    found = [line[margin:].rstrip() for line in lines]
    while found and not found[0]:
        found.pop(0)
    while found and not found[-1]:
        found.pop()
    return found


def _lines(lines: list[str]) -> Iterator[str]:
    ranks: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        heading = _heading(lines, index)
        if heading is not None:
            title, style, index = heading
            if style not in ranks:
                ranks.append(style)
            yield from ("", f"{'#' * min(6, ranks.index(style) + 1)} {_inline(title)}", "")
            continue
        directive = _DIRECTIVE.match(line)
        if directive is not None:
            end = _indented(lines, index + 1, len(directive["indent"]))
            yield from _directive(directive, lines[index + 1 : end])
            index = end
            continue
        if line.rstrip().endswith("::"):
            said = line.rstrip()[:-2].rstrip()
            end = _indented(lines, index + 1, _indent(line))
            if said:
                yield _inline(f"{said}:")
            yield from _fenced(lines[index + 1 : end], "")
            index = max(end, index + 1)
            continue
        if line.lstrip().startswith(("+--", "+==")) or re.match(r" *={2,}(?: +={2,})+ *\Z", line):
            end = index
            while end < len(lines) and lines[end].strip():
                end += 1
            yield from _fenced(lines[index:end], "")
            index = end
            continue
        end = _indented(lines, index + 1, _indent(line))
        item = _ITEM.match(line)
        deeper = index + 1 < len(lines) and lines[index + 1].strip() and _indent(lines[index + 1]) > _indent(line)
        if item is not None:
            yield from _item(item, lines[index + 1 : end])
            index = end
        elif line.strip() and deeper and not line.startswith(("..", ":", "|")):
            yield from (
                "",
                f"**{_inline(line.strip()).replace('*', '')}**",
                "",
                *_lines(_dedented(lines[index + 1 : end])),
                "",
            )
            index = end
        elif line.startswith(" ") and line.strip():  # a quotation, or a block set off
            end = _indented(lines, index, 0)
            yield from ("", *_lines(_dedented(lines[index:end])), "")
            index = end
        else:
            yield _inline(line)
            index += 1


def _item(found: re.Match[str], inner: list[str]) -> Iterator[str]:
    """One item of a list, with what belongs to it."""
    mark = "1." if found["mark"] in {"#.", "(#)"} else found["mark"]
    yield f"{mark} {_inline(found['text'])}"
    if inner:
        pad = " " * (len(mark) + 1)
        loose = _lines(_dedented(inner))
        yield from (f"{pad}{line}" if line else "" for line in loose)
        if not inner[-1].strip():
            yield ""


def _heading(lines: list[str], index: int) -> tuple[str, str, int] | None:
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


def _directive(found: re.Match[str], inner: list[str]) -> Iterator[str]:
    name = (found["name"] or "").lower()
    rest = (found["rest"] or "").strip()
    if not name:
        return  # a comment, a target, a substitution
    while inner and _OPTION.match(inner[0]):
        inner = inner[1:]
    if name in _CODE:
        yield from _fenced(inner, rest if re.fullmatch(r"[\w+#-]{1,20}", rest) else "")
    elif name in _SAID:
        label = " ".join(word for word in (_SAID[name], rest if name != "container" else "") if word)
        yield ""
        if label:
            yield f"**{_inline(label)}**"
            yield ""
        yield from _lines(_dedented(inner))
        yield ""


def _fenced(lines: list[str], language: str) -> Iterator[str]:
    content = _dedented(lines)
    if content:
        longest = max((len(run) for line in content for run in re.findall(r"`{3,}", line)), default=2)
        fence = "`" * (longest + 1)
        yield from ("", f"{fence}{language}", *content, fence, "")


def _inline(line: str) -> str:
    parts = _LITERAL.split(line)  # every second one is literal
    for index in range(0, len(parts), 2):
        text = _ROLE.sub(_role, parts[index])
        text = _NAMED.sub(lambda found: found["text"].strip(), text)
        text = _FOOTNOTE.sub("", text)
        if "`_" in text:
            text = _REFERENCE.sub(lambda found: found["text"], text)
        parts[index] = _WORD_REFERENCE.sub(lambda found: found["text"], text)
    for index in range(1, len(parts), 2):
        parts[index] = f"`{parts[index]}`"
    return "".join(parts)


def _role(found: re.Match[str]) -> str:
    text = re.sub(r"\s*<[^>]*>\Z", "", found["text"]).lstrip("~!.")
    role = found["role"].rpartition(":")[2].lower()
    if role == "doc":
        text = text.strip("/").rpartition("/")[2].replace("-", " ").replace("_", " ")
    if role in {"pep", "rfc"}:
        return f"{role.upper()} {text}"
    return text if role in _WORDS else f"`{text}`"
