"""Handing one message to a server, step by step, so that every failure says whether the server may have taken it.

Only the line with a single dot makes a message complete. Before it is sent nothing was sent at all; once the server
has answered it, that answer decides; in between nobody knows.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NoReturn

from aios.connectors.mail.settings import Server
from aios.connectors.mail.tls import said, trust, unreachable
from aios.errors import CredentialsError, RefusedError, TransientError

_NAME = "[127.0.0.1]"  # who we say we are: the machine's own name is nobody's business
_GREYLISTED = 60.0  # seconds before a server that says "later" to a recipient is worth another try
_SCANNING = 4.0  # times as long as for any other answer: contents are looked at then
_CHUNK = 64 * 1024  # bytes that one time-out is for
_CREDENTIALS = frozenset({530, 534, 535, 538})


@dataclass(frozen=True, slots=True)
class Letter:
    """An envelope and the message in it, its lines ended by CR LF."""

    sender: str
    recipient: str
    content: bytes


def deliver(name: str, server: Server, letter: Letter, before_dot: Callable[[], None]) -> str:
    """What the server said on accepting it. `before_dot` is called when all is transmitted but the end; whatever it
    raises, nothing was sent.

    Raises RefusedError and TransientError(sent=False) where the server certainly has not taken it, and
    TransientError(sent=True) where it may have.
    """
    with _session(name, server) as session:
        _fits(name, session, letter)
        with _nothing_sent(name):
            _step(name, session, "MAIL", f"FROM:<{letter.sender}>", f"the sender {letter.sender}")
            _step(name, session, "RCPT", f"TO:<{letter.recipient}>", letter.recipient, later=_GREYLISTED)
            _step(name, session, "DATA", "", "the message", wanted=3)
            content = _stuffed(letter.content)
            for start in range(0, len(content), _CHUNK):
                session.send(content[start : start + _CHUNK])
        before_dot()
        try:
            if session.sock is not None:
                session.sock.settimeout(server.timeout * _SCANNING)
            session.send(b".\r\n")
            code, reply = session.getreply()
        except (smtplib.SMTPException, OSError) as error:
            message = f"{name}: the connection ended before {server.host} said whether it takes the message"
            raise TransientError(message, "", sent=True) from error
    if code // 100 == 2:
        return said(reply)
    if code // 100 not in {4, 5}:
        raise TransientError(f"{name}: {server.host} answers {code} to the message", "", sent=True)
    return _refused(name, code, reply, "the message")


def greet(name: str, server: Server) -> None:
    """Connect and log in, and no more. Raises what `deliver` would raise until then."""
    with _session(name, server):
        return


@contextmanager
def _session(name: str, server: Server) -> Iterator[smtplib.SMTP]:
    session = _connected(name, server)
    try:
        with _nothing_sent(name):
            _encrypted(name, server, session)
            _logged_in(name, server, session)
        yield session
        with suppress(smtplib.SMTPException, OSError):
            session.quit()
    finally:  # without a word where something failed: in the middle of a message it would be taken for its text
        session.close()


def _connected(name: str, server: Server) -> smtplib.SMTP:
    try:
        if server.security == "tls":
            return smtplib.SMTP_SSL(server.host, server.port, _NAME, timeout=server.timeout, context=trust(server))
        return smtplib.SMTP(server.host, server.port, _NAME, timeout=server.timeout)
    except smtplib.SMTPConnectError as error:
        _refused(name, error.smtp_code, error.smtp_error, "to talk")
    except (smtplib.SMTPException, OSError) as error:
        raise unreachable(name, server, error) from error


def _encrypted(name: str, server: Server, session: smtplib.SMTP) -> None:
    code, reply = session.ehlo()
    if code != 250:
        code, reply = session.helo()
    if code != 250:
        _refused(name, code, reply, "to talk")
    if server.security != "starttls":
        return
    if not session.has_extn("starttls"):
        raise RefusedError(f"{name}: {server.host}:{server.port} does not offer STARTTLS", "`security: tls`?")
    try:
        session.starttls(context=trust(server))
    except smtplib.SMTPResponseException as error:
        _refused(name, error.smtp_code, error.smtp_error, "STARTTLS")
    except OSError as error:
        raise unreachable(name, server, error) from error
    session.ehlo()


def _logged_in(name: str, server: Server, session: smtplib.SMTP) -> None:
    if not server.username:
        return
    password = server.password()
    hidden = (password, f"\0{server.username}\0{password}")
    hint = f"see `username` and `password` in state/connectors/{name}.yaml; some providers want an app password"
    try:
        session.login(server.username, password)
    except smtplib.SMTPNotSupportedError:
        raise RefusedError(f"{name}: {server.host} takes no log-in here", "is it the port for submission?") from None
    except smtplib.SMTPResponseException as error:
        words = f"{error.smtp_code} {said(error.smtp_error, *hidden)}"
        if error.smtp_code // 100 == 4:
            raise TransientError(f"{name}: {server.host} cannot log us in now: {words}", "", sent=False) from None
        raise CredentialsError(f"{name}: {server.host} refuses the log-in: {words}", hint) from None
    except UnicodeEncodeError:
        raise CredentialsError(f"{name}: the user name or password is not ASCII", hint) from None


def _fits(name: str, session: smtplib.SMTP, letter: Letter) -> None:
    most = session.esmtp_features.get("size", "")
    if most.isdigit() and 0 < int(most) < len(letter.content):
        raise RefusedError(
            f"{name}: the mail has {len(letter.content)} bytes, its server takes {most}", "send a link instead"
        )


def _step(
    name: str, session: smtplib.SMTP, verb: str, words: str, what: str, *, wanted: int = 2, later: float | None = None
) -> None:
    code, reply = session.docmd(verb, words)
    if code // 100 != wanted:
        _refused(name, code, reply, what, later=later)


def _refused(name: str, code: int, reply: bytes | str, what: str, *, later: float | None = None) -> NoReturn:
    """The server said no: for now (4xx), or for good. It has taken nothing."""
    words = f"{code} {said(reply)}" if code > 0 else "what is no answer"
    if code in _CREDENTIALS:
        raise CredentialsError(f"{name}: its server wants a log-in: {words}", "see `username` and `password`")
    if code // 100 == 5:
        raise RefusedError(f"{name}: its server refuses {what}: {words}", "nothing was sent")
    raise TransientError(f"{name}: its server does not take {what} now: {words}", "", retry_after=later, sent=False)


@contextmanager
def _nothing_sent(name: str) -> Iterator[None]:
    """A connection that ends in here has delivered nothing."""
    try:
        yield
    except (smtplib.SMTPException, OSError) as error:
        reason = "no answer in time" if isinstance(error, TimeoutError) else "it was cut"
        raise TransientError(
            f"{name}: the connection to its server ended before anything was sent ({reason})", "", sent=False
        ) from error


def _stuffed(content: bytes) -> bytes:
    """All of a message but its end: lines that begin with a dot get a second one."""
    whole = content if content.endswith(b"\r\n") else content + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", whole)
