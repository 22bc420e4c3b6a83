"""A mailbox as a connector: mail.send and mail.read.

A server of mail knows no idempotency: it delivers what it is given, as often as it is given it. So that no mail is sent
twice, every attempt leaves marks on this machine (see `marks`), and the folder of sent mail is looked at where there is
one. What neither can answer is a question to the operator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aios.connectors.mail.attachments import attachments_of, contents
from aios.connectors.mail.marks import Mark, Marks, Phase
from aios.connectors.mail.message import mail_of
from aios.connectors.mail.payload import PAYLOAD, attached, shown
from aios.connectors.mail.reading import PARAMS, RESULT, collect
from aios.connectors.mail.settings import SETTINGS, Mailbox, mailbox_of
from aios.connectors.surroundings import Surroundings
from aios.domain.effect import Capability, Collected, Effect, Lookup, Outcome, Preview, Receipt, parts
from aios.domain.event import one_line
from aios.domain.finding import Finding, Severity
from aios.errors import AiosError, CredentialsError, RefusedError, TransientError

__all__ = ["CAPABILITIES", "SETTINGS", "MailConnector", "connect"]

SEND = Capability(
    "mail.send",
    writes=True,
    payload=PAYLOAD,
    summary="Send a mail to each recipient.",
    lookup="how far this machine came with it, and its Message-ID in the folder of sent mail",
    authoritative=False,
    shows="the whole mail as it is sent: headers, text, HTML, attachments; all but its date",
    each="recipients",
    late=0,  # a message whose end was not sent is none, however late the rest arrives
    transient=("4xx", "timeout", "connection"),
)
READ = Capability("mail.read", False, PARAMS, summary="Read new mail.", result=RESULT, cursor=True)
CAPABILITIES: Mapping[str, Capability] = {each.name: each for each in (SEND, READ)}
_NO_UNDO = "a mail cannot be taken back"
_MOST_COPIES = 20  # that one act makes good


def _nothing(_: str) -> None:
    return


@dataclass(frozen=True, slots=True)
class MailConnector:
    """`marks` is where attempts are noted, `root` where attachments lie. `checkpoint` is called at every boundary of an
    act, so that tests can end the process there."""

    name: str
    mailbox: Mailbox
    root: Path
    marks: Marks
    clock: Callable[[], datetime]
    checkpoint: Callable[[str], None] = _nothing

    def capabilities(self) -> Mapping[str, Capability]:
        """Those of the halves that are set up."""
        there = {SEND.name: self.mailbox.smtp, READ.name: self.mailbox.imap}
        return {name: each for name, each in CAPABILITIES.items() if there[name]}

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        self._offers(capability, SEND)
        recipients = list(payload.get("recipients") or ())
        return str(recipients[0]["email"]) if len(recipients) == 1 else f"{len(recipients)} recipients"

    def preview(self, effect: Effect) -> Preview:
        """Raises RefusedError where one of the mails must not be sent as it is."""
        mails = [mail_of(part, self.mailbox) for part in parts(effect, SEND)]
        if not mails:
            raise RefusedError("a mail needs a recipient", "see `recipients`")
        named = [attached(each.name, each.media_type, each.sha256) for each in attachments_of(effect.payload)]
        head, gap, rest = shown(mails[0].wire(self.clock())).partition("\n\n")
        text = "\n".join([head, *named]) + gap + rest
        subject, first = str(effect.payload["subject"]), mails[0].recipient.email
        if len(mails) == 1:
            return Preview(f"Send “{subject}” to {first}", text, reversible=False, undo=_NO_UNDO)
        everyone = "\n".join(f"- {one_line(f'{each.recipient.name} <{each.recipient.email}>')}" for each in mails)
        told = f"Each of these gets a mail of their own:\n\n{everyone}\n\nThe first of them:\n\n{text}"
        return Preview(f"Send “{subject}” to {len(mails)} recipients", told, reversible=False, undo=_NO_UNDO)

    def lookup(self, effect: Effect) -> Lookup:
        """A mark `accepted` proves that it was sent, `begun` that this machine sent nothing; a copy among the sent ones
        that it was sent, its absence nothing.

        Raises TransientError where only the folder of sent mail could tell and it cannot be reached.
        """
        mail = mail_of(effect, self.mailbox)
        mark = self.marks.get(effect.key)
        if mark and mark.phase is Phase.ACCEPTED:
            return Lookup(_outcome(mark), authoritative=True)
        try:
            where = self._among_sent(mail.id)
        except AiosError as error:
            if mark and mark.phase is Phase.SENDING and isinstance(error, TransientError):
                raise
            where = ""  # whether it can be looked at says nothing about a mail that was never begun
        if where:
            return Lookup(Outcome(mail.id, response={"message_id": mail.id, "found_in": where}), authoritative=True)
        if mark and mark.phase is Phase.BEGUN:
            return Lookup(None, authoritative=True, as_of=mark.at)
        return Lookup(None, authoritative=False)

    def act(self, effect: Effect) -> Outcome:
        """Send it, unless this machine knows that it was sent."""
        from aios.connectors.mail.smtp import Letter, deliver

        self._offers(effect.capability, SEND)
        server = self.mailbox.smtp
        if server is None:
            raise RefusedError(f"{self.name} only reads", f"`smtp` in state/connectors/{self.name}.yaml sends")
        mark = self.marks.get(effect.key)
        if mark and mark.phase is Phase.ACCEPTED:
            return _outcome(mark)
        mail = mail_of(effect, self.mailbox)
        content = mail.wire(self.clock(), contents(attachments_of(effect.payload), self.root))
        self.checkpoint("composed")
        self.marks.begin(effect.key, message_id=mail.id, at=f"{self.clock().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
        self.checkpoint("begun")

        def before_dot() -> None:
            self.checkpoint("transmitted")
            self.marks.sending(effect.key, content if self.mailbox.sent_copy else None)
            self.checkpoint("sending")

        letter = Letter(mail.sender.email, mail.recipient.email, content)
        try:
            reply = deliver(self.name, server, letter, before_dot)
        except AiosError as error:
            if isinstance(error, RefusedError) or (isinstance(error, TransientError) and not error.sent):
                with suppress(AiosError):  # where this cannot be noted, it becomes a question: never a second mail
                    self.marks.refused(effect.key)
            raise
        self.checkpoint("taken")
        with suppress(AiosError):  # the receipt says so too
            self.marks.accepted(effect.key, reply)
        self.checkpoint("accepted")
        if self.mailbox.sent_copy:
            self._copy()
        return _outcome(Mark(Phase.ACCEPTED, "", mail.id, reply))

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        del effect, receipt
        return None

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        self._offers(capability, READ)
        found = collect(self.name, self.mailbox, params, self.clock())
        for message in found.data["messages"]:
            if bounce := message["bounce"]:  # anybody can write one: is it about a mail that went out from here?
                bounce["ours"] = bool(bounce["message_id"]) and self.marks.sent(bounce["message_id"])
        return found

    def check(self) -> Sequence[Finding]:
        """Connects and logs in on both sides, and looks for the folders."""
        from aios.connectors.mail.imap import session
        from aios.connectors.mail.smtp import greet

        findings = []
        if (smtp := self.mailbox.smtp) is not None:
            findings += self._tried("mail-smtp", lambda: greet(self.name, smtp))
        if (imap := self.mailbox.imap) is not None:

            def look() -> None:
                with session(self.name, imap) as mail:
                    mail.open(self.mailbox.folder)
                    if self.mailbox.keeps_sent:
                        mail.open(self.mailbox.sent or mail.sent_folder())

            findings += self._tried("mail-imap", look)
        count, why = self.marks.uncopied()
        if count and self.mailbox.sent_copy:
            message = f"{count} sent mail{'s have' if count > 1 else ' has'} no copy among the sent ones yet: {why}"
            findings.append(self._finding("mail-copies", message, "the next mail makes it good", Severity.WARNING))
        return findings

    def _offers(self, capability: str, wanted: Capability) -> None:
        if capability != wanted.name or capability not in self.capabilities():
            raise RefusedError(
                f"{self.name} does not offer {one_line(capability)} here", f"it offers {', '.join(self.capabilities())}"
            )

    def _among_sent(self, message_id: str) -> str:
        """The folder of sent mail, where it holds the message; empty where it does not, or there is none to look in."""
        if self.mailbox.imap is None or not self.mailbox.keeps_sent:
            return ""
        from aios.connectors.mail.imap import session

        with session(self.name, self.mailbox.imap) as mail:
            folder = self.mailbox.sent or mail.sent_folder()
            return folder if mail.holds(folder, message_id) else ""

    def _copy(self) -> None:
        """Put what was sent and has no copy among the sent ones, this mail and earlier ones. What fails is noted, and
        made good by a later mail: that it was sent stays true."""
        from aios.connectors.mail.imap import session

        if self.mailbox.imap is None:
            return
        with suppress(AiosError):
            waiting = self.marks.copies(_MOST_COPIES)
            try:
                with session(self.name, self.mailbox.imap) as mail:
                    folder = self.mailbox.sent or mail.sent_folder()
                    for copy in waiting:
                        if not mail.holds(folder, copy.message_id):  # the server may have put it there itself
                            mail.append(folder, copy.content, self.clock())
                        self.checkpoint("appended")
                        self.marks.copied(copy.key)
            except AiosError as error:
                for copy in waiting:
                    self.marks.not_copied(copy.key, one_line(error.message, 300))

    def _tried(self, rule: str, work: Callable[[], object]) -> list[Finding]:
        try:
            work()
        except CredentialsError as error:
            return [self._finding(f"{rule}-login", error.message, error.hint)]
        except AiosError as error:
            return [self._finding(rule, error.message, error.hint)]
        return []

    def _finding(self, rule: str, message: str, hint: str, severity: Severity = Severity.ERROR) -> Finding:
        return Finding(f"state/connectors/{self.name}.yaml", 0, 0, rule, message, hint, severity)


def _outcome(mark: Mark) -> Outcome:
    """The same from the act and from its mark."""
    return Outcome(mark.message_id, response={"message_id": mark.message_id, "reply": mark.reply})


def connect(name: str, settings: Mapping[str, Any], around: Surroundings) -> MailConnector:
    """Raises RefusedError for settings that cannot be meant so, see `mailbox_of`."""
    marks = Marks(around.local / "mail.sqlite", name)
    return MailConnector(name, mailbox_of(settings, around), around.root, marks, around.clock)
