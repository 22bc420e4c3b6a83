"""Asking WordPress, and what its refusals mean to the operator."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aios.connectors.http import Answer, AnswerError, DeniedError, Service
from aios.connectors.surroundings import Surroundings
from aios.errors import AiosError, CredentialsError, RefusedError

_PAGE = 100  # the most that it gives at once
_PASSWORD = "an application password is made in Users → Profile, of WordPress 5.6 and newer"  # noqa: S105  a hint
_RIGHTS = "the role Author is enough for their own posts, Editor for all"


@dataclass(frozen=True, slots=True)
class Api:
    """`user` is for messages."""

    service: Service
    user: str

    def ask(self, method: str, path: str, **request: Any) -> Answer:
        """Like `Service.ask`, below `/wp-json`; errors say what to do at the site."""
        name, base = self.service.name, self.service.base
        try:
            return self.service.ask(method, f"/wp-json{path}", **request)
        except DeniedError as error:
            raise CredentialsError(error.message, self._denied(error)) from error
        except AnswerError as error:
            if error.status == 404 and _code(error.data) in {"", "rest_no_route"}:
                hint = "is it WordPress? Settings → Permalinks must not be “Plain”, and no plugin may turn REST off"
                raise RefusedError(f"{name}: there is no REST API at {base}/wp-json", hint) from error
            if error.status == 400 and _about_status(error.data):
                self.ask("GET", "/wp/v2/users/me", params={"context": "edit"})  # says it, where it knows nobody
                raise CredentialsError(f"{name}: {self.user} may not see drafts there", _RIGHTS) from error
            raise
        except RefusedError as error:
            if " and leads " in error.message:
                hint = (
                    "if that is another address, write the one that readers see; if it is the same, Settings → "
                    "Permalinks must not be “Plain”"
                )
                raise RefusedError(error.message, hint) from error
            raise
        except AiosError as error:
            if "instead of JSON" in error.message:
                hint = "Settings → Permalinks must not be “Plain”; a plugin or firewall may answer in its place"
                raise RefusedError(f"{name}: {base}/wp-json is no REST API ({error.message})", hint) from error
            raise

    def every(self, path: str, limit: int, params: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The items of a list, page by page."""
        size, page = min(limit, _PAGE), 1
        while limit > 0:
            answer = self.ask("GET", path, params={**params, "per_page": size, "page": page})
            found = answer.data if isinstance(answer.data, list) else []
            yield from found[:limit]
            limit -= len(found)
            total = answer.headers.get("x-wp-totalpages", "")
            if not found or page >= (int(total) if total.isascii() and total.isdigit() else 1):
                return
            page += 1

    def _denied(self, error: DeniedError) -> str:
        code = _code(error.data)
        if error.status == 401 and code == "incorrect_password":
            return f"the password of {self.user} is wrong or was revoked; {_PASSWORD}"
        if error.status == 401 and code == "invalid_username":
            return f"there is no user {self.user}"
        if code in {"rest_not_logged_in", "rest_forbidden_context", "rest_cannot_create", "rest_cannot_edit"} and (
            error.status == 401
        ):
            return (
                f"it does not take the name or password of {self.user}: {_PASSWORD}; or the web server drops the "
                "Authorization header"
            )
        if error.status == 403:
            return f"{self.user} may not do this there: {_RIGHTS}"
        return f"{_PASSWORD}; a plugin may keep the REST API to itself"


def _about_status(data: Any) -> bool:
    """Whoever may not edit may not ask for drafts: WordPress calls that a wrong parameter."""
    about = data.get("data") if isinstance(data, Mapping) else None
    return isinstance(about, Mapping) and "status" in (about.get("params") or ())


def _code(data: Any) -> str:
    found = data.get("code") if isinstance(data, Mapping) else None
    return found if isinstance(found, str) else ""


def api_of(name: str, base: str, settings: Mapping[str, Any], surroundings: Surroundings) -> Api:
    user = str(settings["username"])

    def credentials() -> Mapping[str, str]:
        secret = surroundings.need(settings["password"])
        return {"Authorization": "Basic " + b64encode(f"{user}:{secret}".encode()).decode()}

    return Api(Service(name, base, credentials, told=surroundings.told(name)), user)
