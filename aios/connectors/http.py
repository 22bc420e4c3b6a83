"""One REST service: requests with a deadline and bounds, and answers as data or as one of our errors.

What an error says of the request is what the executor relies on: `sent` is False only where nothing can have arrived,
and a refusal is one that the service itself pronounced. Redirects are never followed: a request that carries a key goes
to the address that the operator wrote, or nowhere. Each request has a connection of its own: one that was kept open may
be closed by the other side just as it is used, and nobody could tell whether the request had arrived.
"""

from __future__ import annotations

import base64
import contextlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

from aios.domain.event import one_line
from aios.domain.outside import json_of
from aios.errors import AiosError, CredentialsError, RefusedError, TransientError

_AGENT = "aios"
# The service says that it did not look at the request.
_UNTOUCHED = frozenset({425, 429})
_LATER = frozenset({408, *_UNTOUCHED})
# Of all that begins with 5 only these say that trying again is of no use, and that nothing was done.
_NEVER = frozenset({501, 505})
# "It is over there now": said before anything is done. Others (302, 303) are said after it, too.
_MOVED = frozenset({301, 307, 308})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_MIB = 1024 * 1024
_LONGEST_WAIT = 30 * 86_400.0  # seconds


class AnswerError(RefusedError):
    """The service refused the request itself: `status` is HTTP's, `data` what it answered. Nothing was done."""

    def __init__(self, message: str, hint: str = "", *, status: int, data: Any = None) -> None:
        super().__init__(message, hint)
        self.status = status
        self.data = data


class DeniedError(CredentialsError):
    """401 or 403, with what the service says of it."""

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


def segment(text: str) -> str:
    """A text as one part of a path, whatever is in it. Raises RefusedError for what would be another path."""
    if text in {"", ".", ".."}:
        raise RefusedError(f"`{text}` cannot be a part of an address", "it would lead elsewhere")
    return quote(text, safe="")


def _nothing() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Service:
    """`name` is the connector's, for messages; `base` the address without a slash at its end. `credentials` gives the
    headers that say who we are and `signature` the parameters that do, made anew for each request: their values are in
    no message, even where the service repeats them. `timeout` is in seconds for a request as a whole, `limit` in bytes
    of an answer. `told` hears of every answer (its headers tell quotas)."""

    name: str
    base: str
    credentials: Callable[[], Mapping[str, str]] = _nothing
    timeout: float = 30.0
    limit: int = 16 * _MIB
    told: Callable[[Answer], None] = lambda _: None
    signature: Callable[[], Mapping[str, str]] = _nothing

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
        hear: Callable[[Any], bool] | None = None,
    ) -> Answer:
        """One request: JSON, a form or bytes go up, JSON comes down. `path` is added to `base`.

        With `hear` the answer may be a stream of events as well: it is given each as JSON until it has enough.

        Raises TransientError where a later attempt may work or where it is not known what became of a request that
        changes something, CredentialsError for 401 and 403, AnswerError for any other refusal, AiosError for an answer
        to a question that is none.
        """
        who, signed = self.credentials(), self.signature()
        answer = self._sent(method, path, who, signed, params, headers, hear, json=json, data=form, content=content)
        return self._judged(method, answer, _hidden({**who, **signed}))

    def exchange(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, and the answer whatever it says: for whoever knows this service's answers better than `ask`.
        Its data is as the service sent it: a refusal may repeat what we sent. Raises what `ask` raises for no answer.
        """
        return self._sent(method, path, self.credentials(), self.signature(), params, headers, None, json=json)

    def _sent(
        self,
        method: str,
        path: str,
        who: Mapping[str, str],
        signed: Mapping[str, str],
        params: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        hear: Callable[[Any], bool] | None,
        **content: Any,
    ) -> Answer:
        import httpx2

        given = {"User-Agent": _AGENT, "Accept": "application/json", "Accept-Encoding": "identity"}
        given |= {**who, **(headers or {})}
        self._printable(given)
        query = {**(params or {}), **signed} or None
        watch = _Watch(self.timeout)
        try:
            with (
                watch,
                httpx2.Client(verify=_trusted(), timeout=self.timeout, trust_env=False) as client,
                client.stream(
                    method,
                    self.base + path,
                    params=query,
                    headers=given,
                    extensions={"trace": watch.told},
                    **content,
                ) as response,
            ):
                found = {name.lower(): value for name, value in response.headers.items()}
                status = response.status_code
                streams = status < 300 and found.get("content-type", "").lower().startswith("text/event-stream")
                if hear is not None and streams:
                    self._events(method, response, hear)
                body = b"" if hear is not None and streams else self._body(response)
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
            address = one_line(f"{self.base}{path}".partition("?")[0], 120)
            raise RefusedError(f"{self.name}: `{address}` is no address", "https://…") from None
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise self._unreachable(error) from error
        except httpx2.HTTPError as error:
            if watch.over or isinstance(error, httpx2.TimeoutException):
                said = f"{self.name} did not answer within {self.timeout:g} s"
            else:
                said = f"{self.name} broke off while it was asked ({type(error).__name__})"
            raise TransientError(said, "try again later") from None
        answer = Answer(status, self._data(method, body, found, status), found)
        self.told(answer)
        return answer

    def _printable(self, headers: Mapping[str, str]) -> None:
        """Raises RefusedError for a header that cannot be sent, without its value: it may be a key."""
        for name, value in headers.items():
            if not value.isascii() or not value.isprintable() or value != value.strip():
                what = f"what is to be sent as {name} holds a character that cannot be sent"
                raise RefusedError(f"{self.name}: {what}", "is there a line's end in the key?")

    def _unreachable(self, error: Exception) -> AiosError:
        said = one_line(str(error), 160)
        if "CERTIFICATE" in said.upper():
            return RefusedError(f"{self.name}: its certificate is not trusted ({said})", "look at the address")
        return TransientError(
            f"{self.name} cannot be reached: {said}", "is the address right, the network up?", sent=False
        )

    def _body(self, response: Any) -> bytes | None:
        """What came, None where it is more than may come."""
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self.limit:
                return None
        return bytes(body)

    def _events(self, method: str, response: Any, hear: Callable[[Any], bool]) -> None:
        """Server-sent events, each with JSON as its data, until `hear` says that it was the last."""
        read, rest, data = 0, bytearray(), list[str]()
        for chunk in response.iter_bytes():
            read += len(chunk)
            if read > self.limit:
                raise self._unread(method, f"answers with more than {self.limit} bytes", "ask for less at a time")
            rest += chunk
            *lines, rest = rest.split(b"\n")
            for line in lines:
                name, _, value = line.decode(errors="replace").rstrip("\r").partition(":")
                if name == "data":
                    data.append(value.removeprefix(" "))
                elif not name and not value and (text := "\n".join(data)).strip():
                    data = []
                    try:
                        event = json_of(text)
                    except ValueError:
                        raise self._unread(method, "answers with an event that is no JSON", "") from None
                    if hear(event):
                        return

    def _data(self, method: str, body: bytes | None, headers: Mapping[str, str], status: int) -> Any:
        if status >= 300 and body is None:
            return None
        if body is None:
            raise self._unread(method, f"answers with more than {self.limit} bytes", "ask for less at a time")
        if not body.strip():
            return None
        try:
            return json_of(body.decode())
        except ValueError:
            if status >= 300:  # an error page: its status says enough
                return None
            kind = one_line(headers.get("content-type", "nothing that says what it is"), 60)
            said = f"answers {kind} that is no JSON"
            raise self._unread(method, said, "is the address that of its API?") from None

    def _unread(self, method: str, said: str, hint: str) -> AiosError:
        """An answer that cannot be read: of what changes something nobody knows then whether it was done."""
        if method.upper() in _SAFE:
            return AiosError(f"{self.name} {said}", hint)
        return TransientError(f"{self.name} {said}", hint)

    def _judged(self, method: str, answer: Answer, hidden: re.Pattern[str] | None) -> Answer:
        status = answer.status
        if status < 300:
            return answer
        text = _said(answer.data)
        text = one_line(hidden.sub("[…]", text) if hidden else text, 200)
        said = f"{self.name} answers {status}{': ' if text else ''}{text}"
        if status < 400:
            moved = f"{said} and leads {_place(answer.headers)}"
            if status in _MOVED or method.upper() in _SAFE:
                raise RefusedError(moved, "write the address that it leads to")
            raise TransientError(moved, "is the address that of its API?")
        if status in _LATER or (status >= 500 and status not in _NEVER):
            raise TransientError(
                said, "try again later", retry_after=_after(answer.headers), sent=status not in _UNTOUCHED
            )
        if status in {401, 403}:
            hint = f"`aios connectors test {self.name}` says which credentials it uses"
            raise DeniedError(said, hint, status=status, data=answer.data)
        raise AnswerError(said, "", status=status, data=answer.data)


class _Watch:
    """Ends a connection when its time is over, however slowly something still comes in by it."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._socket: Any = None

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    @property
    def over(self) -> bool:
        return time.monotonic() >= self._deadline

    def told(self, event: str, about: Mapping[str, Any]) -> None:
        """What the client tells of its connection."""
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._socket = about["return_value"].get_extra_info("socket")

    def _end(self) -> None:
        import socket

        with contextlib.suppress(OSError, AttributeError):  # it is closed already, or there is none yet
            self._socket.shutdown(socket.SHUT_RDWR)


@lru_cache(maxsize=1)
def _trusted() -> Any:
    """The authorities that certificates are held against: reading them takes longer than most requests."""
    import httpx2

    return httpx2.create_ssl_context(trust_env=False)


def _hidden(credentials: Mapping[str, str]) -> re.Pattern[str] | None:
    """Whatever of the credentials a service might repeat: whole, without `Bearer`, and the password in `Basic`."""
    found: set[str] = set()
    for value in credentials.values():
        scheme, _, key = value.rpartition(" ")
        found |= {value, key}
        if scheme.lower() == "basic":
            with contextlib.suppress(ValueError):
                found.add(base64.b64decode(key).decode().partition(":")[2])
    words = sorted((re.escape(each) for each in found if len(each) >= 4), key=len, reverse=True)
    return re.compile("|".join(words)) if words else None


def _said(data: Any) -> str:
    """What a service says of an error, whole: text from outside."""
    found = data
    for name in ("error", "errors", "message", "detail", "title"):
        if isinstance(found, list) and found:
            found = found[0]
        if isinstance(found, Mapping) and name in found:
            found = found[name]
    return found if isinstance(found, str) else ""


def _place(headers: Mapping[str, str]) -> str:
    """Where a redirect leads, without what might be a key in it."""
    try:
        parts = urlsplit(headers.get("location", ""))
    except ValueError:
        return "elsewhere"
    host = parts.netloc.rpartition("@")[2]
    return f"to {one_line(f'{parts.scheme}://{host}{parts.path}', 120)}" if host else "elsewhere"


def _after(headers: Mapping[str, str]) -> float | None:
    """Seconds of Retry-After, which may be a date."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_WAIT)
    from email.utils import parsedate_to_datetime

    try:  # a date counts from the service's own clock
        now = parsedate_to_datetime(headers["date"])
        wait = (parsedate_to_datetime(value) - now).total_seconds() if value else None
    except (KeyError, ValueError, TypeError):
        return None
    return min(max(0.0, wait), _LONGEST_WAIT) if wait is not None else None
