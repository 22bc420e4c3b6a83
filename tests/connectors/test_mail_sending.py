"""Sending mail: what goes out is what was shown, every refusal is clear, and nothing is ever sent twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aios.connectors.mail.connector import SETTINGS, MailConnector
from aios.connectors.mail.marks import Phase
from aios.connectors.mail.message import mail_of
from aios.connectors.mail.payload import PAYLOAD, shown
from aios.connectors.mail.settings import Mailbox
from aios.connectors.registry import Sinks, load
from aios.domain.effect import Effect, parts
from aios.domain.keys import digest
from aios.effects.executor import Ask, Desk, execute, settle
from aios.effects.ledger import Ledger
from aios.errors import AiosError, CredentialsError, RefusedError, TransientError
from aios.store.git import Git
from aios.store.trees import EmptyTree, OverlayTree
from tests.connectors.cases import MAIL, NOW, SECRET
from tests.connectors.mailing import connector, die_everywhere, mail
from tests.connectors.stands.mail import CUT, MailStand, serve

SENT = "Gesendete Entwürfe"


@pytest.fixture
def stand() -> Iterator[MailStand]:
    started = serve()
    yield started
    started.stop()


@pytest.fixture
def here(stand: MailStand, tmp_path: Path) -> MailConnector:
    return connector(stand, tmp_path)


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def arrived(stand: MailStand) -> list[bytes]:
    return [each.content for each in stand.post.folders["INBOX"]]


# What goes out


def test_what_arrives_is_what_was_shown(stand: MailStand, here: MailConnector, tmp_path: Path) -> None:
    (tmp_path / "offer.pdf").write_bytes(b"%PDF-1.7\r\n.\r\n")
    attachment = {"name": "Angebot für Zoë — März, endgültig.pdf", "media_type": "application/pdf", "path": "offer.pdf"}
    effect = mail(
        here,
        attachments=[{**attachment, "sha256": digest(b"%PDF-1.7\r\n.\r\n")}],
        in_reply_to="<q@x.example>",
        references=["<p@x.example>"],
    )
    preview = here.preview(effect)
    here.act(effect)
    (content,) = arrived(stand)
    assert shown(content) == preview.text
    assert max(map(len, content.split(b"\r\n"))) <= 78
    assert content.isascii()
    message = read(content)
    assert message["Subject"] == "Grüße — a greeting"
    assert message["To"].addresses[0].display_name == "Ben Öl"
    assert message["References"] == "<p@x.example> <q@x.example>"
    assert message["Date"].datetime == NOW
    assert message["Auto-Submitted"] is None
    assert [part.get_filename() for part in message.iter_attachments()] == [attachment["name"]]
    plain = message.get_body(("plain",))
    assert plain is not None
    assert "our site <https://test.example/a?b=1&c=2>" in plain.get_content()
    assert "<script>" not in str(message.get_body(("html",)))


def test_the_same_effect_is_the_same_message(here: MailConnector) -> None:
    effect = mail(here)
    first, second = (mail_of(effect, here.mailbox).wire(NOW) for _ in range(2))
    assert first == second
    other = mail_of(mail(here, subject="Another"), here.mailbox)
    assert other.id not in first.decode()


def test_each_recipient_gets_a_mail_of_their_own(stand: MailStand, here: MailConnector) -> None:
    several = [{"email": "ben@mail.test"}, {"email": "cleo@mail.test"}]
    effect = mail(here, recipients=several, list={"name": "News"})
    preview = here.preview(effect)
    assert "2 recipients" in preview.summary
    assert "cleo@mail.test" in preview.text
    for part in parts(effect, here.capabilities()["mail.send"]):
        here.act(part)
    first, second = map(read, arrived(stand))
    assert (first["To"], second["To"]) == ("ben@mail.test", "cleo@mail.test")
    assert first["Message-ID"] != second["Message-ID"]
    assert first["List-Unsubscribe"] == "<https://mail.test/leave?who=ben%40mail.test>"
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert first["Auto-Submitted"] == "auto-generated"
    with pytest.raises(RefusedError, match="one recipient"):
        here.act(effect)


def letters(header: str) -> str:
    return str(make_header(decode_header(" ".join(header.split()))))


_NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200)


@settings(max_examples=150, deadline=None)
@given(subject=_NAMES.filter(lambda text: text.split() != []), name=_NAMES, body=st.text(max_size=400))
def test_whatever_is_said_arrives_as_it_was_said(subject: str, name: str, body: str) -> None:
    """Of headers, all; another parser than ours reads them."""
    payload = {**MAIL, "subject": subject, "recipients": [{"email": "b@x.example", "name": name}], "markdown": body}
    effect = Effect("post", "mail.send", "b@x.example", {**payload, "from": {"email": "a@x.example"}})
    content = mail_of(effect, Mailbox()).wire(NOW)
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")
    message = message_from_bytes(content)
    assert letters(message["Subject"]).split() == subject.split()
    person = parseaddr(" ".join(message["To"].split()))
    assert (person[1], letters(person[0]).split()) == ("b@x.example", name.split())
    assert set(message.keys()) == {
        "From", "To", "Subject", "Message-ID", "Date", "MIME-Version", "Content-Type"
    }  # fmt: skip


# Wrong input


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"subject": "Hello\r\nBcc: all@x.example"}, "the subject has a character"),
        ({"subject": "Hello\u2028"}, "the subject has a character"),
        ({"subject": "   "}, "the subject is empty"),
        ({"recipients": [{"email": "ben@x.example", "name": "Ben\nBcc: x@x.example"}]}, "the name of ben@x.example"),
        ({"recipients": [{"email": "ben"}]}, "`ben` is no address"),
        ({"recipients": [{"email": "ben@x.example\r\nRCPT TO:<x@x.example>"}]}, "is no address"),
        ({"recipients": [{"email": "ben @x.example"}]}, "is no address"),
        ({"recipients": [{"email": "ben>@x.example"}]}, "is no address"),
        ({"recipients": [{"email": "ben@-x-.example"}]}, "its domain is none"),
        ({"recipients": [{"email": "ben@[127.0.0.1]"}]}, "its domain is none"),
        ({"recipients": [{"email": "ben@127.0.0.1"}]}, "its domain is none"),
        ({"recipients": [{"email": "a@b@x.example"}]}, "is no address"),
        ({"recipients": [{"email": "zoë@x.example"}]}, "SMTPUTF8"),
        ({"recipients": [{"email": f"{'a' * 65}@x.example"}]}, "is no address"),
        ({"recipients": []}, "one recipient"),
        ({"in_reply_to": "<a@x> <b@x>"}, "identifies no message"),
        ({"references": ["<a@x.example>\r\nX: y"]}, "identifies no message"),
        ({"reply_to": "nobody in particular"}, "is no address"),
        ({"from": {"email": "x"}}, "is no address"),
        ({"attachments": [{"path": "x.txt", "name": "../x.txt"}]}, "no name for an attachment"),
        ({"attachments": [{"path": "x.txt", "name": "a\r\nb"}]}, "the name of an attachment"),
        ({"attachments": [{"path": "x.txt", "media_type": "message/rfc822"}]}, "no media type"),
        ({"attachments": [{"path": "x.txt", "sha256": f"sha256:{'0' * 64}"}]}, "is not the file that was approved"),
        ({"attachments": [{"path": "missing.txt"}]}, "cannot be read: No such file"),
        ({"attachments": [{"path": "../outside.txt"}]}, "lies outside of the company"),
        ({"attachments": [{"path": "link.txt"}]}, "lies outside of the company"),
        ({"attachments": [{"path": ".env"}]}, "is hidden"),
        ({"attachments": [{"path": "folder"}]}, "is no file"),
        ({"attachments": [{"path": "a\0b"}]}, "cannot be read"),
    ],
)
def test_what_must_not_be_sent_is_refused_before_anything_is(
    stand: MailStand, tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    root = tmp_path / "company"
    here = connector(stand, root)
    (tmp_path / "outside.txt").write_text("x")
    (root / "link.txt").symlink_to(tmp_path / "outside.txt")
    (root / "folder").mkdir()
    for name in ("x.txt", ".env"):
        (root / name).write_text("x")
    usual = {"name": "x.txt", "media_type": "text/plain", "sha256": digest(b"x")}
    if "attachments" in changed:
        changed = {"attachments": [{**usual, **each} for each in changed["attachments"]]}
    effect = Effect("post", "mail.send", "x", {**MAIL, **changed}, "run", "send", "")
    with pytest.raises(RefusedError, match=said):
        here.act(effect)
    assert stand.post.asked == []
    assert here.marks.get(effect.key) is None


def test_a_domain_of_any_letters_is_written_in_ascii(stand: MailStand, here: MailConnector) -> None:
    here.act(mail(here, recipients=[{"email": "info@Bücher.example"}]))
    assert "RCPT TO:<info@xn--bcher-kva.example>" in stand.post.asked


def test_a_list_that_nobody_can_leave_is_refused(stand: MailStand, tmp_path: Path) -> None:
    here = connector(stand, tmp_path, unsubscribe=None)
    with pytest.raises(RefusedError, match="how to leave it"):
        here.preview(mail(here, list={"name": "News"}))


@pytest.mark.parametrize("subject", ["Hello\nBcc: x@x.example", "", " \t "])
def test_the_schema_refuses_what_is_no_subject(subject: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**MAIL, "subject": subject}, PAYLOAD)


# Settings


def declared(settings: dict[str, Any], tmp_path: Path) -> tuple[Any, list[str]]:
    data = {"schema": "connector.v1", "use": "mail", "settings": settings}
    tree = OverlayTree(EmptyTree(), {"state/connectors/it.yaml": yaml.safe_dump(data).encode()})
    connectors, findings = load(
        tree, root=tmp_path, local=tmp_path, secret=lambda _: None, clock=lambda: NOW, sinks=Sinks(lambda _: None)
    )
    return connectors.get("it"), [each.message for each in findings]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"smtp": {"host": "x.example", "security": "none"}}, "would travel unencrypted to x.example"),
        ({"smtp": {"host": "127.0.0.1.x.example", "security": "none"}}, "would travel unencrypted"),
        ({"from": {"email": "nobody"}}, "is no address"),
        ({"reply_to": "nobody"}, "is no address"),
        ({"sent_copy": "append"}, "needs `imap`"),
        ({"smtp": {"host": "x.example", "password": "hunter2"}}, "password"),
        ({"unsubscribe": "javascript:alert(1)"}, "settings.unsubscribe"),
        ({"smtp": {"host": "x.example", "port": 0}}, "port"),
    ],
)
def test_settings_that_cannot_be_meant_are_findings(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    login = {"username": "a", "password": {"env": "TOKEN"}}
    right: dict[str, Any] = {"smtp": {"host": "x.example"}, "from": {"email": "a@x.example"}}
    merged = {**right, **wrong}
    merged["smtp"] = {**login, **merged["smtp"]}
    found, messages = declared(merged, tmp_path)
    assert found is None
    assert said in " ".join(messages)


def test_either_half_may_be_missing(stand: MailStand, tmp_path: Path) -> None:
    sends = connector(stand, tmp_path / "sends", imap=None, sent_copy="none")
    assert list(sends.capabilities()) == ["mail.send"]
    assert sends.act(mail(sends)).sent
    none: dict[str, Any] = {"from": None, "sent_copy": "none"}
    reads = connector(stand, tmp_path / "reads", smtp=None, **none)
    assert list(reads.capabilities()) == ["mail.read"]
    assert reads.read("mail.read", {}).data["messages"][0]["subject"] == MAIL["subject"]
    with pytest.raises(RefusedError, match="does not offer"):
        reads.act(mail(sends))
    jsonschema.validate(stand.settings(stand.address), SETTINGS)


# What a server may say


@pytest.mark.parametrize(
    ("verb", "answer", "kind", "sent"),
    [
        ("banner", b"421 busy", TransientError, False),
        ("banner", b"554 not you", RefusedError, False),
        ("banner", CUT, TransientError, False),
        ("MAIL", b"550 not from you", RefusedError, False),
        ("MAIL", b"530 log in", CredentialsError, False),
        ("MAIL", b"452 full", TransientError, False),
        ("MAIL", CUT, TransientError, False),
        ("RCPT", b"550 5.1.1 unknown", RefusedError, False),
        ("RCPT", b"450 greylisted", TransientError, False),
        ("RCPT", CUT, TransientError, False),
        ("RCPT", b"what is this", TransientError, False),
        ("DATA", b"554 no", RefusedError, False),
        ("DATA", b"451 later", TransientError, False),
        ("DATA", CUT, TransientError, False),
        (".", b"554 5.7.1 spam", RefusedError, False),
        (".", b"451 later", TransientError, False),
        (".", b"\xff\xfe", TransientError, True),
        (".", b"354 go on", TransientError, True),
        (".", CUT, TransientError, True),
    ],
)
def test_an_answer_says_whether_it_was_sent(
    stand: MailStand, here: MailConnector, verb: str, answer: bytes, kind: type[AiosError], sent: bool
) -> None:
    stand.post.answers[verb] = answer
    effect = mail(here)
    with pytest.raises(kind) as caught:
        here.act(effect)
    if isinstance(caught.value, TransientError):
        assert caught.value.sent == sent
    found = here.lookup(effect)
    assert (found.found, found.authoritative, found.as_of != "") == (None, not sent, not sent)
    stand.post.answers.clear()
    if not sent:
        here.act(effect)
        assert stand.count() == {f"ben@mail.test: {MAIL['subject']}": 1}


def test_a_recipient_without_a_mailbox_is_told_in_the_servers_words(here: MailConnector) -> None:
    with pytest.raises(RefusedError, match=r"refuses nobody@mail.test: 550 5.1.1 no such mailbox"):
        here.act(mail(here, recipients=[{"email": "nobody@mail.test"}]))


def test_greylisting_is_told_with_a_time_and_works_later(stand: MailStand, here: MailConnector) -> None:
    effect = mail(here, recipients=[{"email": "later@mail.test"}])
    with pytest.raises(TransientError, match="greylisted") as caught:
        here.act(effect)
    assert (caught.value.sent, caught.value.retry_after) == (False, 60)
    assert here.act(effect).sent
    assert sum(stand.count().values()) == 1


def test_a_mail_that_is_too_large_is_refused_unsent(stand: MailStand, here: MailConnector) -> None:
    stand.post.size = 500
    with pytest.raises(RefusedError, match="takes 500"):
        here.act(mail(here))
    assert not any(line.startswith("MAIL") for line in stand.post.asked)


def test_a_server_that_is_not_there_got_nothing(stand: MailStand, tmp_path: Path) -> None:
    stand.stop()
    here = connector(stand, tmp_path, sent_copy="none")
    with pytest.raises(TransientError, match="cannot be reached") as caught:
        here.act(mail(here))
    assert not caught.value.sent
    (smtp, imap) = here.check()
    assert (smtp.rule, imap.rule) == ("mail-smtp", "mail-imap")


def test_a_password_that_is_wrong_or_missing_is_told_without_it(stand: MailStand, tmp_path: Path) -> None:
    right = connector(stand, tmp_path)
    assert right.check() == []
    smtp, imap = right.mailbox.smtp, right.mailbox.imap
    assert smtp is not None
    assert imap is not None

    def wrong() -> str:
        return "hunter2-wrong"

    box = replace(right.mailbox, smtp=replace(smtp, password=wrong), imap=replace(imap, password=wrong))
    here = replace(right, mailbox=box)
    with pytest.raises(CredentialsError) as caught:
        here.act(mail(here))
    findings = here.check()
    assert [each.rule for each in findings] == ["mail-smtp-login", "mail-imap-login"]
    said = f"{caught.value} {findings}"
    assert "hunter2" not in said
    assert "aHVudGVyMi13cm9uZ" not in said
    assert "AGFubkBtYWlsLnRlc3QAaHVudGVyMi13cm9uZw" not in said  # as the server repeats it
    unset = connector(stand, tmp_path, smtp={**stand.settings(stand.address)["smtp"], "password": {"env": "UNSET"}})
    with pytest.raises(RefusedError, match="the secret UNSET is not set"):
        unset.act(mail(unset))
    assert SECRET not in repr(right)


# Never two of the same


def test_whoever_dies_anywhere_sends_once_or_is_asked(stand: MailStand, tmp_path: Path, company: Path) -> None:
    def count(subject: str) -> int:
        return stand.count()[f"ben@mail.test: {subject}"]

    assert die_everywhere(stand, tmp_path, company, count) == {
        "before claim": ("Done", 1),
        "after claim": ("Ask", 0),  # as a mark would be missing that was lost
        "before act": ("Ask", 0),
        "composed": ("Ask", 0),
        "begun": ("Done", 1),
        "transmitted": ("Done", 1),
        "sending": ("Ask", 0),
        "taken": ("Ask", 1),
        "accepted": ("Done", 1),
        "appended": ("Done", 1),
        "after act": ("Done", 1),
        "before receipt": ("Done", 1),
        "after receipt": ("Done", 1),
    }


def test_a_cut_before_the_answer_is_a_question_and_never_a_second_mail(stand: MailStand, here: MailConnector) -> None:
    stand.post.answers["."] = CUT
    effect = mail(here)
    with pytest.raises(TransientError) as caught:
        here.act(effect)
    assert caught.value.sent
    assert sum(stand.count().values()) == 1
    assert here.lookup(effect).authoritative is False
    stand.post.imap_up = False
    with pytest.raises(TransientError):  # only the sent mail could tell: later, it may
        here.lookup(effect)


def test_another_machine_finds_it_among_the_sent_ones(stand: MailStand, here: MailConnector, tmp_path: Path) -> None:
    effect = mail(here)
    done = here.act(effect)
    elsewhere = connector(stand, tmp_path / "elsewhere")
    found = elsewhere.lookup(effect)
    assert found.found is not None
    assert (found.found.external_id, found.found.response["found_in"]) == (done.external_id, SENT)
    assert elsewhere.marks.get(effect.key) is None


def test_a_mention_among_the_sent_ones_is_not_the_mail(stand: MailStand, here: MailConnector) -> None:
    effect = mail(here)
    named = mail_of(effect, here.mailbox).id
    stand.post.store(SENT, f"Message-ID: <other@x.example>\r\nReferences: {named}\r\n\r\nx\r\n".encode())
    assert here.lookup(effect).found is None


def test_a_machine_that_cannot_ask_still_sends_what_is_new(stand: MailStand, here: MailConnector) -> None:
    stand.post.imap_up = False
    effect = mail(here)
    assert here.lookup(effect).authoritative is False
    assert here.act(effect).sent


def test_a_copy_that_could_not_be_kept_is_made_good_later(stand: MailStand, here: MailConnector) -> None:
    stand.post.imap_up = False
    first, second = mail(here), mail(here, subject="Second")
    assert here.act(first).sent
    stand.post.imap_up = True
    (finding,) = here.check()
    assert finding.rule == "mail-copies"
    assert "1 sent mail has no copy" in finding.message
    here.act(second)
    assert here.check() == []
    kept = stand.post.folders[SENT]
    assert [each.flags for each in kept] == [{"\\Seen"}, {"\\Seen"}]
    assert {each.content for each in kept} == set(arrived(stand))


def test_a_copy_is_kept_once(stand: MailStand, here: MailConnector) -> None:
    """The process died between the copy and its note."""
    effect = mail(here)

    def dying(name: str) -> None:
        if name == "appended":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(here, checkpoint=dying).act(effect)
    here.act(mail(here, subject="Second"))
    assert len(stand.post.folders[SENT]) == 2


def test_without_a_place_for_marks_nothing_is_sent(stand: MailStand, here: MailConnector) -> None:
    here.marks.file.parent.mkdir(parents=True)
    here.marks.file.write_bytes(b"this is no database, and was one once" * 100)
    with pytest.raises(RefusedError, match="marks of mails cannot be kept"):
        here.act(mail(here))
    assert stand.post.asked == []


def test_marks_that_vanish_in_the_middle_stop_the_mail(stand: MailStand, here: MailConnector) -> None:
    def losing(name: str) -> None:
        if name == "transmitted":
            here.marks.file.unlink()

    with pytest.raises(RefusedError, match="is gone"):
        replace(here, checkpoint=losing).act(mail(here))
    assert sum(stand.count().values()) == 0


def test_the_mark_knows_every_phase(stand: MailStand, here: MailConnector) -> None:
    seen: dict[str, Phase | None] = {}

    def looking(name: str) -> None:
        mark = here.marks.get(effect.key)
        seen[name] = mark.phase if mark else None

    effect = mail(here)
    replace(here, checkpoint=looking).act(effect)
    assert seen == {
        "composed": None,
        "begun": Phase.BEGUN,
        "transmitted": Phase.BEGUN,
        "sending": Phase.SENDING,
        "taken": Phase.SENDING,
        "accepted": Phase.ACCEPTED,
        "appended": Phase.ACCEPTED,
    }


def test_a_mark_of_this_machine_proves_nothing_about_anothers_claim(
    stand: MailStand, tmp_path: Path, company: Path
) -> None:
    """Here it was begun and broken off, there it was sent, and both died: whoever comes back here must not send."""
    imapless: dict[str, Any] = {"imap": None, "sent_copy": "none"}
    here, there = (connector(stand, tmp_path / name, **imapless) for name in ("here", "there"))
    effect = mail(here)

    def desk(worker: str, now: str, dies: str = "") -> Desk:
        return Desk(Ledger(git), lambda: now, f"{worker}:1", lambda _: "", dying(dies), alive_on(worker))

    def alive_on(machine: str) -> Callable[[str], bool | None]:
        return lambda worker: False if worker.startswith(machine) else None

    def dying(at: str) -> Callable[[str], None]:
        def checkpoint(name: str) -> None:
            if name == at:
                raise KeyboardInterrupt

        return checkpoint

    def perform(connector: MailConnector, desk: Desk) -> object:
        return execute(effect, connector, desk, approved={effect.key}, approved_commit="0" * 40)

    with Git(company) as git:
        with pytest.raises(KeyboardInterrupt):
            perform(replace(here, checkpoint=dying("begun")), desk("here", "2026-03-09T11:59:00Z"))
        assert isinstance(perform(there, desk("there", "2026-03-09T12:30:00Z")), Ask)
        settle(Ledger(git), effect.key, happened=False, url="", now="2026-03-09T12:31:00Z", by="olga")
        with pytest.raises(KeyboardInterrupt):
            perform(there, desk("there", "2026-03-09T12:32:00Z", "after act"))
        assert here.lookup(effect).authoritative
        assert isinstance(perform(here, desk("here", "2026-03-09T13:00:00Z")), Ask)
    assert sum(stand.count().values()) == 1


def test_two_at_once_on_this_machine_send_one(stand: MailStand, here: MailConnector) -> None:
    """The other one was done between our look at the mark and our own."""

    def doing(name: str) -> None:
        if name == "composed":
            here.act(effect)

    effect = mail(here)
    with pytest.raises(TransientError, match="sent by another process") as caught:
        replace(here, checkpoint=doing).act(effect)
    assert caught.value.sent
    assert here.lookup(effect).found is not None
    assert sum(stand.count().values()) == 1
