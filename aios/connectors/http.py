"""One REST service: requests with a deadline and bounds, and answers as data or as one of our errors.

What an error says of the request is what the executor relies on: `sent` is False only where nothing can have arrived.
Redirects are never followed: a request that carries a key goes to the address that the operator wrote, or nowhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aios.domain.event import one_line
from aios.domain.outside import json_of
from aios.errors import AiosError, CredentialsError, RefusedError, TransientError

_AGENT = "aios"
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
# The service says that it did not look at the request.
_UNTOUCHED = frozenset({425, 429})
_MIB = 1024 * 1024


class AnswerError(RefusedError):
    """The service refused the request itself: `status` is HTTP's, `data` what it answered. Nothing was done."""

    def __init__(self, message: str, hint: str = "", *, status: int, data: Any = None) -> None:
        super().__init__(message, hint)
        self.status = status
        self.data = data


@dataclass(frozen=True, slots=True)
class Answer:
    """`data` is the JSON of the body, None where there is none; `headers` have lower-case names."""

    status: int
    data: Any
    headers: Mapping[str, str] = field(default_factory=dict)


def _nothing() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Service:
    """`name` is the connector's, for messages; `base` the address without a slash at its end. `credentials` gives the
    headers that say who we are, made anew for each request. `timeout` is in seconds for a request as a whole, `limit`
    in bytes of an answer. `told` hears of every answer (its headers tell quotas)."""

    name: str
    base: str
    credentials: Callable[[], Mapping[str, str]] = _nothing
    timeout: float = 30.0
    limit: int = 16 * _MIB
    told: Callable[[Answer], None] = lambda _: None

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request: JSON, a form or bytes go up, JSON comes down. `path` is added to `base`.

        Raises TransientError where a later attempt may work, CredentialsError for 401 and 403, AnswerError for any
        other refusal, AiosError for an answer that is none.
        """
        import httpx2

        deadline = time.monotonic() + self.timeout
        given = {"User-Agent": _AGENT, "Accept": "application/json", **self.credentials(), **(headers or {})}
        with (
            self.classified(path),
            httpx2.Client(timeout=self.timeout, follow_redirects=False, trust_env=False) as client,
            client.stream(
                method, self.base + path, params=params, json=json, data=form, content=content, headers=given
            ) as response,
        ):
            body = self.body(response, deadline)
            found = {name.lower(): value for name, value in response.headers.items()}
            status = response.status_code
        answer = Answer(status, self.data(body, found, status), found)
        self.told(answer)
        return self.judged(answer)

    @contextmanager
    def classified(self, path: str) -> Iterator[None]:
        """What goes wrong with a connection, as one of our errors."""
        import httpx2

        try:
            yield
        except httpx2.InvalidURL as error:
            raise RefusedError(f"{self.name}: `{one_line(self.base + path, 120)}` is no address", "") from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise self._unreachable(error) from error
        except httpx2.TimeoutException as error:
            raise TransientError(f"{self.name} did not answer within {self.timeout:g} s", "try again later") from error
        except httpx2.HTTPError as error:
            said = f"{self.name} broke off while it was asked ({type(error).__name__})"
            raise TransientError(said, "try again later") from error

    def _unreachable(self, error: Exception) -> AiosError:
        said = one_line(str(error), 160)
        if "CERTIFICATE" in said.upper():
            return RefusedError(f"{self.name}: its certificate is not trusted ({said})", "look at the address")
        return TransientError(
            f"{self.name} cannot be reached: {said}", "is the address right, the network up?", sent=False
        )

    def body(self, response: Any, deadline: float) -> bytes:
        """The bytes of an answer, within the bounds."""
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self.limit:
                raise AiosError(f"{self.name} answers with more than {self.limit} bytes", "see `limits.bytes`")
            if time.monotonic() > deadline:
                raise TransientError(f"{self.name} did not answer within {self.timeout:g} s", "try again later")
        return bytes(body)

    def data(self, body: bytes, headers: Mapping[str, str], status: int) -> Any:
        """The JSON of a body; None where there is none. Raises AiosError for an answer that is none."""
        if not body.strip():
            return None
        try:
            return json_of(body.decode())
        except ValueError as error:
            if status >= 300:  # an error page: its status says enough
                return None
            kind = one_line(headers.get("content-type", "nothing that says what it is"), 60)
            raise AiosError(f"{self.name} answers {kind} instead of JSON", "is the address that of its API?") from error

    def judged(self, answer: Answer) -> Answer:
        """The answer where it is one; else raises what its status says."""
        status = answer.status
        if status < 300:
            return answer
        said = f"{self.name} answers {status}{_said(answer.data)}"
        if status < 400:
            raise RefusedError(f"{said} and leads elsewhere", "write the address that it leads to")
        if status in _LATER:
            raise TransientError(
                said, "try again later", retry_after=_after(answer.headers), sent=status not in _UNTOUCHED
            )
        if status in {401, 403}:
            raise CredentialsError(said, f"`aios connectors test {self.name}` says which credentials it uses")
        raise AnswerError(said, "", status=status, data=answer.data)


def _said(data: Any) -> str:
    """What a service says of an error, in one short line: text from outside."""
    found = data
    for name in ("error", "errors", "message", "detail", "title"):
        if isinstance(found, list) and found:
            found = found[0]
        if isinstance(found, Mapping) and name in found:
            found = found[name]
    return f": {one_line(found, 200)}" if isinstance(found, str) and found.strip() else ""


def _after(headers: Mapping[str, str]) -> float | None:
    """Seconds of Retry-After, which may be a date."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    from email.utils import parsedate_to_datetime

    try:  # a date counts from the service's own clock
        now = parsedate_to_datetime(headers["date"])
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds()) if value else None
    except (KeyError, ValueError, TypeError):
        return None
