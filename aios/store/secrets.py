"""What looks like a secret must never be in a record: git forgets nothing.

Names of environment variables are fine: `{env: STRIPE_KEY}`, `key_env: STRIPE_KEY`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aios.domain.record import Where

# Shapes that services give to their keys; each says what it is by itself.
KNOWN = re.compile(
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"
    r"|\b(?:sk|rk)_(?:live|test)_[0-9A-Za-z]{10,}"
    r"|\bsk-(?:[a-z]+-)?[0-9A-Za-z_-]{20,}"
    r"|\bwhsec_[0-9A-Za-z+/=]{16,}"
    r"|\bgh[pousr]_[0-9A-Za-z]{20,}|\bgithub_pat_[0-9A-Za-z_]{20,}|\bglpat-[0-9A-Za-z_-]{16,}"
    r"|\bxox[abeoprs]-[0-9A-Za-z-]{10,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bAIza[0-9A-Za-z_-]{30,}"
    r"|\bSG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}"
    r"|\bnpm_[0-9A-Za-z]{30,}|\bpypi-[0-9A-Za-z_-]{30,}|\bhf_[0-9A-Za-z]{30,}"
    r"|\beyJ[0-9A-Za-z_-]{10,999}\.eyJ[0-9A-Za-z_-]{10,9999}\.[0-9A-Za-z_-]{8,}"
    r"|\b[a-z][a-z0-9+.-]{1,12}://[^\s/:@]{1,64}:(?!\$\{)[^\s/@]{3,128}@"
)
_NAMED = re.compile(
    r"(?:^|[_-])(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|"
    r"secret[_-]?key|signing[_-]?key|credentials?)$",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"(?:env|keyring):\s*\S+|\$\{?[A-Z][A-Z0-9_]*\}?|\$\{\{.*\}\}|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+", re.DOTALL
)
_OPAQUE = re.compile(r"[A-Za-z0-9+_=-]{24,}")  # a key without a known shape: one long word of mixed characters


# What every match of the patterns above holds: looking for words is a hundred times as fast as matching.
_PIECES = (
    "PRIVATE KEY",
    "sk_",
    "rk_",
    "sk-",
    "whsec_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
)
_MORE_PIECES = ("xox", "AKIA", "ASIA", "AIza", "SG.", "npm_", "pypi-", "hf_", "eyJ")
_NAMES = ("pass", "secret", "token", "key", "credential", "env")


def looks_secret(text: str) -> bool:
    """Does the text hold something in the shape of a known kind of key?"""
    return KNOWN.search(text) is not None


def worth_a_look(text: str) -> bool:
    """Can a file with this text hold a secret, or a field named like one? Quick, and rarely wrong about a yes."""
    lowered = text.lower()
    return (
        any(piece in text for piece in _PIECES)
        or any(piece in text for piece in _MORE_PIECES)
        or ("://" in text and "@" in text)
        or any(name in lowered for name in _NAMES)
    )


def secrets_in(data: Mapping[str, Any], *, opaque: bool = False) -> Iterator[tuple[Where, str]]:
    """Where values look like secrets, and why. With `opaque` also long random words (for connectors' settings)."""
    stack: list[tuple[Where, Any]] = [((), data)]
    while stack:
        where, value = stack.pop()
        if isinstance(value, dict):
            stack.extend(((*where, key), item) for key, item in value.items())
        elif isinstance(value, list):
            stack.extend(((*where, index), item) for index, item in enumerate(value))
        elif isinstance(value, str) and len(value) >= 4:
            why = _why(where, value, opaque=opaque)
            if why:
                yield where, why


def _why(where: Where, value: str, *, opaque: bool) -> str:
    if len(value) >= 12 and KNOWN.search(value):
        return "has the shape of a key or a password"
    name = next((part for part in reversed(where) if isinstance(part, str)), "")
    if name == "env" or name.endswith(("_env", "-env")):
        return "" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value) else "is not the name of an environment variable"
    if " " not in value and _NAMED.search(name) and not _REFERENCE.fullmatch(value):
        return "is named like a secret and holds a value"
    if opaque and _OPAQUE.fullmatch(value) and _mixed(value) and not _REFERENCE.fullmatch(value):
        return "is a long random word, as keys are"
    return ""


def _mixed(value: str) -> bool:
    """Digits among letters, and no words joined by hyphens: not a slug, not a name."""
    digits = sum(char.isdigit() for char in value)
    return (
        digits >= 4 and any(char.isalpha() for char in value) and not re.fullmatch(r"[a-z]+(?:[-_][a-z0-9]+)+", value)
    )
