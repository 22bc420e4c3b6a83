"""Asking Ghost, with a token that is good for minutes, and what its refusals mean to the operator."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aios.connectors.http import Answer, AnswerError, DeniedError, Service
from aios.connectors.surroundings import Surroundings
from aios.domain.keys import canonical_json
from aios.errors import AiosError, CredentialsError, RefusedError

_KEY = re.compile(r"(?P<id>[0-9a-f]{24}):(?P<secret>(?:[0-9a-f]{2}){32})")
_LIFE = 240  # seconds; Ghost takes five minutes at most
_SKEW = 30  # seconds that our clock may be ahead of its
_WHERE = "the Admin API key of a custom integration is in Settings → Integrations"


@dataclass(frozen=True, slots=True)
class Api:
    service: Service

    def ask(self, method: str, path: str, **request: Any) -> Answer:
        """Like `Service.ask`, below the Admin API; errors say what to do at the site."""
        try:
            return self.service.ask(method, f"/ghost/api/admin{path}", **request)
        except DeniedError as error:
            hint = f"{_WHERE}; was it made anew, is this machine's clock right?"
            if error.status == 403:
                hint = "the key of a custom integration may do this; that of a person or another integration may not"
            raise CredentialsError(error.message, hint) from error
        except AnswerError as error:
            if error.status == 404 and not isinstance(error.data, Mapping):
                hint = "is it Ghost 5 or newer? If its admin has an address of its own, write that as `admin`"
                raise RefusedError(
                    f"{self.service.name}: there is no Admin API at {self.service.base}", hint
                ) from error
            raise
        except RefusedError as error:
            if " and leads " in error.message:
                raise RefusedError(error.message, "write the address that the admin has as `admin`") from error
            raise
        except AiosError as error:
            if "instead of JSON" in error.message:
                raise RefusedError(error.message, "write the address that the admin has as `admin`") from error
            raise


def token(key: str, now: datetime) -> str:
    """A JSON Web Token (RFC 7519, HS256) of an Admin API key `id:secret`. Raises CredentialsError for what is none."""
    found = _KEY.fullmatch(key.strip())
    if found is None:
        raise CredentialsError("the key is no Admin API key: 24 hexadecimal digits, a colon, and 64 more", _WHERE)
    at = int(now.timestamp()) - _SKEW
    head = {"alg": "HS256", "kid": found["id"], "typ": "JWT"}
    told = ".".join(
        _base64(canonical_json(part).encode()) for part in (head, {"iat": at, "exp": at + _LIFE, "aud": "/admin/"})
    )
    signature = hmac.new(bytes.fromhex(found["secret"]), told.encode(), hashlib.sha256).digest()
    return f"{told}.{_base64(signature)}"


def api_of(name: str, base: str, setting: Mapping[str, Any], surroundings: Surroundings) -> Api:
    clock: Callable[[], datetime] = surroundings.clock

    def credentials() -> Mapping[str, str]:
        return {"Authorization": f"Ghost {token(surroundings.need(setting), clock())}", "Accept-Version": "v5.0"}

    return Api(Service(name, base, credentials, told=surroundings.told(name)))


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
