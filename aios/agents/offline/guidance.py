"""The operator's words as directives: what is understood is applied, what is not is said.

Understood, in English and German: drop/add a section, shorter, longer, a title, focus on, more about, less about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aios.agents.offline.text.language import Language
from aios.agents.offline.text.words import stems
from aios.domain.finding import Finding, Severity

_END = r"[\s.!]*$"
_QUOTES = " \t\"'“”‘’„«»`"
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        (
            "title",
            r"^(?:(?:change |set |use )?(?:the |new )?(?:title|headline|titel)(?: to| is)?\s*[:=]?|call it:?)\s+(.+)$",
        ),
        (
            "drop",
            r"^(?:please )?(?:drop|remove|delete|cut|omit|skip|leave out|without|lose|streiche|entferne|ohne)\s+"
            r"(?:the\s+|den\s+)?(?:whole\s+)?(?:sections?|parts?|abschnitt|chapter)?(?:\s+(?:on|about|called|titled|über|zu))?\s*[:]?\s*(.+?)"
            r"(?:\s+(?:section|part|chapter))?" + _END,
        ),
        (
            "add",
            r"^(?:please )?(?:add|include|insert|ergänze|füge)\s+(?:an?\s+|the\s+|einen\s+)?(?:new\s+)?"
            r"(?:section|part|chapter|abschnitt)(?:\s+(?:on|about|called|titled|for|über|zu))?\s*[:]?\s*(.+?)" + _END,
        ),
        (
            "shorter",
            r"^(?:please )?(?:make it |keep it |a bit |much )*"
            r"(?:shorter|shorten(?: it)?|briefer|cut it down|too long|kürzer)" + _END,
        ),
        (
            "longer",
            r"^(?:please )?(?:make it |a bit |much )*"
            r"(?:longer|lengthen(?: it)?|more detail(?:ed|s)?|too short|länger|ausführlicher)" + _END,
        ),
        ("focus", r"^(?:please )?(?:focus|concentrate|konzentriere dich)\s+(?:more\s+)?(?:on|auf)\s+(.+?)" + _END),
        ("more", r"^(?:please )?(?:(?:say |tell |write |i want )?more|mehr)\s+(?:about|on|of|über|zu)\s+(.+?)" + _END),
        ("less", r"^(?:please )?(?:(?:say |write )?less|weniger)\s+(?:about|on|of|über|zu)\s+(.+?)" + _END),
    )
)
_SPLIT = re.compile(r"\n+|;\s+|(?<=[.!])\s+|,?\s+and (?=(?:make it|drop|remove|add a|focus|shorten)\b)")
_ANSWERS = re.compile(
    r"^(?:publish anyway|stop|drop .+|yes|no|ok(?:ay)?|go on|continue|try again)[\s.!]*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Directive:
    """`name` is drop, add, shorter, longer, title, focus, more or less; `what` its object."""

    name: str
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Guidance:
    directives: tuple[Directive, ...]
    unclear: tuple[str, ...]
    answers: tuple[str, ...]

    def all(self, *names: str) -> list[str]:
        return [directive.what for directive in self.directives if directive.name in names]

    @property
    def title(self) -> str:
        return next(iter(self.all("title")[-1:]), "")

    @property
    def length(self) -> float:
        """A factor on the length aimed at: the last word on it counts, repeated wishes add up."""
        factor = 1.0
        for directive in self.directives:
            if directive.name in {"shorter", "longer"}:
                factor *= 0.65 if directive.name == "shorter" else 1.5
        return max(0.4, min(2.5, factor))


def understand(words: Sequence[str]) -> Guidance:
    """Read the operator's words, oldest first."""
    directives: list[Directive] = []
    unclear: list[str] = []
    answers: list[str] = []
    for text in words:
        for clause in _SPLIT.split(text):
            wish = clause.strip().strip("-*• ").strip()
            if not wish:
                continue
            if _ANSWERS.match(wish):
                answers.append(wish.rstrip(" .!").lower())
            found = next(((name, match) for name, pattern in _PATTERNS if (match := pattern.match(wish))), None)
            if found:
                name, match = found
                what = match.group(1).strip(_QUOTES).rstrip(".") if match.lastindex else ""
                directives.append(Directive(name, what.strip(_QUOTES), wish))
            elif not _ANSWERS.match(wish):
                unclear.append(wish)
    return Guidance(tuple(directives), tuple(unclear), tuple(answers))


def meant(what: str, headings: Sequence[str], known: Language) -> list[str]:
    """The heading that the operator means by `what`: the one that is it, else the only one that holds all its words.

    Nothing where several could be meant: words that cost a section must be certain.
    """
    about = set(stems(what, known))
    same = [heading for heading in headings if heading.casefold().strip() == what.casefold().strip(" .“”\"'")]
    same = same or [heading for heading in headings if set(stems(heading, known)) == about]
    holding = [heading for heading in headings if about and about <= set(stems(heading, known))]
    best = max((containment_of(about, set(stems(heading, known))) for heading in headings), default=0.0)
    near = [heading for heading in headings if containment_of(about, set(stems(heading, known))) == best > 0.5]
    return next((found for found in (same, holding, near) if len(found) == 1), [])


def containment_of(wanted: set[str], there: set[str]) -> float:
    """How many of the wanted words are there, 0..1."""
    return len(wanted & there) / len(wanted) if wanted else 0.0


def report(guidance: Guidance, path: str, *, done: dict[str, str]) -> list[Finding]:
    """Findings: what was understood and what came of it (`done`, by the directive's text), and what was not."""
    findings = [
        Finding(path, 0, 0, "guidance-applied", f"“{directive.text}”: {done[directive.text]}", severity=Severity.INFO)
        for directive in guidance.directives
        if directive.text in done
    ]
    hint = "say: drop section X, add section X, shorter, longer, title: X, focus on X, more about X; or edit the file"
    findings += [
        Finding(
            path, 0, 0, "guidance-unclear", f"“{wish}” was not understood and changed nothing", hint, Severity.WARNING
        )
        for wish in guidance.unclear
    ]
    return findings
