"""What goes wrong before a server of mail says anything, in the operator's words."""

from __future__ import annotations

import socket
import ssl
from base64 import b64encode

from aios.connectors.mail.settings import Server
from aios.domain.event import one_line
from aios.errors import AiosError, RefusedError, TransientError

_MODES = {"tls": "starttls, or none", "starttls": "tls", "none": "tls, or starttls"}


def trust(server: Server) -> ssl.SSLContext:
    """Certificates are checked, always. Raises RefusedError where `ca` cannot be read."""
    try:
        return ssl.create_default_context(cafile=str(server.ca) if server.ca else None)
    except (OSError, ssl.SSLError) as error:
        raise RefusedError(f"the certificates in {server.ca} cannot be read", "see `ca`") from error


def unreachable(name: str, server: Server, error: Exception) -> AiosError:
    """The error for a connection that was never made. Nothing was sent."""
    place = f"{server.host}:{server.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        why = one_line(error.verify_message, 120)
        hint = "is it the name that its certificate is for? `ca` names certificates of a server of your own"
        return RefusedError(f"{name}: the certificate of {place} is not trusted ({why})", hint)
    if isinstance(error, ssl.SSLError):
        reason = one_line(str(error.reason or error), 80)
        hint = f"is `security: {server.security}` right for port {server.port}? Else {_MODES[server.security]}"
        return RefusedError(f"{name}: {place} does not speak TLS as expected ({reason})", hint)
    if isinstance(error, socket.gaierror):
        hint = "is `host` right, the network up?"
        return TransientError(f"{name}: there is no host {server.host} that anybody knows", hint, sent=False)
    if isinstance(error, TimeoutError):
        hint = f"is port {server.port} right for `security: {server.security}`?"
        return TransientError(f"{name}: {place} does not answer within {server.timeout:g} s", hint, sent=False)
    reason = one_line(error.strerror or "" if isinstance(error, OSError) else str(error), 120) or type(error).__name__
    return TransientError(f"{name}: {place} cannot be reached ({reason})", "is the port right?", sent=False)


def said(reply: bytes | str, *secrets: str) -> str:
    """A server's words as one line, without what it may repeat of our credentials."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    for secret in filter(None, secrets):
        for form in (secret, b64encode(secret.encode()).decode()):
            text = text.replace(form, "[password]")
    return one_line(" ".join(text.split()), 300)
