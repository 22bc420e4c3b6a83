"""The connecting sentences: a small set of templates per language, filled only with titles, headings, phrases, numbers.

Nothing here claims anything about the subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DESCRIPTION = (50, 160)


@dataclass(frozen=True, slots=True)
class Phrasing:
    """Templates of one language. `leads` introduce a source, `adds` a second one, `again` more from the same."""

    joiner: str
    ask: str
    ask_more: str
    single: str
    little: str
    says: str
    counts: tuple[str, str]
    amount: str
    numbers: str
    marks: str
    intro: str
    covers: str
    quoted: str
    own: str
    leads: tuple[str, ...]
    adds: tuple[str, ...]
    again: tuple[str, ...]
    under: str
    under_same: str
    product: str
    related: str
    empty: str

    def series(self, names: Sequence[str]) -> str:
        """`a, b and c`."""
        if len(names) < 2:
            return "".join(names)
        heavy = len(names) > 2 and any("," in name or f" {self.joiner} " in name for name in names)
        return f"{('; ' if heavy else ', ').join(names[:-1])}{';' if heavy else ''} {self.joiner} {names[-1]}"

    def quoting(self, names: Sequence[str]) -> str:
        """The names in quotation marks, in a row."""
        return self.series([self.marks.format(name) for name in names])

    def sources(self, count: int) -> str:
        return self.counts[0] if count == 1 else self.counts[1].format(count=self.number(count))

    def number(self, count: int) -> str:
        return self.numbers.split()[count] if count < 13 else str(count)

    def named(self, titles: Sequence[str]) -> str:
        """Up to four titles by name, more by number."""
        return (
            self.series([f"*{title}*" for title in titles])
            if len(titles) <= 4
            else self.amount.format(count=self.number(len(titles)))
        )

    def question(self, heading: str, phrases: Sequence[str]) -> str:
        told = [phrase for phrase in phrases if phrase.lower() not in heading.lower()][:3]
        return (
            self.ask_more.format(heading=heading, phrases=self.series(told))
            if told
            else self.ask.format(heading=heading)
        )

    def one_source(self, heading: str) -> str:
        return self.single.format(heading=heading)

    def thin(self, heading: str, words: int) -> str:
        return self.little.format(heading=heading, words=words)

    def summary(self, headings: Sequence[str], count: int) -> str:
        return self.says.format(sources=self.sources(count), headings=self.series(list(headings)))

    def description(self, title: str, headings: Sequence[str], count: int) -> str:
        """50 to 160 characters wherever the title allows."""
        for size in range(len(headings), 0, -1):
            text = f"{title}: {self.summary(headings[:size], count)}"
            if len(text) <= DESCRIPTION[1]:
                return text
        text = self.summary(headings[:1], count)
        return text if len(text) <= DESCRIPTION[1] else f"{text[: DESCRIPTION[1] - 1].rsplit(' ', 1)[0].rstrip(',;:')}…"


_ENGLISH = Phrasing(
    joiner="and",
    ask="What do the sources say about “{heading}”?",
    ask_more="What do the sources say about “{heading}”, in particular about {phrases}?",
    single="one source only: {heading}",
    little="“{heading}” is thin: only {words} words of material",
    says="what {sources} about {headings}.",
    counts=("one source says", "{count} sources say"),
    amount="{count} sources",
    numbers="no one two three four five six seven eight nine ten eleven twelve",
    marks="“{}”",
    intro="This overview of {topic} draws on {sources}.",
    covers="It covers {headings}.",
    quoted="Quotations are in their authors’ own words; each footnote leads to the exact passage.",
    own="It is drawn from our own notes; each footnote leads to the exact passage.",
    leads=("*{title}* puts it this way:", "From *{title}*:", "In the words of *{title}*:", "*{title}* says:"),
    adds=("*{title}* adds:", "On the same subject, from *{title}*:", "And *{title}*:"),
    again=("*{title}* again:", "Also from *{title}*:", "*{title}* once more:"),
    under="*{title}*, under “{heading}”:",
    under_same="Under “{heading}”:",
    product="{name}: {summary}",
    related="Related:",
    empty="“{heading}”: no passage was good enough to quote",
)
_GERMAN = Phrasing(
    joiner="und",
    ask="Was sagen die Quellen über „{heading}“?",
    ask_more="Was sagen die Quellen über „{heading}“, insbesondere über {phrases}?",
    single="nur eine Quelle: {heading}",
    little="„{heading}“ ist dünn: nur {words} Wörter Material",
    says="was {sources}: {headings}.",
    counts=("eine Quelle sagt", "{count} Quellen sagen"),
    amount="{count} Quellen",
    numbers="keine eine zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    marks="„{}“",
    intro="Dieser Überblick zum Thema {topic} stützt sich auf {sources}.",
    covers="Er behandelt: {headings}.",
    quoted="Zitate stehen im Wortlaut ihrer Verfasser; jede Fußnote führt zur genauen Stelle.",
    own="Er ist aus unseren eigenen Notizen zusammengestellt; jede Fußnote führt zur genauen Stelle.",
    leads=("*{title}* sagt es so:", "Aus *{title}*:", "In den Worten von *{title}*:"),
    adds=("*{title}* ergänzt:", "Zum selben Punkt, aus *{title}*:"),
    again=("Noch einmal *{title}*:", "Ebenfalls aus *{title}*:"),
    under="*{title}*, unter „{heading}“:",
    under_same="Unter „{heading}“:",
    product="{name}: {summary}",
    related="Dazu passt:",
    empty="„{heading}“: keine Stelle war gut genug für ein Zitat",
)


def phrasing(code: str) -> Phrasing:
    """The templates of a language; English where there are none."""
    return _GERMAN if code == "de" else _ENGLISH
