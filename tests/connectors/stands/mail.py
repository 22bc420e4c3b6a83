"""A server of mail in this process: takes mail by SMTP (RFC 5321), lets one user read theirs by IMAP (RFC 3501).

It knows what the connector uses of both, and no more. Whoever's name begins with `nobody` has no mailbox, and `later`
is taken only when asked a second time. What arrives lies in INBOX, whoever it is to.
"""

from __future__ import annotations

import re
import socketserver
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from email.utils import parsedate_to_datetime
from threading import Lock, Thread
from typing import Any

from tests.connectors.stands import Stand

USER, PASSWORD = "ann@mail.test", "s3cret-value-nobody-may-see"  # the secret of the cases
CUT = b""  # as an answer: the connection ends without one


@dataclass
class Stored:
    uid: int
    content: bytes
    flags: set[str] = field(default_factory=set)
    received: str = "09-Mar-2026 10:00:00 +0000"


@dataclass
class Post:
    """What the server holds. `answers` replaces what SMTP says to a verb (`.` is the end of a message, which is taken
    all the same where its replacement is CUT); `size` is the largest message, `imap_up` whether IMAP works."""

    folders: dict[str, list[Stored]] = field(default_factory=lambda: {"INBOX": [], "Gesendete Entwürfe": []})
    validity: int = 7
    answers: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    greylisted: set[str] = field(default_factory=set)
    size: int = 10_000_000
    imap_up: bool = True
    lock: Lock = field(default_factory=Lock)
    uids: Iterator[int] = field(default_factory=lambda: iter(range(11, 100_000)))

    def store(self, folder: str, content: bytes, *flags: str, received: str = "") -> None:
        with self.lock:
            stored = Stored(next(self.uids), content, set(flags))
            stored.received = received or stored.received
            self.folders[folder].append(stored)

    def held(self) -> Any:
        with self.lock:
            return {
                name: [(each.uid, each.content, sorted(each.flags)) for each in messages]
                for name, messages in self.folders.items()
            }


class _Lines(socketserver.StreamRequestHandler):
    timeout = 20

    def say(self, text: str | bytes) -> None:
        self.wfile.write((text if isinstance(text, bytes) else text.encode()) + b"\r\n")

    def line(self) -> bytes:
        found = self.rfile.readline()
        if not found:
            raise ConnectionError
        return found.rstrip(b"\r\n")

    def handle(self) -> None:
        with suppress(OSError):
            self.talk()

    def talk(self) -> None:
        raise NotImplementedError


class _Smtp(_Lines):
    post: Post

    known = False
    recipient = ""

    def talk(self) -> None:
        going = self._answer("banner", "220 mail.test")
        while going:
            line = self.line().decode("latin-1")
            verb = line.split(" ")[0].upper()
            self.post.asked.append(line)
            done: Callable[[str], bool] | None = getattr(self, f"on_{verb.lower()}", None)
            going = done(line) if done else self._answer(verb, "502 what?")

    def on_ehlo(self, line: str) -> bool:
        return self._answer("EHLO", f"250-mail.test\r\n250-SIZE {self.post.size}\r\n250-AUTH PLAIN\r\n250 8BITMIME")

    def on_auth(self, line: str) -> bool:
        self.known = self._knows(line)
        return self._answer("AUTH", "235 welcome" if self.known else f"535 5.7.8 not with {line}")

    def on_mail(self, line: str) -> bool:
        self.recipient = ""
        return self._answer("MAIL", "250 ok" if self.known else "530 5.7.0 log in first")

    def on_rcpt(self, line: str) -> bool:
        self.recipient = line.partition("<")[2].partition(">")[0]
        return self._answer("RCPT", self._takes(self.recipient))

    def on_data(self, line: str) -> bool:
        if not self._answer("DATA", "354 go on" if self.recipient else "503 who to?"):
            return False
        return self._message(self.recipient) if self.recipient and "DATA" not in self.post.answers else True

    def on_quit(self, line: str) -> bool:
        self._answer("QUIT", "221 bye")
        return False

    def _answer(self, verb: str, usual: str) -> bool:
        answer = self.post.answers.get(verb, usual)
        if answer != CUT:
            self.say(answer)
        return answer != CUT

    def _knows(self, line: str) -> bool:
        from base64 import b64decode

        given = b64decode(line.split(" ")[2]).decode()
        return given == f"\0{USER}\0{PASSWORD}"

    def _takes(self, recipient: str) -> str:
        if recipient.startswith("nobody"):
            return "550 5.1.1 no such mailbox"
        if recipient.startswith("later") and recipient not in self.post.greylisted:
            self.post.greylisted.add(recipient)
            return "451 4.7.1 greylisted, come back later"
        return "250 ok"

    def _message(self, recipient: str) -> bool:
        lines = []
        while (line := self.line()) != b".":
            lines.append(line[1:] if line.startswith(b".") else line)
        answer = self.post.answers.get(".", b"250 2.0.0 queued as 4711")
        if answer[:1] in {b"", b"2"}:
            content = b"\r\n".join([*lines, b""])
            self.post.store("INBOX", content)
            subject = message_from_bytes(content, policy=default)["Subject"]
            self.post.sent[f"{recipient}: {subject}"] += 1
        return self._answer(".", answer.decode())


class _Imap(_Lines):
    post: Post

    def talk(self) -> None:
        if not self.post.imap_up:
            return
        self.folder = ""
        known = False
        self.say("* OK ready")
        while True:
            tag, _, rest = self.line().decode().partition(" ")
            verb, _, words = rest.partition(" ")
            verb = verb.upper()
            if verb == "UID":
                verb, _, words = words.partition(" ")
            if verb == "LOGIN":
                known = words == f'{USER} "{PASSWORD}"'
                self.say(f"{tag} OK done" if known else f"{tag} NO [AUTHENTICATIONFAILED] not with {words}")
            elif verb == "LOGOUT":
                self.say(f"* BYE\r\n{tag} OK done")
                return
            elif verb == "CAPABILITY":
                self.say(f"* CAPABILITY IMAP4rev1\r\n{tag} OK done")
            elif not known:
                self.say(f"{tag} NO log in first")
            else:
                done: Callable[[str], str] | None = getattr(self, f"on_{verb.lower()}", None)
                self.say(f"{tag} {done(words) if done else 'BAD what?'}")

    def on_list(self, _: str) -> str:
        self.say('* LIST (\\HasNoChildren) "/" INBOX')
        self.say('* LIST (\\HasNoChildren \\Sent) "/" "Gesendete Entw&APw-rfe"')
        return "OK done"

    def on_examine(self, words: str) -> str:
        name = words.strip('"').replace("&APw-", "ü")
        if name not in self.post.folders:
            return "NO no such folder"
        self.folder = name
        following = max((each.uid for each in self.post.folders[name]), default=0) + 1
        self.say(f"* {len(self.post.folders[name])} EXISTS")
        self.say(f"* OK [UIDVALIDITY {self.post.validity}] so\r\n* OK [UIDNEXT {following}] so")
        return "OK [READ-ONLY] done"

    def on_search(self, words: str) -> str:
        messages = self.post.folders[self.folder]
        uids = [each.uid for each in messages]
        if found := re.search(r"UID (\d+):\*", words):  # a range that ends with * holds the last message, always
            uids = [uid for uid in uids if uid >= min(int(found[1]), max(uids))]
        if found := re.search(r"SINCE (\S+)", words):
            start = parsedate_to_datetime(found[1].replace("-", " ") + " 00:00:00 +0000").date()
            days = {e.uid: parsedate_to_datetime(e.received.replace("-", " ", 2)).date() for e in messages}
            uids = [uid for uid in uids if days[uid] >= start]
        if found := re.search(r'HEADER Message-ID "([^"]+)"', words):
            uids = [each.uid for each in messages if found[1].encode() in each.content]  # anywhere: loosely
        self.say(" ".join(["* SEARCH", *map(str, uids)]))
        return "OK done"

    def on_fetch(self, words: str) -> str:
        wanted, _, items = words.partition(" ")
        for number, each in enumerate(self.post.folders[self.folder], 1):
            if str(each.uid) not in wanted.split(","):
                continue
            if "SIZE" in items:
                moment = f'INTERNALDATE "{each.received}"'
                self.say(f"* {number} FETCH (UID {each.uid} RFC822.SIZE {len(each.content)} {moment})")
                continue
            assert "BODY.PEEK[" in items, "whatever else marks it as seen"
            body = each.content
            if "HEADER.FIELDS" in items:
                found = re.search(rb"(?im)^message-id:.*$", each.content.partition(b"\r\n\r\n")[0])
                body = (found[0].rstrip() if found else b"") + b"\r\n\r\n"
            elif part := re.search(r"<0\.(\d+)>", items):
                body = body[: int(part[1])]
            self.wfile.write(b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (number, each.uid, len(body), body))
        return "OK done"

    def on_append(self, words: str) -> str:
        found = re.match(r'"([^"]+)" \(\\Seen\) "[^"]+" \{(\d+)\}\Z', words)
        assert found, words
        name = found[1].replace("&APw-", "ü")
        if name not in self.post.folders:
            return "NO [TRYCREATE] no such folder"
        self.say("+ go on")
        content = self.rfile.read(int(found[2]))
        self.line()
        self.post.store(name, content, "\\Seen")
        return "OK done"


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is none of ours."""


@dataclass(frozen=True)
class MailStand(Stand):
    post: Post


def serve(*, sent_copy: str = "append") -> MailStand:
    post = Post()
    servers = [_Server(("127.0.0.1", 0), type(kind.__name__, (kind,), {"post": post})) for kind in (_Smtp, _Imap)]
    threads = [Thread(target=server.serve_forever, args=(0.02,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    smtp, imap = (f"127.0.0.1:{server.server_address[1]}" for server in servers)

    def stop() -> None:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()

    return MailStand(
        address=smtp,
        settings=lambda address: settings(address, imap, sent_copy=sent_copy),
        count=lambda: Counter(post.sent),
        snapshot=post.held,
        stop=stop,
        post=post,
    )


def settings(smtp: str, imap: str, *, sent_copy: str = "append", user: str = USER) -> dict[str, Any]:
    """A connector's settings for two servers on this machine; the password is the secret TOKEN."""
    return {
        "smtp": _server(smtp, user),
        "imap": _server(imap, user),
        "from": {"email": user, "name": "Ann Äpfel"},
        "sent_copy": sent_copy,
        "unsubscribe": "https://mail.test/leave?who={email}",
    }


def _server(address: str, user: str) -> Mapping[str, Any]:
    host, _, port = address.rpartition(":")
    login = {"username": user, "password": {"env": "TOKEN"}}
    return {"host": host, "port": int(port), "security": "none", "timeout": 5, **login}
