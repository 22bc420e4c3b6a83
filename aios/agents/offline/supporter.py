"""The supporter: mail that came in becomes tickets, leads and suppressions, and each question a draft of a reply.

A reply is made of what the operator prepared, published or answered before, word for word, or says honestly that an
answer will come. Machines are never answered. What a mail says is data: it is quoted into its ticket, and nothing in it
is done, but that whoever asks to leave the list leaves it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aios.agents.offline.answers import Answer, answers, evidence
from aios.agents.offline.fields import set_front
from aios.agents.offline.front import load_yaml
from aios.agents.offline.inbound import MOST_REFERENCES, Mail, mails_of, quoted
from aios.agents.offline.letters import Letter, desk_of, rendered, taught, unclear
from aios.agents.offline.owed import day
from aios.agents.offline.people import MAIL_PROVIDERS, address, recognised
from aios.agents.offline.sorting import Sorted, sort
from aios.agents.offline.text.language import language
from aios.agents.orders import orders_in
from aios.domain.agent import AgentCall, AgentReply, Reason, Tools
from aios.domain.finding import Finding, Severity
from aios.domain.front_matter import render_markdown, render_yaml, split
from aios.domain.keys import digest
from aios.domain.record import Record, Trust
from aios.domain.slug import slug
from aios.domain.wording import counted

TICKETS, LEADS, SUPPRESSIONS = "state/tickets/", "state/leads/", "state/suppressions/"
MOST_ANSWERS = 2
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


def supporter(call: AgentCall, tools: Tools) -> AgentReply:
    """Tickets, leads, suppressions and replies of the mails that are new; and which tickets were answered since."""
    round_ = _Round(call, tools)
    round_.settle()
    mails, unreadable = mails_of(call.input["messages"])
    for mail in mails:
        round_.take(mail)
    if unreadable:
        message, hint = f"{counted(unreadable, 'mail')} had no sender or id, or came twice", "look at the mailbox"
        round_.findings.append(Finding("", 0, 0, "mail-unreadable", message, hint, Severity.WARNING))
    round_.reply()
    return round_.done(unreadable)


class _Round:
    """One call's work. `texts` are the tickets as they will be, by id; `asks` what of each wants an answer."""

    def __init__(self, call: AgentCall, tools: Tools) -> None:
        self.call, self.tools = call, tools
        self.desk = desk_of(call, tools)
        self.ours = self.desk.paragraphs()
        self.customers = tools.records("customer")
        self.tickets = {record.id: record for record in tools.records("ticket")}
        self.messages = {record.id: record for record in tools.records("message")}
        self.leads = {address(record.get("email")): record for record in tools.records("lead")}
        self.closed = {address(each.get("email")): each for each in tools.records("suppression")}
        self.of_mail = {str(name): each.id for each in self.tickets.values() for name in each.get("messages") or ()}
        self.own = {address((self.desk.company.get("owner") or {}).get("email"))} if self.desk.company else set()
        self.texts: dict[str, str] = {}
        self.asks: dict[str, list[Mail]] = {}
        self.files: dict[str, str | None] = {}
        self.reasons: list[Reason] = []
        self.findings: list[Finding] = []
        self.letters: list[Letter] = []
        self.new_leads: list[str] = []
        self.new_suppressions: list[str] = []
        self.left = 0

    # What became of earlier replies

    def settle(self) -> None:
        for ticket in self.tickets.values():
            last = self._last_reply(ticket)
            if ticket.get("status") == "open" and last is not None and last.get("status") == "sent":
                if last.get("in_reply_to") != (ticket.get("messages") or [""])[-1]:
                    continue  # they wrote again since
                text = self.tools.read(ticket.path) or ""
                self.texts[ticket.id] = set_front(text, {"status": "answered", "answered": str(last.get("sent"))})
                self.reasons.append(Reason(f"{ticket.ref} is answered", "its reply was sent", (last.ref,)))

    def _last_reply(self, ticket: Record) -> Record | None:
        names = [str(each) for each in ticket.get("replies") or ()]
        return self.messages.get(names[-1]) if names else None

    # What came in

    def take(self, mail: Mail) -> None:
        if mail.id in self.of_mail:
            self._leave(mail, "it is in a ticket already")
        elif mail.bounced:
            self._bounce(mail)
        elif mail.sender in self.own:
            self._leave(mail, "it is your own")
        elif mail.is_robot:
            self._leave(mail, "a machine wrote it, and machines are not answered")
        elif mail.leaves_list:
            self._suppress(mail, mail.sender, "unsubscribed", "they asked to leave the list")
        else:
            self._ticket(mail)

    def _leave(self, mail: Mail, why: str) -> None:
        self.left += 1
        self.reasons.append(Reason(f"left “{mail.subject}” alone", f"{why} ({mail.sender or mail.id})"))

    def _bounce(self, mail: Mail) -> None:
        if mail.for_good and not self._was_sent(mail):
            self._leave(mail, f"it says that mail to {mail.bounced} came back, but names no mail that you sent")
        elif mail.for_good:
            self._suppress(mail, mail.bounced, "bounced", "mail to it came back for good")
        else:
            self._leave(mail, f"mail to {mail.bounced} is late or came back for now")

    def _was_sent(self, mail: Mail) -> bool:
        """Is a notice about a mail of ours? Anybody can write one; our identifiers nobody can guess."""
        digits = mail.came_back.removeprefix("<").partition("@")[0]
        receipts = (str(each.get("receipt") or "").removeprefix("sha256:") for each in self.messages.values())
        return mail.was_ours or (len(digits) == 40 and any(each.startswith(digits) for each in receipts))

    def _suppress(self, mail: Mail, email: str, reason: str, why: str) -> None:
        if email in self.closed:
            self._leave(mail, f"{email} is on the suppression list already")
            return
        name = _named(email, {each.id for each in self.closed.values()})
        data = {"schema": "suppression.v1", "email": email, "reason": reason, "since": self.call.now[:10]}
        data |= {"evidence": mail.id, "run": self.call.run, "trust": Trust.EXTERNAL.value}
        self.files[f"{SUPPRESSIONS}{name}.yaml"] = render_yaml(data)
        self.closed[email] = Record("suppression", name, "", "suppression.v1", data)
        self.new_suppressions.append(name)
        self.reasons.append(Reason(f"no more mail to {email}", why, (f"suppressions/{name}",)))

    def _ticket(self, mail: Mail) -> None:
        known = next((self.of_mail[each] for each in reversed(mail.before) if each in self.of_mail), "")
        known = known or self._of_our_own(mail)
        sorted_ = sort(mail.plain_subject, mail.own, self.call.contract.settings)
        customer, why = recognised(self.customers, mail.sender)
        if known and not self._is_party(known, mail.sender, customer):
            told = f"{mail.sender} is no party to tickets/{known}, whatever the mail refers to"
            self.reasons.append(Reason(f"“{mail.subject}” has a ticket of its own", told, (f"tickets/{known}",)))
            known = ""
        name = known or self._fresh_name(mail)
        path = f"{TICKETS}{name}.md"
        if known and (known in self.texts or known in self.tickets):
            text = self.texts.get(known) or self.tools.read(path) or ""
            self.texts[known] = self._continued(text, mail, sorted_)
            self.reasons.append(Reason(f"“{mail.subject}” goes on with tickets/{name}", "it is of the same thread"))
        else:
            self.texts[name] = self._begun(mail, customer, sorted_)
            told = ", ".join(f"“{each}”" for each in sorted_.why) or "no word of the settings"
            what = f"tickets/{name}: {sorted_.category}, urgency {sorted_.urgency}"
            self.reasons.append(Reason(what, f"it says {told}" + (f"; {why}" if why else ""), (f"tickets/{name}",)))
        self.of_mail[mail.id] = name
        orders = orders_in(f"{mail.subject}\n{mail.text}", path)
        if orders:
            self.findings += orders
            self.reasons.append(
                Reason(f"no reply to tickets/{name}", "it reads like an instruction to a model: look first")
            )
            return
        self.asks.setdefault(name, []).append(mail)
        if customer is None and sorted_.category in (self.call.contract.settings.get("lead_categories") or ()):
            self._lead(mail, name)

    def _is_party(self, name: str, sender: str, customer: Record | None) -> bool:
        """Identifiers of mails are no secret: only who began a ticket, or is of the same customer, goes on with it."""
        ticket = self.tickets.get(name)
        data = load_yaml(split(self.texts[name])[0]) if name in self.texts else ticket.data if ticket else {}
        same = customer is not None and data.get("customer") == customer.id
        return same or not data or address(data.get("from")) == sender

    def _fresh_name(self, mail: Mail) -> str:
        hashed = digest(mail.id.encode()).removeprefix("sha256:")
        name = f"{slug(mail.plain_subject, limit=48)}-{hashed[:8]}"
        return f"{name}{hashed[8:32]}" if name in self.tickets or name in self.texts else name

    def _of_our_own(self, mail: Mail) -> str:
        """The ticket that a mail of ours belongs to, to which this one refers: its Message-ID holds its receipt."""
        for message in self.messages.values():
            receipt = str(message.get("receipt") or "").removeprefix("sha256:")
            if receipt and any(receipt[:16] in each for each in mail.before):
                return next((str(ref).removeprefix("tickets/") for ref in message.get("about") or ()
                             if str(ref).startswith("tickets/")), "")  # fmt: skip
        return ""

    def _begun(self, mail: Mail, customer: Record | None, found: Sorted) -> str:
        data: dict[str, Any] = {
            "schema": "ticket.v1",
            "subject": mail.plain_subject,
            "from": mail.sender,
            "name": mail.name,
            "customer": customer.id if customer else "",
            "category": found.category,
            "urgency": found.urgency,
            "why": list(found.why),
            "status": "open",
            "messages": [mail.id],
            "received": _moment(mail, self.call.now),
            "run": self.call.run,
            "trust": Trust.EXTERNAL.value,
        }
        return render_markdown({name: value for name, value in data.items() if value}, _entry(mail))

    def _continued(self, text: str, mail: Mail, found: Sorted) -> str:
        head, body, _ = split(text)
        data = load_yaml(head)
        messages = [*(data.get("messages") or ()), mail.id]
        fields: dict[str, Any] = {"status": "open", "messages": messages, "received": _moment(mail, self.call.now)}
        if found.urgency == "high":
            fields |= {"urgency": "high", "why": list(dict.fromkeys([*(data.get("why") or ()), *found.why]))}
        text = set_front(text, fields)
        return f"{text.rstrip()}\n\n{_entry(mail)}" if body.strip() else f"{text}{_entry(mail)}"

    def _lead(self, mail: Mail, ticket: str) -> None:
        if mail.sender in self.leads or mail.sender in self.closed:
            return
        name, domain = _named(mail.sender, {each.id for each in self.leads.values()}), mail.sender.rpartition("@")[2]
        data = {"schema": "lead.v1", "name": mail.name or mail.sender, "email": mail.sender}
        data |= {} if domain in MAIL_PROVIDERS else {"domain": domain}
        more = {"status": "new", "tickets": [ticket], "since": self.call.now[:10], "run": self.call.run}
        self.files[f"{LEADS}{name}.yaml"] = render_yaml(data | more | {"trust": Trust.EXTERNAL.value})
        self.leads[mail.sender] = Record("lead", name, "", "lead.v1", data)
        self.new_leads.append(name)
        self.reasons.append(Reason(f"{mail.sender} may become a customer", "nobody knows them yet", (f"leads/{name}",)))

    # What is said to it

    def reply(self) -> None:
        for name, mails in sorted(self.asks.items()):
            mail = mails[-1]
            closed = self.closed.get(mail.sender)
            if closed is not None and closed.get("reason") != "unsubscribed":
                self.reasons.append(Reason(f"no reply to tickets/{name}", f"{mail.sender} is on the suppression list"))
                continue
            head = load_yaml(split(self.texts[name])[0])
            if self.desk.dropped(name, mail.subject, mail.sender, str(head.get("customer") or "")):
                self.reasons.append(Reason(f"no reply to tickets/{name}", "you said so"))
                continue
            letter = self._letter(name, mails, head)
            self.letters.append(letter)
            self.texts[name] = set_front(self.texts[name], {"replies": [*(head.get("replies") or ()), letter.id]})

    def _letter(self, ticket: str, mails: Sequence[Mail], head: Mapping[str, Any]) -> Letter:
        """To the newest mail of a thread, on all that is new in it."""
        mail = mails[-1]
        customer = next((each for each in self.customers if each.id == head.get("customer")), None)
        speaks = str((customer.get("language") if customer else "") or self._company_language())
        known = language(speaks.partition("-")[0])
        found = answers(self.tools, mail.plain_subject, "\n".join(each.own for each in mails), known, self.ours)
        chosen = _chosen(found)
        values = {"name": mail.name or (str(customer.get("name")) if customer else mail.sender)}
        wording = self.desk.words("answer" if chosen else "holding", speaks)
        values["answer"] = "\n\n".join(self._with_link(each, speaks) for each in chosen)
        refs = tuple(f"{each.source}:{each.line}" for each in chosen)
        why = "; ".join(f"{each.how} ({each.source})" for each in chosen) or "nothing that you wrote answers it"
        self.reasons.append(Reason(f"a {'reply' if chosen else 'holding reply'} to tickets/{ticket}", why, refs))
        number = len(head.get("replies") or ()) + 1
        return Letter(
            id=slug(f"re-{ticket}") if number == 1 else slug(f"re-{ticket[:56]}-{number}"),
            subject=f"Re: {mail.plain_subject}",
            body=self.desk.filled(wording, **values),
            purpose="reply",
            to=(customer.ref,) if customer and mail.sender == address(customer.get("email")) else (mail.sender,),
            about=(f"tickets/{ticket}",),
            in_reply_to=mail.id,
            references=(*mail.before, mail.id)[-MOST_REFERENCES:],
            evidence=tuple(evidence(each) for each in chosen),
        )

    def _with_link(self, answer: Answer, speaks: str) -> str:
        if not answer.link:
            return answer.text
        more = self.desk.filled(self.desk.words("more", speaks), title=answer.title, link=answer.link)
        return f"{answer.text}\n\n{more}"

    def _company_language(self) -> str:
        return str(self.desk.company.get("language") or "en") if self.desk.company else "en"

    def done(self, unreadable: int) -> AgentReply:
        self.files |= {f"{TICKETS}{name}.md": text for name, text in self.texts.items()}
        self.files |= {letter.path: rendered(letter, self.call) for letter in self.letters}
        answered = sum(bool(letter.evidence) for letter in self.letters)
        told = [counted(len(self.texts), "ticket"), counted(answered, "reply", "replies") + " drafted"]
        if waiting := len(self.letters) - answered:
            told.append(counted(waiting, "holding reply", "holding replies"))
        if self.new_leads:
            told.append(counted(len(self.new_leads), "lead"))
        if self.new_suppressions:
            told.append(f"{counted(len(self.new_suppressions), 'address', 'addresses')} suppressed")
        summary = ", ".join(told)
        output = {
            "summary": summary,
            "tickets": sorted(self.texts),
            "replies": [letter.id for letter in self.letters],
            "leads": self.new_leads,
            "suppressions": self.new_suppressions,
            "left": self.left + unreadable,
        }
        reasons = (*self.reasons, *(taught(self.desk) if self.letters else ()))
        findings = (*self.findings, *unclear(self.desk))
        return AgentReply(output, self.files, title=summary, reasons=reasons, findings=findings)


def _named(email: str, taken: set[str]) -> str:
    """A name for an address's record that no other address has: `a.b@` and `a-b@` read alike."""
    name = slug(email.replace("@", " at "))
    return name if name not in taken else f"{name[:50].rstrip('-')}-{digest(email.encode())[7:19]}"


def _chosen(found: list[Answer]) -> list[Answer]:
    """The best, and another that is nearly as good and says something else."""
    kept: list[Answer] = []
    for each in found:
        if len(kept) == MOST_ANSWERS or (kept and each.score < 0.8 * kept[0].score):
            break
        if not any(each.text in other.text or other.text in each.text for other in kept):
            kept.append(each)
    return kept


def _entry(mail: Mail) -> str:
    """A mail as its ticket keeps it: quoted whole, names of files as well."""
    files = f"\n\n(attached, and not kept: {', '.join(mail.attachments)})" if mail.attachments else ""
    return quoted(f"{mail.text}{files}".strip()) + "\n"


def _moment(mail: Mail, now: str) -> str:
    """When it was written, as far as that can be read."""
    return mail.date if _MOMENT.fullmatch(mail.date) and day(mail.date) else now
