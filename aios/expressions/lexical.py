"""The words of an expression: enough of CEL's lexis to find names, strings and the end of a `${{ … }}`.

Any text at all can be taken apart; what is no expression is for the compiler to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
    |(?P<string>
        (?:[rR][bB]?|[bB][rR])(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')
        |[bB]?(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    )
    |(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[A-Za-z0-9_]*)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*|`[^`\n]*`)
    |(?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PAIRS = {"(": ")", "[": "]", "{": "}"}

# Macros whose result keeps the order of what they go over. See `in_order`.
_ORDERLY = {"map", "filter"}
ORDER = "ordered_"


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is string, number, name or mark; `start` the offset in the text."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """The tokens from an offset on, without space and comments."""
    for found in _TOKEN.finditer(text, start):
        if found.lastgroup != "space":
            yield Token(str(found.lastgroup), found[0], found.start())


def closing(words: list[Token], opening: int) -> int:
    """The index of the bracket that closes the one at `opening`; the number of tokens where none does."""
    depth = 0
    for index in range(opening, len(words)):
        if words[index].kind == "mark":
            depth += (words[index].text in _PAIRS) - (words[index].text in _PAIRS.values())
            if depth <= 0:
                return index
    return len(words)


def names_under(text: str, root: str) -> tuple[str, ...]:
    """The fields of `root` that an expression names: `a` and `b` for `root.a.x + root["b"]`."""
    words = list(tokens(text))
    found: dict[str, None] = {}
    for index, word in enumerate(words[:-2]):
        if word.text != root or word.kind != "name" or (index and words[index - 1].text == "."):
            continue
        mark, name = words[index + 1], words[index + 2]
        if (mark.text == "." and name.kind == "name") or (mark.text == "[" and name.kind == "string"):
            found[name.text.strip("`'\"")] = None
    return tuple(found)


def hole_end(text: str, start: int) -> int | None:
    """The offset of the `}}` that ends an expression beginning at `start`; None where there is none.

    Braces of a map and those inside a string belong to the expression.
    """
    depth = 0
    for token in tokens(text, start):
        if token.kind != "mark":
            continue
        if token.text == "{":
            depth += 1
        elif token.text == "}" and depth:
            depth -= 1
        elif token.text == "}":
            return token.start if text.startswith("}}", token.start) else None
    return None


def in_order(text: str) -> str:
    """The expression with every `map` and `filter` going over the keys of a map in their order.

    The engine hashes keys with a seed of its own for each map, so that their order would be another every time.
    """
    words = list(tokens(text))
    parts, done = [], 0
    for dot, name, bracket in zip(words, words[1:], words[2:], strict=False):
        if dot.text == "." and name.text in _ORDERLY and bracket.text == "(":
            parts += [text[done : dot.start], f".{ORDER}()"]
            done = dot.start
    return "".join([*parts, text[done:]])


def growth(text: str) -> int:
    """How many times larger than its inputs the result may become, list lengths apart: a bound, not a measure."""
    words = list(tokens(text))
    maps = sum(1 for dot, name in pairwise(words) if dot.text == "." and name.text == "map")
    joins = sum(1 for word in words if word.kind == "mark" and word.text in {"+", ","})
    return int((1 + max(0, joins - maps)) ** maps)
