"""Mail through servers that nobody here wrote: handed to exim, kept by dovecot, read back by Python's own parser."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from aios.connectors.mail.payload import shown
from aios.domain.keys import digest
from aios.errors import CredentialsError, RefusedError, TransientError
from tests.connectors.cases import CASES, MAIL, effect, stage
from tests.connectors.mailing import connector, die_everywhere, mail
from tests.peers.mail import Mailserver, serving

pytestmark = pytest.mark.peer("mail")


@pytest.fixture(scope="module")
def server() -> Iterator[Mailserver]:
    with serving() as started:
        yield started


def subjects(server: Mailserver, user: str = "ben") -> list[str]:
    return [str(each["Subject"]) for each in server.messages(user)]


def test_what_arrives_is_what_was_shown(server: Mailserver, tmp_path: Path) -> None:
    case = replace(CASES["mail"], serve=None, settings=server.settings(server.address))
    content = bytes(range(256)) * 20
    here = stage(case, tmp_path)
    (tmp_path / "a.bin").write_bytes(content)
    attached = {"name": "März — Zahlen.bin", "media_type": "application/octet-stream", "path": "a.bin"}
    first = effect(
        here.connector,
        "mail.send",
        {**MAIL, "subject": "Erste — mit Anhang", "attachments": [{**attached, "sha256": digest(content)}]},
    )
    assert here.connector.check() == []
    preview = here.connector.preview(first)
    done = here.connector.act(first)
    (message,) = [each for each in server.arrived("ben", 1) if each["Message-ID"] == done.external_id]
    assert shown(message.as_bytes()) == preview.text
    assert message["Return-Path"] == "<ann@mail.test>"
    assert message["From"].addresses[0].display_name == "Ann Äpfel"
    (part,) = message.iter_attachments()
    assert (part.get_filename(), part.get_payload(decode=True)) == (attached["name"], content)
    (copy,) = [
        each for each in server.messages("ann", "Gesendete Entw&APw-rfe") if each["Message-ID"] == done.external_id
    ]
    assert copy.get_payload() == message.get_payload() or shown(copy.as_bytes()) == preview.text
    elsewhere = stage(case, tmp_path / "elsewhere").connector.lookup(first)
    assert elsewhere.found is not None
    assert elsewhere.found.external_id == done.external_id


def test_a_thread_goes_there_and_back(server: Mailserver, tmp_path: Path) -> None:
    ann, ben = connector(server, tmp_path / "ann"), connector(server, tmp_path / "ben", **_of(server, "ben"))
    read = ben.read("mail.read", {})
    asked = ann.act(mail(ann, subject="Eine Frage", markdown="Kommst du?\n"))
    server.arrived("ben", len(read.data["messages"]) + 1)
    (question,) = ben.read("mail.read", {"cursor": read.cursor}).data["messages"]
    assert (question["id"], question["text"]) == (asked.external_id, "Kommst du?")
    answer = {"in_reply_to": question["id"], "references": question["references"], "subject": "Re: Eine Frage"}
    ben.act(mail(ben, recipients=[question["from"]], **answer))
    server.arrived("ann", 1)
    (answered,) = [m for m in ann.read("mail.read", {}).data["messages"] if m["subject"] == "Re: Eine Frage"]
    assert (answered["in_reply_to"], answered["references"]) == (asked.external_id, [asked.external_id])
    assert answered["automatic"] is False
    assert ben.read("mail.read", {"cursor": read.cursor}).data["messages"] == [question]


def _of(server: Mailserver, user: str) -> dict[str, Any]:
    said = server.settings(server.address)
    me = f"{user}@mail.test"
    return {
        "smtp": {**said["smtp"], "username": me},
        "imap": {**said["imap"], "username": me},
        "from": {"email": me, "name": user.title()},
    }


def test_what_the_server_refuses_is_told_and_nothing_arrives(server: Mailserver, tmp_path: Path) -> None:
    here = connector(server, tmp_path)
    for recipient, subject, said in (
        ("nobody@mail.test", "None", "refuses nobody@mail.test: 550"),
        ("ben@elsewhere.test", "Relay", "relay not permitted"),
        ("ben@mail.test", "spam", "this looks like spam"),
    ):
        refused = mail(here, recipients=[{"email": recipient}], subject=subject)
        with pytest.raises(RefusedError, match=said):
            here.act(refused)
        assert here.lookup(refused).authoritative
    with pytest.raises(RefusedError, match="its server takes 4194304"):
        here.act(mail(here, markdown="x" * 4_300_000))
    assert not {"None", "Relay", "spam"} & {*subjects(server)}


def test_a_greylisted_mail_is_sent_later(server: Mailserver, tmp_path: Path) -> None:
    here = connector(server, tmp_path)
    later = mail(here, recipients=[{"email": "later@mail.test"}], subject="Later")
    with pytest.raises(TransientError, match="greylisted") as caught:
        here.act(later)
    assert not caught.value.sent
    (server.top / "later").touch()
    here.act(later)
    assert [str(each["Subject"]) for each in server.arrived("later", 1)] == ["Later"]


def test_a_mail_that_comes_back_is_known_by_what_was_sent(server: Mailserver, tmp_path: Path) -> None:
    here = connector(server, tmp_path)
    before = len(server.messages("ann"))
    done = here.act(mail(here, recipients=[{"email": "gone@broken.test"}], subject="Into the void"))
    server.arrived("ann", before + 1)
    (bounce,) = [m["bounce"] for m in here.read("mail.read", {}).data["messages"] if m["bounce"]]
    assert (bounce["email"], bounce["permanent"]) == ("gone@broken.test", True)
    assert bounce["message_id"] == done.external_id


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_certificates_are_checked(server: Mailserver, tmp_path: Path, security: str) -> None:
    smtp, imap = (server.smtps, server.imaps) if security == "tls" else (server.address, server.imap)
    said = server.settings(server.address)

    def settings(**more: str) -> dict[str, Any]:
        of = {name: {**said[name], "security": security, **more} for name in ("smtp", "imap")}
        for name, address in (("smtp", smtp), ("imap", imap)):
            of[name]["port"] = int(address.rpartition(":")[2])
        return of

    trusting = connector(server, tmp_path / "trusting", **settings(ca=str(server.ca)))
    assert trusting.check() == []
    assert trusting.act(mail(trusting, subject=f"By {security}")).sent
    careful = connector(server, tmp_path / "careful", **settings())
    assert ["is not trusted" in each.message for each in careful.check()] == [True, True]
    with pytest.raises(RefusedError, match="is not trusted"):
        careful.act(mail(careful))


def test_a_wrong_way_to_talk_is_told(server: Mailserver, tmp_path: Path) -> None:
    said = server.settings(server.address)
    here = connector(
        server, tmp_path, smtp={**said["smtp"], "security": "tls"}, imap={**said["imap"], "security": "tls"}
    )
    findings = here.check()
    assert [each.rule for each in findings] == ["mail-smtp", "mail-imap"]
    assert all("starttls" in each.hint for each in findings)


def test_a_wrong_password_is_told(server: Mailserver, tmp_path: Path) -> None:
    here = connector(server, tmp_path)
    smtp, imap = here.mailbox.smtp, here.mailbox.imap
    assert smtp is not None
    assert imap is not None
    box = replace(
        here.mailbox, smtp=replace(smtp, password=lambda: "hunter2"), imap=replace(imap, password=lambda: "hunter2")
    )
    wrong = replace(here, mailbox=box)
    assert [each.rule for each in wrong.check()] == ["mail-smtp-login", "mail-imap-login"]
    assert "hunter2" not in str(wrong.check())
    with pytest.raises(CredentialsError):
        wrong.act(mail(wrong))


def test_whoever_dies_anywhere_sends_once_or_is_asked(server: Mailserver, tmp_path: Path, company: Path) -> None:
    def count(subject: str) -> int:
        server.arrived("ben", 0)
        return subjects(server).count(subject)

    came = die_everywhere(server, tmp_path, company, count)
    asked = {boundary: sent for boundary, (what, sent) in came.items() if what == "Ask"}
    assert asked == {"after claim": 0, "before act": 0, "composed": 0, "sending": 0, "taken": 1}


def test_a_connection_cut_after_the_dot_is_never_sent_twice(server: Mailserver, tmp_path: Path) -> None:
    with cutting(server.address, b"\r\n.\r\n") as proxy:
        here = connector(server, tmp_path, proxy=proxy)
        cut = mail(here, subject="Cut off")
        with pytest.raises(TransientError) as caught:
            here.act(cut)
    assert caught.value.sent
    server.arrived("ben", 1)
    assert here.lookup(cut).authoritative is False
    assert subjects(server).count("Cut off") == 1


def test_a_connection_cut_before_the_dot_sends_nothing(server: Mailserver, tmp_path: Path) -> None:
    with cutting(server.address, b"Subject: ", waits=False) as proxy:
        here = connector(server, tmp_path, proxy=proxy)
        cut = mail(here, subject="Cut off early")
        with pytest.raises(TransientError) as caught:
            here.act(cut)
    # The end of the message may have left here before the cut was noticed: then it is a question.
    assert here.lookup(cut).authoritative is not caught.value.sent
    server.arrived("ben", 0)
    assert subjects(server).count("Cut off early") == 0


@contextmanager
def cutting(address: str, after: bytes, *, waits: bool = True) -> Iterator[str]:
    """A proxy that hands on what it gets until these bytes have gone up, waits for the server's answer to them where
    there will be one, and cuts the connection without handing it on."""
    cut, answered = Event(), Event()

    def back(up: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := up.recv(65_536):
                if cut.is_set():
                    answered.set()
                else:
                    client.sendall(data)

    def serve() -> None:
        client, _ = listening.accept()
        host, _, port = address.rpartition(":")
        with client, socket.create_connection((host, int(port))) as up:
            Thread(target=back, args=(up, client), daemon=True).start()
            seen = b""
            while data := client.recv(65_536):
                seen += data
                if after in seen:
                    cut.set()
                    up.sendall(data)
                    assert not waits or answered.wait(10)
                    return
                up.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        thread.join(10)
