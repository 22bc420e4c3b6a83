"""The secrets that connectors name: which there are, whether they can be right, and since when they are what they are.

A value is never written. What is kept of it is a salted hash of 32 bits: enough to notice that it was replaced, and far
too little to find it by trying.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_SAME = 4  # bytes


@dataclass(frozen=True, slots=True)
class Named:
    """A secret that settings name: `where` as `settings.headers.Authorization`, `variable` of the environment, `about`
    what the connector says of such a setting (where one gets it)."""

    where: str
    variable: str
    about: str = ""

    def hint(self, connector: str) -> str:
        """What to do where it is wrong."""
        about = f": {self.about}" if self.about else ""
        return f"export {self.variable}=…  (`{self.where}` in state/connectors/{connector}.yaml{about})"


def named(settings: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Named]:
    """Every `{env: NAME}` of the settings, in order; `schema` is that of the settings."""
    return list(_named(settings, "settings", schema))


def _named(value: Any, where: str, schema: Any) -> Iterator[Named]:
    schema = schema if isinstance(schema, Mapping) else {}
    if isinstance(value, Mapping):
        if isinstance(value.get("env"), str) and set(value) <= {"env", "prefix"}:
            yield Named(where, value["env"], str(schema.get("description", "")).rstrip("."))
            return
        properties = schema.get("properties", {})
        for name, each in value.items():
            yield from _named(each, f"{where}.{name}", properties.get(name, schema.get("additionalProperties")))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _named(each, f"{where}[{index}]", schema.get("items"))


def wrong(value: str | None) -> str:
    """Why a value can be no secret, without telling it; empty where it may be one."""
    if value is None:
        return "is not set"
    if not value.strip():
        return "is empty"
    if value != value.strip():
        return "begins or ends with white space"
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return "stands in quotation marks that belong to a shell"
    return ""


class Credentials:
    """Since when each secret has its value. `salt` gives random bytes, once for each machine."""

    def __init__(self, file: Path, clock: Callable[[], datetime], salt: Callable[[], bytes]) -> None:
        self._file = file
        self._clock = clock
        self._salt = salt

    def saw(self, name: str, value: str) -> None:
        """Remember that it has this value; the first time that it does counts."""
        kept = self._read()
        salt = kept["salt"] or self._salt().hex()
        known = kept["seen"].get(name)
        same = _hash(salt, value)
        if isinstance(known, Mapping) and known.get("hash") == same:
            return
        since = self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        data = {"salt": salt, "seen": {**kept["seen"], name: {"hash": same, "since": since}}}
        fresh = self._file.with_suffix(".fresh")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(data, indent=1, sort_keys=True))
        fresh.replace(self._file)

    def age(self, name: str, value: str) -> timedelta | None:
        """How long it has had this value, as far as was seen; None where that was not seen yet."""
        kept = self._read()
        known = kept["seen"].get(name)
        if not isinstance(known, Mapping) or known.get("hash") != _hash(kept["salt"], value):
            return None
        try:
            return self._clock() - datetime.fromisoformat(str(known.get("since")))
        except (ValueError, TypeError):
            return None

    def _read(self) -> dict[str, Any]:
        """Empty where there is no file, or one that cannot be read: then it is made anew."""
        try:
            data = json.loads(self._file.read_text())
        except (OSError, ValueError):
            data = {}
        salt, seen = (data.get("salt"), data.get("seen")) if isinstance(data, Mapping) else ("", {})
        return {"salt": salt if isinstance(salt, str) else "", "seen": seen if isinstance(seen, Mapping) else {}}


def _hash(salt: str, value: str) -> str:
    return hashlib.blake2b(
        value.encode(errors="surrogateescape"), digest_size=_SAME, salt=salt.encode()[:16]
    ).hexdigest()
