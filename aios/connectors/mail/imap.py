"""A session with a server that keeps mail. Folders are opened to be read only: nothing is ever marked as seen."""

from __future__ import annotations

import imaplib
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from aios.connectors.mail.settings import Server
from aios.connectors.mail.tls import said, trust, unreachable
from aios.errors import AiosError, CredentialsError, RefusedError, TransientError

_FLAGS_AND_NAME = re.compile(rb'\((?P<flags>[^)]*)\) (?:"(?:[^"\\]|\\.)*"|NIL) (?P<name>.+)\Z')
_ITEM = re.compile(rb"(UID|RFC822\.SIZE) (\d+)")
_INTERNAL = re.compile(rb'INTERNALDATE "([^"]{10,40})"')
_LATER = re.compile(r"\[(?:UNAVAILABLE|INUSE|LIMIT)\]", re.IGNORECASE)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder as it was when it was opened. `next` is the UID that the next message will have, or 0."""

    validity: int
    next: int


@dataclass(frozen=True, slots=True)
class Held:
    """A message on the server; `size` in bytes, `received` when the server got it (as it writes moments)."""

    uid: int
    size: int
    received: str


class Session:
    """One connection, logged in. Every method raises TransientError where the connection ends, RefusedError where the
    server says no."""

    def __init__(self, name: str, server: Server, connection: imaplib.IMAP4) -> None:
        self._name, self._server, self._imap = name, server, connection

    def open(self, folder: str) -> Opened:
        """Open a folder for reading. Raises RefusedError where there is none of that name."""
        try:
            self._do("EXAMINE", lambda: self._imap.select(_quoted(folder), readonly=True))
        except RefusedError as error:
            raise RefusedError(
                f"{self._name}: there is no folder `{folder}` to read", f"there are {self._names()}"
            ) from error
        return Opened(self._number("UIDVALIDITY"), self._number("UIDNEXT"))

    def uids(self, *criteria: str) -> list[int]:
        """The UIDs of the messages that match, ascending."""
        data = self._do("SEARCH", lambda: self._imap.uid("SEARCH", *criteria))
        return sorted({int(each) for line in data if isinstance(line, bytes) for each in line.split()})

    def held(self, uids: Sequence[int]) -> list[Held]:
        """Sizes and moments of messages, in the order of their UIDs."""
        found = []
        for line in self._fetch(uids, "(RFC822.SIZE INTERNALDATE)") if uids else ():
            text = line[0] if isinstance(line, tuple) else line
            numbers = {name.decode(): int(value) for name, value in _ITEM.findall(text)}
            moment = _INTERNAL.search(text)
            if "UID" in numbers:
                received = moment[1].decode("ascii", "replace") if moment else ""
                found.append(Held(numbers["UID"], numbers.get("RFC822.SIZE", 0), received))
        return sorted(found, key=lambda each: each.uid)

    def content(self, uid: int, limit: int) -> bytes:
        """The first `limit` bytes of a message, which stays unseen."""
        return self._literal(uid, f"(BODY.PEEK[]<0.{limit}>)")

    def holds(self, folder: str, message_id: str) -> bool:
        """Does the folder hold a message of this identifier? Searches match loosely: each find is looked at."""
        self.open(folder)
        for uid in self.uids("HEADER", "Message-ID", f'"{message_id}"'):
            if message_id.encode() in self._literal(uid, "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"):
                return True
        return False

    def sent_folder(self) -> str:
        """The folder that the server marks as the one of sent mail; `Sent` where it marks none."""
        for flags, name in self._list():
            if "\\sent" in flags.lower().split():
                return name
        return "Sent"

    def append(self, folder: str, content: bytes, at: datetime) -> None:
        """Put a message into a folder, seen. Raises RefusedError where there is no such folder."""
        moment = imaplib.Time2Internaldate(at)
        self._do("APPEND", lambda: self._imap.append(_quoted(folder), "(\\Seen)", moment, content))

    def _literal(self, uid: int, what: str) -> bytes:
        return next((line[1] for line in self._fetch([uid], what) if isinstance(line, tuple)), b"")

    def _fetch(self, uids: Sequence[int], what: str) -> list[Any]:
        data = self._do("FETCH", lambda: self._imap.uid("FETCH", ",".join(map(str, uids)), what))
        return [line for line in data if line]

    def _list(self) -> Iterator[tuple[str, str]]:
        for line in self._do("LIST", self._imap.list):
            whole = b"".join(line) if isinstance(line, tuple) else line
            found = _FLAGS_AND_NAME.search(whole or b"")
            if found:
                name = found["name"].decode("ascii", "replace").strip('"').replace("\\", "")
                yield found["flags"].decode("ascii", "replace"), _from_utf7(name)

    def _names(self) -> str:
        with suppress(AiosError):
            return said(", ".join(name for _, name in self._list())) or "none"
        return "others"

    def _number(self, name: str) -> int:
        _, data = self._imap.response(name)
        value = data[0] if data else None
        return int(value) if isinstance(value, bytes) and value.isdigit() else 0

    def _do(self, verb: str, work: Any) -> list[Any]:
        try:
            status, data = work()
        except (imaplib.IMAP4.abort, OSError, EOFError) as error:
            raise TransientError(f"{self._name}: the connection to {self._server.host} ended", "") from error
        except imaplib.IMAP4.error as error:
            raise RefusedError(
                f"{self._name}: {self._server.host} refuses {verb}: {said(_words(error))}", ""
            ) from error
        if status != "OK":
            words = said(b" ".join(each for each in data if isinstance(each, bytes)))
            raise RefusedError(f"{self._name}: {self._server.host} refuses {verb}: {words}", "")
        return list(data)


@contextmanager
def session(name: str, server: Server) -> Iterator[Session]:
    """Raises TransientError and RefusedError where there is no connection, CredentialsError for the log-in."""
    connection = _connected(name, server)
    try:
        _logged_in(name, server, connection)
        yield Session(name, server, connection)
        with suppress(imaplib.IMAP4.error, OSError):
            connection.logout()
    finally:
        with suppress(imaplib.IMAP4.error, OSError):
            connection.shutdown()


def _connected(name: str, server: Server) -> imaplib.IMAP4:
    try:
        if server.security == "tls":
            return imaplib.IMAP4_SSL(server.host, server.port, ssl_context=trust(server), timeout=server.timeout)
        connection = imaplib.IMAP4(server.host, server.port, timeout=server.timeout)
    except (imaplib.IMAP4.error, OSError, EOFError) as error:
        raise unreachable(name, server, error) from error
    if server.security == "starttls":
        try:
            connection.starttls(trust(server))
        except (imaplib.IMAP4.error, OSError, EOFError) as error:
            with suppress(imaplib.IMAP4.error, OSError):
                connection.shutdown()
            if isinstance(error, imaplib.IMAP4.error):
                message = f"{name}: {server.host}:{server.port} does not offer STARTTLS"
                raise RefusedError(message, "`security: tls`?") from error
            raise unreachable(name, server, error) from error
    return connection


def _logged_in(name: str, server: Server, connection: imaplib.IMAP4) -> None:
    password = server.password()
    hint = f"see `username` and `password` in state/connectors/{name}.yaml; some providers want an app password"
    if "LOGINDISABLED" in connection.capabilities:
        raise RefusedError(f"{name}: {server.host} takes no log-in on this connection", "`security: tls`, or starttls")
    try:
        if server.username.isascii() and password.isascii():
            connection.login(server.username, password)
        else:
            connection.authenticate("PLAIN", lambda _: f"\0{server.username}\0{password}".encode())
    except (imaplib.IMAP4.abort, OSError, EOFError) as error:
        raise TransientError(f"{name}: the connection to {server.host} ended at the log-in", "") from error
    except imaplib.IMAP4.error as error:
        words = said(_words(error), password, f"\0{server.username}\0{password}")
        if _LATER.search(words):
            raise TransientError(f"{name}: {server.host} cannot log us in now: {words}", "") from None
        raise CredentialsError(f"{name}: {server.host} refuses the log-in: {words}", hint) from None


def _words(error: imaplib.IMAP4.error) -> bytes | str:
    """The server's; the library hands them on as they came."""
    return error.args[0] if error.args and isinstance(error.args[0], bytes) else str(error)


def since(day: date) -> tuple[str, str]:
    """What to search for: messages that the server got on that day or later."""
    return "SINCE", f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}"


# Names of folders: modified UTF-7 (RFC 3501, 5.1.3)


def _quoted(folder: str) -> str:
    escaped = _to_utf7(folder).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _to_utf7(text: str) -> str:
    def coded(found: re.Match[str]) -> str:
        if found[0] == "&":
            return "&-"
        return "&" + b64encode(found[0].encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-"

    return re.sub(r"&|[^\x20-\x7e]+", coded, text)


def _from_utf7(text: str) -> str:
    from base64 import b64decode

    def plain(found: re.Match[str]) -> str:
        if not found[1]:
            return "&"
        code = found[1].replace(",", "/")
        with suppress(ValueError):
            return b64decode(code + "=" * (-len(code) % 4)).decode("utf-16-be")
        return found[0]

    return re.sub(r"&([A-Za-z0-9+,]*)-", plain, text)
