"""Who stands behind an address, as far as the company's records tell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from aios.domain.loose import mappings
from aios.domain.record import Record

# Whoever writes from one of these is one of millions: the domain tells nothing of them.
MAIL_PROVIDERS = frozenset({
    "aol.com", "gmail.com", "gmx.de", "gmx.net", "googlemail.com", "hotmail.com", "icloud.com", "live.com",
    "mailbox.org", "me.com", "outlook.com", "posteo.de", "proton.me", "protonmail.com", "t-online.de", "web.de",
    "yahoo.com",
})  # fmt: skip
_ADDRESS = re.compile(r"[^@\s<>\"(),;:\\]+@[^@\s<>\"(),;:\\]+\.[^@\s.<>\"(),;:\\]+\Z")


def address(value: object) -> str:
    """An address in small letters; empty for what is none."""
    text = str(value or "").strip().casefold()
    return text if len(text) <= 254 and _ADDRESS.match(text) else ""


def people_of(customer: Record) -> list[str]:
    """The addresses that a customer writes from, as far as they are known."""
    found = [
        address(customer.get("email")),
        *(address(each.get("email")) for each in mappings(customer.get("contacts"))),
    ]
    return [each for each in found if each]


def recognised(customers: Sequence[Record], email: str, account: str = "") -> tuple[Record | None, str]:
    """The customer behind an account or an address, and how that is known; by their own domain at last."""
    for customer in customers:
        accounts = customer.get("accounts")
        if account and isinstance(accounts, Mapping) and account in accounts.values():
            return customer, f"the account {account} is theirs"
    for customer in customers:
        if email and email in people_of(customer):
            return customer, f"{email} is their address"
    domain = email.rpartition("@")[2]
    if not domain or domain in MAIL_PROVIDERS:
        return None, ""
    same = [customer for customer in customers if str(customer.get("domain") or "").casefold() == domain]
    return (same[0], f"{domain} is their domain") if len(same) == 1 else (None, "")
