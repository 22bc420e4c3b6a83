"""Mails as records: made of the wordings in the agent's contract, of facts, and of quotations; nothing is made up.

What the operator taught about words is heeded in our own sentences; what was quoted stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aios.agents.offline.guidance import Guidance, understand
from aios.agents.offline.wording import Rule, rules
from aios.domain.agent import AgentCall, Reason, Tools
from aios.domain.event import one_line
from aios.domain.finding import Finding, Severity
from aios.domain.front_matter import render_markdown
from aios.domain.loose import texts
from aios.domain.record import Record, Trust
from aios.errors import AiosError

MESSAGES = "state/messages/"
_HOLE = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to be drafted. `words` are ours, `body` is what is sent (with quotations in it)."""

    id: str
    subject: str
    body: str
    purpose: str
    to: tuple[str, ...] = ()
    audience: str = ""
    about: tuple[str, ...] = ()
    number: int = 0
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    evidence: tuple[Mapping[str, Any], ...] = ()

    @property
    def path(self) -> str:
        return f"{MESSAGES}{self.id}.md"


@dataclass(frozen=True, slots=True)
class Desk:
    """What letters are written with: the company, the wordings of the contract, the operator's words and lessons."""

    company: Record | None
    wording: Mapping[str, Any]
    told: tuple[Rule, ...] = ()
    guidance: Guidance = field(default_factory=lambda: understand(()))

    @property
    def owner(self) -> str:
        owner = self.company.get("owner") if self.company else None
        name = owner.get("name") if isinstance(owner, Mapping) else ""
        return str(name or self.name)

    @property
    def name(self) -> str:
        return str(self.company.get("name") or "") if self.company else ""

    def words(self, what: str, language: str) -> Any:
        """The wording in that language, else in the company's, else the first. Raises AiosError where there is none."""
        own = str(self.company.get("language") or "") if self.company else ""
        known = self.wording.get(what)
        if isinstance(known, Mapping) and known:
            for each in (language, language.partition("-")[0], own.partition("-")[0]):
                if each in known:
                    return known[each]
            return next(iter(known.values()))
        raise AiosError(f"the contract has no wording for `{what}`", "add it under `settings: wording:`")

    def filled(self, template: object, **values: str) -> str:
        """The template with its `{names}` filled in, and lessons heeded. Raises AiosError for an unknown name."""
        text = str(template)
        for rule in self.told:
            text = rule.pattern.sub(lambda _, write=rule.write: write, text)  # type: ignore[misc]
        given = {"owner": self.owner, "company": self.name, **values}
        unknown = [name for name in _HOLE.findall(text) if name not in given]
        if unknown:
            raise AiosError(f"a wording names {{{unknown[0]}}}, which is not known", f"known: {', '.join(given)}")
        return _HOLE.sub(lambda match: given[match[1]], text)

    def paragraphs(self) -> list[re.Pattern[str]]:
        """Every paragraph of the wordings, as a pattern of the paragraphs made of it; but that which is all answer."""
        found = {" ".join(part.split()) for text in texts(self.wording) for part in text.split("\n\n")}
        return [
            re.compile(_HOLE.sub(".+?", re.sub(r"\\([{}])", r"\1", re.escape(part))))
            for part in sorted(found)
            if part and not _HOLE.fullmatch(part)
        ]

    def dropped(self, *names: str) -> bool:
        """Did the operator say to leave this one out?"""
        wishes = [wish.casefold() for wish in self.guidance.all("drop")]
        return any(wish and wish in name.casefold() for wish in wishes for name in names if name)


def desk_of(call: AgentCall, tools: Tools) -> Desk:
    """Raises AiosError where the contract has no wordings."""
    wording = call.contract.settings.get("wording")
    if not isinstance(wording, Mapping):
        raise AiosError(f"the contract of {call.contract.name} has no wordings", "add `settings: wording:`")
    workflow = call.run.partition("/")[0]
    told = rules(tools, now=call.now, workflow=workflow, agent=call.contract.name, kind="messages")
    company = next(iter(tools.records("company")), None)
    return Desk(company, wording, tuple(told), understand(call.guidance))


def rendered(letter: Letter, call: AgentCall) -> str:
    """The record's whole text."""
    data: dict[str, Any] = {
        "schema": "message.v1",
        "subject": one_line(letter.subject, 200),
        "to": list(letter.to),
        "audience": letter.audience,
        "purpose": letter.purpose,
        "status": "drafted",
        "about": list(letter.about),
        "number": letter.number,
        "in_reply_to": letter.in_reply_to,
        "references": list(letter.references),
        "evidence": [dict(each) for each in letter.evidence],
        "created": call.now,
        "tier": "offline",
        "run": call.run,
        "trust": Trust.DERIVED.value,
    }
    return render_markdown({name: value for name, value in data.items() if value}, letter.body.strip() + "\n")


def unclear(desk: Desk) -> list[Finding]:
    """The operator's words that changed nothing, said so."""
    hint = "say: drop <customer, invoice or subject>; or edit the message on the branch"
    known = {"drop", "title"}
    wishes = [*desk.guidance.unclear, *(each.text for each in desk.guidance.directives if each.name not in known)]
    return [
        Finding(
            "", 0, 0, "guidance-unclear", f"“{wish}” was not understood and changed nothing", hint, Severity.WARNING
        )
        for wish in wishes
    ]


def taught(desk: Desk) -> list[Reason]:
    """The lessons that change a wording."""
    wordings = list(texts(desk.wording))
    heeded = [rule for rule in desk.told if any(rule.pattern.search(text) for text in wordings)]
    return [Reason(f"wrote “{rule.write}”", f"not “{rule.instead_of}”, as you taught", (rule.path,)) for rule in heeded]
