"""What the operator says of their mailbox, as a schema and as values."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aios.connectors.mail.addresses import Address, address_of
from aios.connectors.surroundings import Surroundings
from aios.errors import RefusedError

_SECURITY = {
    "enum": ["tls", "starttls", "none"],
    "description": "tls where left out; none only to this machine where there is a password.",
}
_SERVER: Mapping[str, Any] = {
    "host": {"type": "string", "minLength": 1, "maxLength": 253, "pattern": r"^[^\s/@]+$"},
    "port": {"type": "integer", "minimum": 1, "maximum": 65_535, "description": "The usual one where left out."},
    "security": _SECURITY,
    "username": {"type": "string", "minLength": 1, "maxLength": 320, "pattern": r"^[^\x00-\x1f\x7f]+$"},
    "password": {
        "type": "object",
        "required": ["env"],
        "additionalProperties": False,
        "properties": {"env": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}},
        "description": "The environment variable that holds it: {env: MAIL_PASSWORD}.",
    },
    "ca": {"type": "string", "minLength": 1, "description": "A file of certificates to trust, of a server of yours."},
    "timeout": {"type": "number", "exclusiveMinimum": 0, "maximum": 600, "description": "Seconds for an answer; 30."},
}
_TOGETHER = {"username": ["password"], "password": ["username"]}
_FOLDER = {"type": "string", "minLength": 1, "maxLength": 250, "pattern": r"^[^\x00-\x1f\x7f]+$"}
UNSUBSCRIBE: Mapping[str, Any] = {
    "type": "string",
    "maxLength": 800,
    "pattern": r"^(?:https://|mailto:)[!-;=?-~]+$",
    "patternErrorMessage": "an address starts with https:// or mailto: and has no blanks",
    "description": "Where readers take themselves off a list; {email} stands for their address.",
}
PERSON: Mapping[str, Any] = {
    "type": "object",
    "required": ["email"],
    "additionalProperties": False,
    "properties": {
        "email": {"type": "string", "minLength": 3, "maxLength": 254},
        "name": {"type": "string", "maxLength": 200},
    },
}
SETTINGS: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "anyOf": [{"required": ["smtp", "from"]}, {"required": ["imap"]}],
    "dependencies": {"smtp": ["from"]},
    "properties": {
        "smtp": {
            "type": "object",
            "required": ["host"],
            "additionalProperties": False,
            "dependencies": _TOGETHER,
            "properties": dict(_SERVER),
            "description": "The server that mail is handed to. Nothing is sent where left out.",
            "x-only": "writes",  # its secrets are given to no job that only reads
        },
        "imap": {
            "type": "object",
            "required": ["host", "username", "password"],
            "additionalProperties": False,
            "properties": {
                **_SERVER,
                "folder": {**_FOLDER, "description": "What is read; INBOX where left out."},
                "sent": {**_FOLDER, "description": "Where sent mail is kept; where left out the one marked so."},
            },
            "description": "The server that mail is read from. Nothing is read where left out.",
        },
        "from": {**PERSON, "description": "Who sends."},
        "reply_to": {"type": "string", "minLength": 3, "maxLength": 254, "description": "Where answers go to."},
        "sent_copy": {
            "enum": ["append", "none"],
            "description": "append puts a copy into the folder of sent mail, for providers that do not; none else.",
        },
        "unsubscribe": UNSUBSCRIBE,
    },
}
_PORTS = {"smtp": {"tls": 465, "starttls": 587, "none": 25}, "imap": {"tls": 993, "starttls": 143, "none": 143}}


@dataclass(frozen=True, slots=True)
class Server:
    """`password` gives the secret when it is needed, and raises RefusedError where it is not set. `ca` is a file of
    certificates, None for those that the machine trusts; `timeout` is in seconds, for one answer."""

    host: str
    port: int
    security: str
    username: str = ""
    password: Callable[[], str] = field(default=str, repr=False)
    ca: Path | None = None
    timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The settings, with defaults. `sent` is empty where the server is to say which folder that is."""

    smtp: Server | None = None
    imap: Server | None = None
    sender: Address | None = None
    reply_to: str = ""
    folder: str = "INBOX"
    sent: str = ""
    sent_copy: bool = False
    unsubscribe: str = ""

    @property
    def keeps_sent(self) -> bool:
        """Is there a folder in which what was sent can be looked for?"""
        return self.imap is not None and (self.sent_copy or bool(self.sent))


def mailbox_of(settings: Mapping[str, Any], around: Surroundings) -> Mailbox:
    """Raises RefusedError for an address that is none, and for a password that would travel in the open."""
    imap = settings.get("imap") or {}
    copies = settings.get("sent_copy", "none") == "append"
    if copies and not imap:
        raise RefusedError("`sent_copy: append` needs `imap`", "say where the folder is, or leave `sent_copy` out")
    sender = settings.get("from")
    reply_to = str(settings.get("reply_to", ""))
    return Mailbox(
        smtp=_server("smtp", settings["smtp"], around) if settings.get("smtp") else None,
        imap=_server("imap", imap, around) if imap else None,
        sender=address_of(sender) if sender else None,
        reply_to=address_of({"email": reply_to}).email if reply_to else "",
        folder=str(imap.get("folder", "INBOX")),
        sent=str(imap.get("sent", "")),
        sent_copy=copies,
        unsubscribe=str(settings.get("unsubscribe", "")),
    )


def _server(which: str, settings: Mapping[str, Any], around: Surroundings) -> Server:
    host, security = str(settings["host"]), str(settings.get("security", "tls"))
    secret = settings.get("password")
    if secret and security == "none" and not _is_here(host):
        raise RefusedError(
            f"`{which}`: the password would travel unencrypted to {host}", "`security: tls`, or starttls"
        )
    return Server(
        host=host,
        port=int(settings.get("port", _PORTS[which][security])),
        security=security,
        username=str(settings.get("username", "")),
        password=(lambda: around.need(secret)) if secret else str,
        ca=around.path(str(settings["ca"])) if settings.get("ca") else None,
        timeout=float(settings.get("timeout", 30.0)),
    )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.casefold() == "localhost"
