"""The writer with a model: its words, our sources. Every sentence is checked against the passages that it names.

It promises that each sentence stands in the evidence file as what it is: a quotation, supported by the places it cites,
a connection that claims nothing, or unverified, with the reason. Footnotes and offsets are made here, never by a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from aios.agents.assisted.asking import Given, Said, SaidSection, drafted, messages, none_right
from aios.agents.assisted.resting import rests_on
from aios.agents.evidence import CONNECTIVE, QUOTE, SUPPORTED, UNVERIFIED, Sentence, unbroken
from aios.agents.loop import Judge, NoAnswerError
from aios.agents.offline.material import language_of
from aios.agents.offline.piece import Piece
from aios.agents.offline.selection import Pick
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.similarity import jaccard
from aios.agents.offline.text.words import stems
from aios.agents.offline.writer import Draft, finished, gathered, introduction
from aios.agents.orders import orders_in
from aios.domain.agent import AgentCall, AgentReply, Engine, Reason, Tier, Tools
from aios.domain.finding import Finding, Severity
from aios.domain.model import Model
from aios.domain.record import Trust
from aios.errors import AiosError

FEWEST = 0.5  # share of what a draft claims that must be supported; below, it is no draft
SAME_HEADING = 0.5  # of the stems of both
CHECKED = "numbers, names and words are there"
TOLD = 6  # doubtful sentences that a model is told of at once

_RULES = """
You write the text of a piece whose outline and material are given. Rules check every sentence; the operator reads what
they say.

- After each sentence name the passages it rests on, by their ids. A sentence that only connects names none.
- About {words} words in all, in the language of the material.
"""

# Heading → paragraphs → sentences, each as what it is.
_Made = list[tuple[str, list[list[Sentence]]]]


def writer(models: Mapping[Tier, Model], judge: Judge) -> Engine:
    """The engine. Raises NoAnswerError where no draft of a model holds, AiosError for a person's piece, and what the
    service raises.
    """

    def engine(call: AgentCall, tools: Tools) -> AgentReply:
        draft = gathered(call, tools)
        if draft.written:
            raise AiosError("what a person wrote is continued word for word, without a model")
        wrong = "there is no model to ask"
        for tier, model in models.items():
            try:
                return _Writing(call, tools, draft, tier, model, judge, language_of(tools)).reply()
            except NoAnswerError as error:
                wrong = error.message
        raise NoAnswerError(wrong)

    return engine


@dataclass(slots=True)
class _Writing:
    """One draft of one model. `picks` are the passages by the ids that the model knows them by."""

    call: AgentCall
    tools: Tools
    draft: Draft
    tier: Tier
    model: Model
    judge: Judge
    known: Language
    picks: dict[str, Pick] = field(default_factory=dict)

    def reply(self) -> AgentReply:
        sections = self._named()
        words = min(1_200, 40 + sum(pick.passage.words for pick in self.picks.values()))
        about = f"Topic: {self.draft.data.get('topic') or self.draft.data.get('title')}"
        given = [(heading, [_given(*each) for each in picks]) for heading, picks in sections]
        talk = messages(self.call, _RULES.format(words=words), about, given)
        return self._finished(drafted(self.model, talk, self._made, self._fault, _share_of_whole, FEWEST))

    def _named(self) -> list[tuple[str, list[tuple[str, Pick]]]]:
        found = []
        for heading, picks in self.draft.filled:
            named = [(f"p{len(self.picks) + number}", pick) for number, pick in enumerate(picks, 1)]
            self.picks |= dict(named)
            found.append((heading, named))
        return found

    def _made(self, said: Sequence[SaidSection]) -> _Made:
        """The planned sections with the model's sentences, each as what it is."""
        left = list(said)
        made = []
        for heading, _ in self.draft.filled:
            about = set(stems(heading, self.known))
            fits = [
                section for section in left if jaccard(about, set(stems(section.heading, self.known))) >= SAME_HEADING
            ]
            paragraphs = [[self._sentence(each) for each in part] for part in fits[0].paragraphs] if fits else []
            made.append((heading, paragraphs))
            left = [section for section in left if not fits or section is not fits[0]]
        return made

    def _sentence(self, said: Said) -> Sentence:
        names = [str(self.draft.data.get("title")), *(heading for heading, _ in self.draft.filled)]
        texts = {name: unbroken(text_of(pick)) for name, pick in self.picks.items()}
        problem, whole = rests_on(said.text, said.passages, texts, self.known, names)
        pick = self.picks.get(whole or next((name for name in said.passages if name in self.picks), ""))
        note = pick.note if pick else ""
        if problem:
            return Sentence(said.text, UNVERIFIED, rule=problem, note=note)
        if pick is None:
            return Sentence(said.text, CONNECTIVE, rule="claims-nothing")
        verbatim = _place(said.text, pick)
        if verbatim is not None:
            return Sentence(said.text, QUOTE, None, pick.source.path, *verbatim, "verbatim", note)
        place = (pick.passage.start, pick.passage.end)
        return Sentence(said.text, SUPPORTED, None, pick.source.path, *place, CHECKED, note)

    def _fault(self, made: _Made) -> str:
        empty = [heading for heading, paragraphs in made if not paragraphs]
        bare = [heading for heading, paragraphs in made if paragraphs and not _cites(paragraphs)]
        doubtful = [each for _, parts in made for part in parts for each in part if each.kind == UNVERIFIED]
        told = [f"section “{heading}” is missing" for heading in empty]
        told += [f"section “{heading}” rests on nothing" for heading in bare]
        told += [f"“{each.text[:160]}”: {each.rule}" for each in doubtful[:TOLD]]
        return "; ".join(told)

    def _finished(self, made: _Made) -> AgentReply:
        piece = Piece()
        piece.connect(introduction(self.draft, self.known))
        footnotes: dict[tuple[str, int, int], int] = {}
        for heading, paragraphs in made:
            piece.heading(heading, rule="heading-of-the-plan")
            for paragraph in paragraphs:
                piece.say([self._numbered(piece, each, footnotes) for each in paragraph])
        reply = finished(self.call, self.draft, piece, self.known, tier=self.tier.value)
        doubtful = [each for each in piece.sentences if each.kind == UNVERIFIED]
        counts = {kind: sum(each.kind == kind for each in piece.sentences) for kind in (QUOTE, SUPPORTED, UNVERIFIED)}
        told = f"{counts[SUPPORTED]} supported, {counts[QUOTE]} quoted, {counts[UNVERIFIED]} unverified"
        reason = Reason("sentences checked against what they cite", told)
        path = next(iter(reply.files))
        findings = (*reply.findings, *self._unverified(path, str(reply.files[path]), doubtful), *self._orders())
        confidence = round(reply.confidence * _share(made), 3)
        reply = replace(reply, reasons=(reason, *reply.reasons), findings=findings, confidence=confidence)
        problems = self.judge(reply)
        if problems:
            raise none_right("; ".join(problems))
        return reply

    def _numbered(self, piece: Piece, sentence: Sentence, footnotes: dict[tuple[str, int, int], int]) -> Sentence:
        """The sentence with the number of its footnote, which is made where it is new."""
        if sentence.kind not in {QUOTE, SUPPORTED} or sentence.start is None or sentence.end is None:
            return sentence
        place = (sentence.source, sentence.start, sentence.end)
        if place not in footnotes:
            pick = next(pick for pick in self.picks.values() if pick.source.path == sentence.source)
            footnotes[place] = piece.footnote(pick.source, sentence.start, sentence.end)
        return replace(sentence, footnote=footnotes[place])

    def _unverified(self, path: str, text: str, doubtful: Sequence[Sentence]) -> list[Finding]:
        lines = text.splitlines()
        found = []
        for each in doubtful:
            line = next((number for number, said in enumerate(lines, 1) if each.text in said), 0)
            message = f"unverified: “{each.text[:120]}”: {each.rule}"
            hint = "check it yourself, mend it on the branch, or `aios revise`"
            found.append(Finding(path, line, 1 if line else 0, "unverified", message, hint, Severity.WARNING))
        return found

    def _orders(self) -> list[Finding]:
        texts = {
            pick.source.path: text_of(pick) for pick in self.picks.values() if pick.source.trust is not Trust.OPERATOR
        }
        return [finding for path, text in texts.items() for finding in orders_in(text, path)]


def _cites(paragraphs: Sequence[Sequence[Sentence]]) -> bool:
    return any(each.kind in {QUOTE, SUPPORTED} for part in paragraphs for each in part)


def _share(made: _Made) -> float:
    """How much of what is claimed is supported; nothing where nothing is claimed."""
    kinds = [each.kind for _, parts in made for part in parts for each in part if each.kind != CONNECTIVE]
    return 1 - kinds.count(UNVERIFIED) / len(kinds) if kinds else 0.0


def _share_of_whole(made: _Made) -> float:
    """The share, where every section of the plan is there; else nothing."""
    return _share(made) if all(paragraphs for _, paragraphs in made) else 0.0


def _given(name: str, pick: Pick) -> Given:
    return Given(name, text_of(pick), pick.source.path, pick.source.trust)


def text_of(pick: Pick) -> str:
    return pick.source.body[pick.passage.start : pick.passage.end]


def _place(text: str, pick: Pick) -> tuple[int, int] | None:
    """Where the passage says exactly that; None where it does not."""
    body = pick.source.body
    start = body.find(text, pick.passage.start, pick.passage.end)
    return (start, start + len(text)) if start >= 0 else None
