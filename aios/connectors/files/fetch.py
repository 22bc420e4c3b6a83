"""One page of the web, fetched without being led to places that are not public.

The name is resolved once, every address it has must be public, and the connection goes to that very address: a name
that changes its mind between check and connection gains nothing. Redirects go through the same door.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from aios.connectors.files.text import one_line, size
from aios.errors import AiosError, RefusedError, TransientError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
MEDIA_TYPES = {
    "application/xhtml+xml": "text/html",
    "text/html": "text/html",
    "text/markdown": "text/markdown",
    "text/plain": "text/plain",
    "text/x-rst": "text/x-rst",
    "text/x-markdown": "text/markdown",
}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOST_REDIRECTS = 5
_AGENT = "aios (reads sources for its operator)"
_SAFE = "/:?#[]@!$&'()*+,;=%~-._"


@dataclass(frozen=True, slots=True)
class Fetched:
    url: str
    content: bytes
    media_type: str
    charset: str


@dataclass(frozen=True, slots=True)
class Web:
    """`allowed` are networks that may be reached though they are not public; `limit` is in bytes, `timeout` in seconds
    for a page as a whole. `resolve` gives a host's addresses."""

    allowed: Sequence[Network] = ()
    limit: int = 1024 * 1024
    timeout: float = 20.0
    resolve: Callable[[str, int], Sequence[str]] | None = None

    def fetch(self, url: str) -> Fetched:
        """Raises RefusedError for what must not be fetched, TransientError where later may help, else AiosError."""
        deadline = time.monotonic() + self.timeout
        secure = False
        for _ in range(_MOST_REDIRECTS + 1):
            parts = _parts(url)
            if secure and parts.scheme == "http":
                raise RefusedError("it leads from https to http", "use the address that it leads to")
            secure = parts.scheme == "https"
            answer = self._get(parts, deadline)
            if isinstance(answer, Fetched):
                return answer
            try:
                url = urljoin(url, quote(answer.encode("latin-1", "replace"), safe=_SAFE))
            except ValueError as error:
                raise AiosError("it redirects to what is no address", "look at the address") from error
        raise RefusedError(f"it redirects more than {_MOST_REDIRECTS} times", "use the address that it ends at")

    def _get(self, parts: SplitResult, deadline: float) -> Fetched | str:
        """The page, or where it redirects to."""
        host = str(parts.hostname)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        connection = _Pinned(host, port, self._addresses(host, port), deadline, secure=parts.scheme == "https")
        path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
        headers = {"User-Agent": _AGENT, "Accept": ", ".join(MEDIA_TYPES), "Accept-Encoding": "identity"}
        try:
            connection.request("GET", path, headers=headers)
            return self._answer(connection.answer(), parts.geturl())
        except TimeoutError as error:
            raise TransientError(f"no answer within {self.timeout:g} s", "try again later") from error
        except ssl.SSLError as error:
            raise AiosError(f"its certificate is not trusted: {error.reason}", "look at the address") from error
        except OSError as error:
            raise TransientError(f"cannot be reached: {error.strerror or error}", "try again later") from error
        except http.client.HTTPException as error:
            raise AiosError(f"its answer is no HTTP ({type(error).__name__})", "look at the address") from error
        finally:
            connection.close()

    def _answer(self, response: http.client.HTTPResponse, url: str) -> Fetched | str:
        if response.status in _REDIRECTS and (target := response.getheader("Location")):
            return target
        said = one_line(f"it answers {response.status} {response.reason}")
        if response.status in _LATER:
            wait = response.getheader("Retry-After", "")
            after = float(wait) if wait.isascii() and wait.isdigit() else None
            raise TransientError(said, "try again later", retry_after=after)
        if response.status != 200:
            raise AiosError(said, "look at the address")
        stated = response.headers.get_content_type()
        if stated not in MEDIA_TYPES:
            raise RefusedError(f"it is {one_line(stated, 60)}, not text", "Markdown, text and HTML can be read")
        if response.getheader("Content-Encoding", "identity").lower() not in {"identity", ""}:
            raise AiosError("it is compressed though nobody asked for that", "fetch it by hand")
        content = bytearray()
        while chunk := response.read1(65_536):
            content += chunk
            if len(content) > self.limit:
                raise RefusedError(f"it is larger than {size(self.limit)}", "save the part you need as a file")
        if response.length:
            raise TransientError("its answer ends before its end", "try again later")
        charset = response.headers.get_content_charset() or ""
        return Fetched(url, bytes(content), MEDIA_TYPES[stated], charset)

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        """The addresses to connect to. Raises RefusedError where any address of the host is not public."""
        if port < 1024 and port not in {80, 443}:
            raise RefusedError(f"port {port} is not one of web pages", "")
        try:
            found = list((self.resolve or _resolve)(host, port))
        except OSError as error:
            raise TransientError(f"{host} cannot be found", "look at the address, or try again later") from error
        if not found:
            raise TransientError(f"{host} cannot be found", "look at the address")
        for text in found:
            if not self._may(ipaddress.ip_address(text.partition("%")[0])):
                raise RefusedError(
                    f"{host} is at {text}, which is not public",
                    "`private_networks` in the connector's settings allows it",
                )
        return list(dict.fromkeys(found))

    def _may(self, address: Address) -> bool:
        candidates = [address, *_inside(address)]
        if all(
            any(each in network for network in self.allowed if network.version == each.version)
            for each in candidates[:1]
        ):
            return True
        return all(each.is_global and not each.is_multicast and not each.is_reserved for each in candidates)


def _inside(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 address stands for: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found: list[Address] = [each for each in (address.ipv4_mapped, address.sixtofour) if each is not None]
    if address.teredo is not None:
        found += address.teredo
    if address in ipaddress.ip_network("64:ff9b::/96") or address in ipaddress.ip_network("::/96"):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return found


def _resolve(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def _parts(url: str) -> SplitResult:
    """The address in parts. Raises RefusedError for what is no plain address of the web."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise RefusedError("this is no address", "write it like https://example.org/page") from None
    if parts.scheme not in {"http", "https"}:
        raise RefusedError(f"`{parts.scheme[:20]}` addresses are not read", "http and https are")
    if not host or (port is not None and port == 0) or any(char <= " " or char == "\x7f" for char in url):
        raise RefusedError("this is no address", "write it like https://example.org/page")
    if parts.username is not None or parts.password is not None:
        raise RefusedError("the address holds a name or a password", "leave them out")
    try:
        host.encode("idna")
    except UnicodeError:
        raise RefusedError("its host is no name", "look at the address") from None
    return parts


class _Pinned(http.client.HTTPConnection):
    """A connection to one of these addresses, whatever the name says meanwhile; over at the deadline."""

    def __init__(self, host: str, port: int, addresses: Sequence[str], deadline: float, *, secure: bool) -> None:
        super().__init__(host, port)
        self._addresses = addresses
        self._deadline = deadline
        self._secure = secure

    def connect(self) -> None:
        plain = self._connected()
        if self._secure:
            self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)
        else:
            self.sock = plain

    def _connected(self) -> socket.socket:
        """The first address that answers; each has its share of the time."""
        failed: OSError = TimeoutError()
        for index, address in enumerate(self._addresses):
            share = _left(self._deadline) / (len(self._addresses) - index)
            try:
                found = socket.create_connection((address, self.port), timeout=share)
            except OSError as error:
                failed = error
                continue
            found.settimeout(_left(self._deadline))
            return found
        raise failed

    def answer(self) -> http.client.HTTPResponse:
        """The answer to what was requested; reading it takes no longer than there is time, however slowly it comes."""
        response = http.client.HTTPResponse(self.sock, method="GET")
        response.fp.close()
        response.fp = io.BufferedReader(_Paced(self.sock, self._deadline))
        response.begin()
        return response


class _Paced(io.RawIOBase):
    """What comes in by a socket, until the deadline."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._sock.settimeout(_left(self._deadline))
        return self._sock.recv_into(buffer)


def _left(deadline: float) -> float:
    """Seconds until the deadline. Raises TimeoutError when it is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
