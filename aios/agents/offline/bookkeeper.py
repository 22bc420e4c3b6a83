"""The bookkeeper: what the payment service says becomes invoice records, and what is owed too long a polite reminder.

Who is reminded, when and how often is in the contract's settings, and so are the words. Nobody is reminded of what is
paid, disputed or held, nor sooner than the settings say, nor more often. The service's texts are data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from aios.agents.offline.fields import set_yaml
from aios.agents.offline.letters import Desk, Letter, desk_of, rendered, taught, unclear
from aios.agents.offline.owed import Owed, day, settled
from aios.agents.offline.people import address
from aios.agents.orders import orders_in
from aios.domain.agent import AgentCall, AgentReply, Reason, Tools
from aios.domain.finding import Finding, Severity
from aios.domain.front_matter import render_yaml
from aios.domain.loose import mappings
from aios.domain.money import money
from aios.domain.record import Record
from aios.domain.slug import slug
from aios.domain.wording import counted

FIRST_DAYS, BETWEEN_DAYS, MOST = 3, 10, 3  # where the contract does not say


def bookkeeper(call: AgentCall, tools: Tools) -> AgentReply:
    """Invoice records brought up to date, and the reminders that are due."""
    records = tools.records("invoice")
    texts = {record.path: tools.read(record.path) or "" for record in records}
    invoices, payments = call.input["invoices"], call.input["payments"]
    owed, odd = settled(records, texts, tools.records("customer"), invoices, payments, run=call.run)
    round_ = _Round(call, tools, desk_of(call, tools), texts)
    files: dict[str, str | None] = {}
    letters: list[Letter] = []
    for each in owed:
        letter = round_.reminder(each)
        current = each
        if letter is not None:
            letters.append(letter)
            files[letter.path] = rendered(letter, call)
            current = round_.with_reminder(each, letter)
        if current.text is not None:
            files[current.path] = current.text
            round_.reasons += (
                [Reason(f"{each.ref} is {each.customer.ref}'s", each.known_by)]
                if (each.customer and each.known_by)
                else []
            )
            round_.findings += orders_in(current.text, current.path)
    changed = [each.id for each in owed if each.path in files]
    over = [each for each in owed if each.is_open and each.days_over(round_.today) > 0]
    failed = [each for each in owed if each.is_open and each.data.get("failure")]
    summary = f"{counted(len(changed), 'invoice')} brought up to date, {counted(len(letters), 'reminder')} drafted"
    output = {
        "summary": summary,
        "invoices": changed,
        "messages": [letter.id for letter in letters],
        "overdue": len(over),
        "failed": len(failed),
    }
    hint = "look at what the connector gives: `aios trace` shows it"
    findings = [Finding("", 0, 0, "invoice-unreadable", each, hint, Severity.WARNING) for each in odd]
    reasons = (*round_.reasons, *(taught(round_.desk) if letters else ()))
    return AgentReply(
        output, files, title=summary, reasons=reasons, findings=(*findings, *round_.findings, *unclear(round_.desk))
    )


class _Round:
    """One call's look at what is due."""

    def __init__(self, call: AgentCall, tools: Tools, desk: Desk, texts: Mapping[str, str]) -> None:
        self.desk, self.texts = desk, texts
        self.today = call.now[:10]
        self.settings = call.contract.settings
        self.messages = {record.id: record for record in tools.records("message")}
        self.closed = {address(each.get("email")) for each in tools.records("suppression")
                       if each.get("reason") != "unsubscribed"}  # fmt: skip
        self.reasons: list[Reason] = []
        self.findings: list[Finding] = []

    def reminder(self, owed: Owed) -> Letter | None:
        """The reminder that is due; None where none is, with the reason where somebody might expect one."""
        days, failed = owed.days_over(self.today), bool(owed.data.get("failure"))
        if not owed.is_open or (days < self._number("first_days", FIRST_DAYS) and not failed):
            return None
        why_not = self._why_not(owed)
        if why_not:
            self.reasons.append(Reason(f"no reminder of {owed.ref}", why_not, (owed.ref,)))
            return None
        sent = [each for each in self._before(owed) if each.get("status") != "withheld"]
        wording = self._wording(owed, len(sent), failed=failed)
        number = len(self._before(owed)) + 1
        values = {
            "name": self._name(owed),
            "number": str(owed.data.get("number") or owed.id),
            "amount": money(owed.outstanding, str(owed.data.get("currency"))),
            "due": day(owed.data.get("due")) or "-",
            "days": str(max(days, 0)),
            "link": f"\n{owed.data['url']}\n" if owed.data.get("url") else "",
        }
        what = "its last payment failed" if failed else f"it was due on {values['due']}, {days} days ago"
        after = f"; {counted(len(sent), 'reminder')} before it" if sent else ""
        self.reasons.append(Reason(f"a reminder of {owed.ref}: {values['amount']}", f"{what}{after}", (owed.ref,)))
        return Letter(
            id=slug(f"reminder-{owed.id}-{number}"),
            subject=self.desk.filled(wording["subject"], **values),
            body=self.desk.filled(wording["text"], **values),
            purpose="reminder",
            to=(owed.customer.ref if owed.customer else str(owed.data["email"]),),
            about=(owed.ref,),
            number=number,
        )

    def with_reminder(self, owed: Owed, letter: Letter) -> Owed:
        text = owed.text if owed.text is not None else self.texts.get(owed.path, "")
        fields = {"reminders": [*owed.reminders, letter.id]}
        return replace(owed, text=set_yaml(text or render_yaml(dict(owed.data)), fields))

    def _why_not(self, owed: Owed) -> str:
        hold, before = day(owed.data.get("hold_until")), self._before(owed)
        to = address(owed.customer.get("email") if owed.customer else owed.data.get("email"))
        name = str(owed.customer.get("name")) if owed.customer else str(owed.data.get("name") or "")
        last = max((day(each.get("sent") or each.get("created")) for each in before), default="")
        since = (date.fromisoformat(self.today) - date.fromisoformat(last)).days if last else None
        waits = next((each for each in before if each.get("status") in {"drafted", "approved"}), None)
        if owed.data.get("disputed"):
            return "it is disputed"
        if hold > self.today:
            return f"you hold it until {hold}"
        if not to:
            return "no address is known"
        if to in self.closed:
            return f"{to} is on the suppression list"
        if self.desk.dropped(owed.id, str(owed.data.get("number") or ""), name, to):
            return "you said so"
        if waits is not None:
            return f"{waits.ref} is not sent yet"
        if since is not None and since < self._number("between_days", BETWEEN_DAYS):
            return f"the last one was {counted(since, 'day')} ago"
        if len([each for each in before if each.get("status") == "sent"]) >= self._number("most", MOST):
            message = f"{owed.ref} is still open after {counted(len(before), 'reminder')}"
            hint = "call them, or write `hold_until` or `disputed: true` into it"
            self.findings.append(Finding(owed.path, 0, 0, "invoice-unpaid", message, hint, Severity.WARNING))
            return "the last reminder was sent; what follows is yours to decide"
        return ""

    def _before(self, owed: Owed) -> list[Record]:
        """Reminders of it that there are, by number."""
        named = {each.id for each in self.messages.values()
                 if each.get("purpose") == "reminder" and owed.ref in (each.get("about") or ())}  # fmt: skip
        return [self.messages[name] for name in sorted({*named, *owed.reminders}) if name in self.messages]

    def _wording(self, owed: Owed, sent: int, *, failed: bool) -> Mapping[str, Any]:
        """By how often it was reminded of; the last one again where there are no more."""
        language = str(owed.customer.get("language") or "") if owed.customer else ""
        several = self.desk.words("failed" if failed else "overdue", language)
        found: Mapping[str, Any] = several[min(sent, len(several) - 1)]
        return found

    def _name(self, owed: Owed) -> str:
        """Whom to greet: the person behind the address, else the company's name."""
        if owed.customer is None:
            return str(owed.data.get("name") or "") or str(owed.data.get("email"))
        contacts = [each for each in mappings(owed.customer.get("contacts")) if each.get("name")]
        return str(contacts[0]["name"] if contacts else owed.customer.get("name"))

    def _number(self, name: str, otherwise: int) -> int:
        value = self.settings.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else otherwise
