"""Addresses of mail, as they may stand in an envelope and in a header."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aios.domain.event import one_line
from aios.errors import RefusedError

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*\Z")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")


@dataclass(frozen=True, slots=True)
class Address:
    """`email` is ASCII: an international domain is in its IDNA form. `name` is one line, or empty."""

    email: str
    name: str = ""

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2]


def address_of(person: Mapping[str, Any]) -> Address:
    """Of `{email, name?}`. Raises RefusedError for what no server could deliver to, or would understand in two ways."""
    given, name = str(person.get("email", "")), str(person.get("name") or "")
    shown = one_line(given, 80)
    local, at, domain = given.rpartition("@")
    if not at or not local or not domain:
        raise RefusedError(f"`{shown}` is no address", "an address is name@domain")
    if not local.isascii():
        raise RefusedError(
            f"`{shown}`: letters before the @ that are not ASCII need SMTPUTF8, which is not spoken here",
            "ask for an address in ASCII; the domain may have any letters",
        )
    if len(local) > 64 or not _LOCAL.match(local):
        raise RefusedError(f"`{shown}` is no address: `{one_line(local, 60)}`", "an address is name@domain")
    domain = _ascii(domain)
    if not domain or len(local) + len(domain) > 253:
        raise RefusedError(f"`{shown}` is no address: its domain is none", "an address is name@domain")
    return Address(f"{local}@{domain}", plain_line(name, f"the name of {shown}"))


def plain_line(text: str, what: str) -> str:
    """The text, blanks folded. Raises RefusedError where a control character or a line end is in it: in a header, that
    would be somebody else's header."""
    odd = next((char for char in text if (ord(char) < 32 and char != "\t") or 127 <= ord(char) < 160), "")
    odd = odd or next((char for char in text if char in "\u2028\u2029"), "")
    if odd or any(0xD800 <= ord(char) < 0xE000 for char in text):
        named = f"U+{ord(odd):04X}" if odd else "half a letter"
        raise RefusedError(f"{what} has a character that no line may have ({named})", "write it as one line")
    return " ".join(text.split())


def _ascii(domain: str) -> str:
    """The domain in its IDNA form; empty where it is none."""
    if not domain.isascii():
        import idna

        try:
            domain = idna.encode(domain, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return ""
    labels = domain.lower().split(".")
    return ".".join(labels) if all(map(_LABEL.match, labels)) and not labels[-1].isdigit() else ""
