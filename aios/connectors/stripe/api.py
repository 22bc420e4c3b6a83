"""Stripe's API, version 1, as far as it is needed here: forms go up, JSON comes down, lists come in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aios.connectors.http import Answer, AnswerError, Service
from aios.domain.event import one_line
from aios.errors import AiosError, RefusedError, TransientError

# Pinned, for the shape of everything depends on it: the last one in which a charge names its invoice.
VERSION = "2025-02-24.acacia"
PAGE = 100
MOST = 10_000  # objects of one listing
MISSING = 404
OTHER_MODE = "a similar object exists in"  # live mode, while the key is one for tests, or the other way round

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Api:
    """One account. Errors are those of `Service`; 409 is one of them that leaves open what was done."""

    service: Service

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Object:
        return self._ask("GET", path, params=params)

    def post(self, path: str, data: Mapping[str, Any], *, key: str) -> Object:
        """`key` goes along as the idempotency key: for 24 hours the same request is the same act."""
        return self._ask("POST", path, form=dict(_flat(data)), headers={"Idempotency-Key": key})

    def delete(self, path: str) -> Object:
        return self._ask("DELETE", path)

    def listed(self, path: str, params: Mapping[str, Any] | None = None) -> Iterator[Object]:
        """Everything in a list, newest first. Raises RefusedError for more than can be looked through."""
        asked: dict[str, Any] = {**(params or {}), "limit": PAGE}
        for _ in range(MOST // PAGE):
            answer = self.get(path, asked)
            page = answer.get("data")
            if not isinstance(page, list) or not all(isinstance(each, dict) and _is_id(each) for each in page):
                raise AiosError(
                    f"{self.service.name} answers no list at {path}", "is the address that of Stripe's API?"
                )
            yield from page
            if not answer.get("has_more") or not page:
                return
            asked["starting_after"] = page[-1]["id"]
        raise RefusedError(f"{self.service.name} has more than {MOST} objects at {path}", "give `since`")

    def _ask(self, method: str, path: str, **more: Any) -> Object:
        try:
            answer = self.service.ask(method, path, **more)
        except AnswerError as error:
            if error.status == 409:  # the same request is being worked on just now
                raise TransientError(error.message, "try again later") from error
            raise
        if not isinstance(answer.data, dict):
            raise AiosError(f"{self.service.name} answers no object at {path}", "is the address that of Stripe's API?")
        return answer.data


def api_of(name: str, address: str, key: Callable[[], str], told: Callable[[Answer], None]) -> Api:
    def credentials() -> Mapping[str, str]:
        return {"Authorization": f"Bearer {key()}", "Stripe-Version": VERSION}

    return Api(Service(name, address.rstrip("/"), credentials, told=told))


def text(found: Object, name: str, limit: int = 254) -> str | None:
    """A text of an object as one harmless line; None where there is none."""
    value = found.get(name)
    return one_line(value, limit) if isinstance(value, str) and value.strip() else None


def number(found: Object, name: str) -> int:
    value = found.get(name)
    return value if type(value) is int else 0


def moment(found: Object, name: str) -> str | None:
    """A moment of an object, ISO 8601; None where there is none."""
    seconds = number(found, name)
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def reference(found: Object, name: str) -> str | None:
    """The id of another object, which may be there whole."""
    value = found.get(name)
    return text(value, "id") if isinstance(value, dict) else text(found, name)


def metadata(found: Object, name: str) -> str:
    kept = found.get("metadata")
    return str(kept.get(name, "")) if isinstance(kept, dict) else ""


def _is_id(found: Mapping[str, Any]) -> bool:
    given = found.get("id")
    return isinstance(given, str) and 0 < len(given) <= 255


def _flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """`{"a": {"b": 1}}` as the form has it: `a[b]=1`."""
    for name, value in data.items():
        full = f"{prefix}[{name}]" if prefix else name
        if isinstance(value, Mapping):
            yield from _flat(value, full)
        elif isinstance(value, bool):
            yield full, str(value).lower()
        else:
            yield full, str(value)
