"""The archivist with a model: a summary in prose, each sentence held against the passage of a note that it names.

What to fold is the policy's word alone, never the model's. A sentence that no passage stands behind is dropped: a
summary asserts nothing that nobody noted. Where too little is left, the group is told in the notes' own passages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aios.agents.assisted.asking import Given, Said, SaidSection, drafted, messages, none_right
from aios.agents.assisted.resting import rests_on
from aios.agents.conversation import CHARS_PER_TOKEN
from aios.agents.loop import Judge, NoAnswerError
from aios.agents.offline.archivist import Due, due_now, folded
from aios.agents.offline.folding import Prose
from aios.agents.offline.material import language_of
from aios.agents.offline.noted import Told, told_by
from aios.agents.offline.text.language import Language
from aios.agents.orders import orders_in
from aios.domain.agent import AgentCall, AgentReply, Engine, Reason, Tier, Tools
from aios.domain.finding import Finding, Severity
from aios.domain.model import Model
from aios.domain.record import Record, Trust
from aios.domain.slug import slug
from aios.domain.trust import trust_of
from aios.domain.wording import counted
from aios.memory.retention import Group, Level

FEWEST = 0.5  # share of a summary's sentences that must stand; below, it is none
MOST = 12  # groups told in prose in one proposal: the rest waits for the next
TOLD = 6  # doubtful sentences that a model is told of at once
QUOTED = 8  # words of a passage that a footnote shows

_RULES = """
You write down in a few plain sentences what old notes say, so that the notes can be put away. Rules check every
sentence; one that no passage stands behind is dropped.

- Each sentence says what one passage says, and names that passage by its id. Leave out what does not matter.
- Put what belongs together into one paragraph. At most {words} words in all, in the language of the notes.
"""


@dataclass(frozen=True, slots=True)
class _Passage:
    """One passage of a note that is folded."""

    note: Record
    told: Told

    @property
    def label(self) -> str:
        return f"{slug(self.note.path.removeprefix('memory/').removesuffix('.md'))}-{self.told.line}"

    @property
    def footnote(self) -> str:
        """From the sentence to note and line, and to the place that the note has it from."""
        words = self.told.text.replace("“", "").replace("”", "").split()
        quoted = " ".join(words[:QUOTED]) + ("…" if len(words) > QUOTED else "")
        origin = f" ({self.told.origin})" if self.told.origin else ""
        return f"{self.note.path}, line {self.told.line}: “{quoted}”{origin}"


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence and the passage that says all of it; None where none does, and `problem` says why."""

    text: str
    passage: _Passage | None
    problem: str


_Made = list[list[_Sentence]]


def archivist(models: Mapping[Tier, Model], judge: Judge) -> Engine:
    """The engine. Asks no model where no group is to be told in prose. Raises NoAnswerError where no summary of a model
    holds, and what the service raises.
    """

    def engine(call: AgentCall, tools: Tools) -> AgentReply:
        work = due_now(tools, call.now)
        if not any(_in_prose(work, group) for group in work.groups):
            return folded(call, tools, work, {})
        wrong = NoAnswerError("there is no model to ask")
        for tier, model in models.items():
            try:
                return _Telling(call, tools, work, tier, model, judge, language_of(tools)).reply()
            except NoAnswerError as error:
                wrong = error
        raise wrong

    return engine


@dataclass(slots=True)
class _Telling:
    """The summaries of one model. `fallen` are groups that it found no summary for, with the reason."""

    call: AgentCall
    tools: Tools
    work: Due
    tier: Tier
    model: Model
    judge: Judge
    known: Language
    prose: dict[str, Prose] = field(default_factory=dict)
    reasons: list[Reason] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    fallen: dict[str, str] = field(default_factory=dict)

    def reply(self) -> AgentReply:
        groups = [group for group in self.work.groups if _in_prose(self.work, group)]
        for group in groups[:MOST]:
            self._tell(group)
        if not self.prose:
            raise NoAnswerError(next(iter(self.fallen.values()), "the notes hold no passages to tell"))
        if len(groups) > MOST:
            why = f"no more than {MOST} are told in prose at once; these quote the notes"
            rest = tuple(group.path for group in groups[MOST:])
            self.reasons.append(Reason(counted(len(rest), "more summary", "more summaries"), why, rest))
        reply = folded(self.call, self.tools, self.work, self.prose)
        told = (*self.reasons, *reply.reasons)
        reply = replace(reply, reasons=told, findings=(*reply.findings, *self.findings))
        problems = self.judge(reply)
        if problems:
            raise none_right("; ".join(problems))
        return reply

    def _tell(self, group: Group) -> None:
        passages = dict(self._passages(group))
        if not passages:
            return
        given = [
            Given(name, each.told.text, each.note.path, trust_of(each.note.path, each.note.data))
            for name, each in passages.items()
        ]
        words = min(400, max(40, sum(len(each.text.split()) for each in given) // 2))
        heading = group.name.replace("-", " ")
        talk = messages(self.call, _RULES.format(words=words), f"Notes on: {heading}", [(heading, given)])
        self._report_orders(given)
        try:
            made = drafted(self.model, talk, lambda said: self._made(said, passages), self._fault, self._share, FEWEST)
        except NoAnswerError as error:
            self.fallen[group.path] = error.message
            why = f"it quotes the notes, for {error.message}"
            self.findings.append(Finding(group.path, 0, 0, "told-in-passages", why, "", Severity.WARNING))
            return
        self.prose[group.path] = self._prose(made)
        self._report(group, made)

    def _passages(self, group: Group) -> Iterator[tuple[str, _Passage]]:
        """The passages by the ids that the model knows them by: of the oldest notes first, as many as have room."""
        room = self.call.contract.context_tokens * CHARS_PER_TOKEN
        number = 0
        for note in group.notes:
            if not _is_prose(self.work, note):
                continue
            for told in told_by(self.tools.read(note.path) or ""):
                room -= len(told.text)
                if room < 0:
                    return
                number += 1
                yield f"p{number}", _Passage(note, told)

    def _made(self, said: Sequence[SaidSection], passages: Mapping[str, _Passage]) -> _Made:
        texts = {name: each.told.text for name, each in passages.items()}
        parts = [part for section in said for part in section.paragraphs]
        return [[self._judged(each, texts, passages) for each in part] for part in parts]

    def _judged(self, said: Said, texts: Mapping[str, str], passages: Mapping[str, _Passage]) -> _Sentence:
        if not said.passages:
            return _Sentence(said.text, None, "it names no passage")
        problem, whole = rests_on(said.text, said.passages, texts, self.known)
        return _Sentence(said.text, None if problem else passages[whole], problem)

    def _fault(self, made: _Made) -> str:
        doubtful = [each for part in made for each in part if each.problem]
        if not any(made):
            return "it says nothing"
        return "; ".join(f"“{each.text[:160]}”: {each.problem}" for each in doubtful[:TOLD])

    def _share(self, made: _Made) -> float:
        every = [each for part in made for each in part]
        return sum(not each.problem for each in every) / len(every) if every else 0.0

    def _prose(self, made: _Made) -> Prose:
        """What stands, each sentence with its footnote."""
        paragraphs = []
        cited: dict[str, _Passage] = {}
        for part in made:
            kept = [(each.text, each.passage) for each in part if each.passage is not None]
            cited |= {passage.label: passage for _, passage in kept}
            paragraphs.append(" ".join(f"{text}[^{passage.label}]" for text, passage in kept))
        notes = frozenset(passage.note.path for passage in cited.values())
        footnotes = {label: passage.footnote for label, passage in cited.items()}
        return Prose(tuple(part for part in paragraphs if part), footnotes, notes, self.tier.value)

    def _report(self, group: Group, made: _Made) -> None:
        every = [each for part in made for each in part]
        dropped = [each for each in every if each.passage is None]
        told = self.prose[group.path]
        kept = f"{counted(len(every) - len(dropped), 'sentence')} of a model's, each with the passage it rests on"
        quoted = len(group.notes) - len(told.notes)
        more = [f"{len(dropped)} dropped"] * bool(dropped)
        more += [
            f"{counted(quoted, 'note')} told in passages of its own"
            if quoted == 1
            else f"{counted(quoted, 'note')} told in passages of their own"
        ] * bool(quoted)
        self.reasons.append(Reason(f"{group.path} is prose", ", ".join([kept, *more]), (group.path,)))
        self.findings += [
            Finding(group.path, 0, 0, "dropped", f"dropped: “{each.text[:120]}”: {each.problem}", "", Severity.INFO)
            for each in dropped
        ]

    def _report_orders(self, given: Sequence[Given]) -> None:
        for each in given:
            if each.trust is not Trust.OPERATOR:
                self.findings += [found for found in orders_in(each.text, each.where) if found not in self.findings]


def _in_prose(work: Due, group: Group) -> bool:
    """Is there something for a model to tell? Not of what expired: its summary is not recalled."""
    return not group.is_over and any(_is_prose(work, note) for note in group.notes)


def _is_prose(work: Due, note: Record) -> bool:
    return work.policy.rule(str(note.get("kind"))).summary is Level.PROSE
