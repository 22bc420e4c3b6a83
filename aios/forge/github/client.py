"""GitHub's REST API, asked politely: paging, conditional requests, limits that are waited for, repositories that moved.

What is safe is repeated where it fails; what changes something is repeated only where GitHub says that nothing was
done. https://docs.github.com/en/rest/using-the-rest-api
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from aios.connectors.http import Answer, Service
from aios.domain.event import one_line
from aios.errors import AiosError, RefusedError, TransientError
from aios.forge.github.refusals import Asker, error_of, limited, wait_of, words
from aios.forge.github.tokens import Kind, kind_of

# Supported until March 2028 at least; what the newer one leaves out is never relied on.
VERSION = "2022-11-28"
PAGE = 100
_SAFE = frozenset({"GET", "HEAD"})
_MOVED = frozenset({301, 307, 308})
_NEXT = re.compile(r'<([^>]+)>\s*;[^,]*\brel="?next"?')
_HOPS = 3
_ATTEMPTS = 4
_KEPT = 256  # answers that are asked for again only where they changed
_MOST_PAGES = 1000


class Client:
    """One repository at one GitHub. `pause(seconds)` waits; no call waits longer than `patience` seconds in all.

    `in_job` says that this is a job of Actions, where a token's permissions stand in the workflow file.
    """

    def __init__(
        self,
        repository: str,
        *,
        api: str,
        token: Callable[[], str],
        pause: Callable[[float], None],
        patience: float = 120.0,
        timeout: float = 30.0,
        in_job: bool = False,
    ) -> None:
        self.repository = repository
        self._token = token
        self._pause = pause
        self._patience = patience
        self._in_job = in_job
        self._service = Service("GitHub", api.rstrip("/"), self._headers, timeout=timeout)
        self._kept: dict[str, tuple[str, Answer]] = {}

    def __repr__(self) -> str:
        return f"Client({self.repository!r} at {self._service.base!r})"

    @property
    def api(self) -> str:
        return self._service.base

    @cached_property
    def web(self) -> str:
        """The address for people: that of github.com, or of the company's own server."""
        parts = urlsplit(self.api)
        if parts.netloc == "api.github.com":
            return "https://github.com"
        return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}"

    @property
    def kind(self) -> Kind:
        return kind_of(self._token())

    @property
    def acts_as_bot(self) -> bool:
        return self.kind is Kind.INSTALLATION

    @property
    def asker(self) -> Asker:
        return Asker(self.kind, self.web, self.repository, self._in_job)

    # Asking

    def get(self, path: str, what: str, *, params: Mapping[str, Any] | None = None) -> Any:
        return self.ask("GET", path, what, params=params).data

    def look(self, path: str, what: str, *, params: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """One object. Raises AiosError where the answer is none."""
        return mapping(self.get(path, what, params=params), what)

    def pages(
        self, path: str, what: str, *, params: Mapping[str, Any] | None = None, key: str = ""
    ) -> Iterator[Mapping[str, Any]]:
        """Every item of a list, over all its pages; of answers that are objects, the list under `key`."""
        query: Mapping[str, Any] | None = {**(params or {}), "per_page": PAGE}
        for _ in range(_MOST_PAGES):
            answer = self.ask("GET", path, what, params=query)
            found = answer.data.get(key) if key and isinstance(answer.data, Mapping) else answer.data
            if not isinstance(found, list):
                raise AiosError(f"GitHub does not {what}: its answer is no list", "is the address that of its API?")
            yield from (each for each in found if isinstance(each, Mapping))
            link = _NEXT.search(answer.headers.get("link", ""))
            if link is None:
                return
            path, query = self._inside(link.group(1), what), None
        raise RefusedError(f"GitHub does not {what}: its list does not end", "")

    def ask(
        self,
        method: str,
        path: str,
        what: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        repeatable: bool = False,
    ) -> Answer:
        """One question. `what` completes “GitHub does not …”; `repeatable` says that a change may be made twice.

        Raises CredentialsError, RefusedError (NotFoundError, InvalidRequestError, LockedError), TransientError.
        """
        safe = repeatable or method in _SAFE
        waited = 0.0
        for attempt in range(_ATTEMPTS):
            found = self._once(method, path, what, params, json)
            if isinstance(found, Answer):
                if (wait := wait_of(found, attempt)) is None:
                    return found
                problem = limited(wait)
            else:
                problem, wait = found, found.retry_after or 2.0**attempt
            if (problem.sent and not safe) or waited + wait > self._patience:
                raise problem
            if attempt < _ATTEMPTS - 1:
                self._pause(wait)
                waited += wait
        raise problem

    def bot(self) -> str:
        """The login of a bot that asks: GitHub's other API tells it. Empty where there is none."""
        base = self.api.removesuffix("/v3")
        try:
            answer = Service("GitHub", base, self._headers).exchange(
                "POST", "/graphql", json={"query": "query { viewer { login } }"}
            )
        except AiosError:
            return ""
        found: Any = answer.data
        for name in ("data", "viewer", "login"):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found if isinstance(found, str) else ""

    def _once(
        self, method: str, path: str, what: str, params: Mapping[str, Any] | None, json: Any
    ) -> Answer | TransientError:
        """An answer that is good or speaks of a limit, or what may pass; raises what will not."""
        try:
            answer = self._followed(method, path, what, params, json)
        except TransientError as problem:
            return problem
        if answer.status < 400 or wait_of(answer, 0) is not None:
            return answer
        error = error_of(what, answer, self.asker, self._without_token(words(answer.data)))
        if isinstance(error, TransientError):
            return error
        raise error

    def _followed(self, method: str, path: str, what: str, params: Mapping[str, Any] | None, json: Any) -> Answer:
        """The answer, of the place that the repository moved to where it was renamed or transferred."""
        for _ in range(_HOPS):
            answer = self._conditional(method, path, params, json)
            if answer.status not in _MOVED and not (answer.status == 302 and method in _SAFE):
                return answer
            path, params = self._inside(answer.headers.get("location", ""), what), None
        raise RefusedError(f"GitHub does not {what}: it leads from one place to the next", "look at `forge.repository`")

    def _conditional(self, method: str, path: str, params: Mapping[str, Any] | None, json: Any) -> Answer:
        """What was asked before comes whole only where it changed: that costs nothing of the limit."""
        if method not in _SAFE:
            return self._service.exchange(method, path, params=params, json=json)
        key = f"{path} {sorted((params or {}).items())}"
        tag, known = self._kept.get(key, ("", None))
        answer = self._service.exchange(method, path, params=params, headers={"If-None-Match": tag} if tag else None)
        if answer.status == 304 and known is not None:
            return known
        if answer.status == 200 and (tag := answer.headers.get("etag", "")):
            while len(self._kept) >= _KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = (tag, answer)
        return answer

    def _inside(self, address: str, what: str) -> str:
        """An address that GitHub gave, as a path of its own API: a token goes nowhere else."""
        path = address.removeprefix(self.api)
        if path == address or not path.startswith("/"):
            place = one_line(address.partition("?")[0], 120)
            raise RefusedError(f"GitHub does not {what}: it leads to {place}, which is not its API", "look at `api`")
        return path

    def _headers(self) -> Mapping[str, str]:
        token = self._token()
        given = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": VERSION}
        return {**given, **({"Authorization": f"Bearer {token}"} if token else {})}

    def _without_token(self, said: str) -> str:
        token = self._token()
        return said.replace(token, "[…]") if token else said


def mapping(data: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise AiosError(f"GitHub does not {what}: its answer is no object", "is the address that of its API?")
    return data
