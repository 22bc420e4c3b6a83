"""What the operator says of a site: the settings that all systems of posts share."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from aios.errors import RefusedError

SECRET: Mapping[str, Any] = {
    "type": "object",
    "required": ["env"],
    "additionalProperties": False,
    "properties": {
        "env": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$", "description": "An environment variable."}
    },
}
URL: Mapping[str, Any] = {
    "type": "string",
    "pattern": r"^https?://[^\s/?#@]+(?:/[^\s?#]*)?$",
    "patternErrorMessage": "a URL starts with https:// (or http://), without name, password, ? and #",
    "description": "The site's address, as its readers know it.",
}
PERMALINKS: Mapping[str, Any] = {
    "type": "string",
    "pattern": "^/(?:[A-Za-z0-9._~-]+/|%(?:year|monthnum|day|category|author)%/)*%postname%(?:/|\\.html)?$",
    "patternErrorMessage": "it is /%postname%/, /blog/%postname%/, /%year%/%monthnum%/%postname%/ or the like",
    "description": "What the addresses of posts look like; /%postname%/ where left out.",
}
LANGUAGE: Mapping[str, Any] = {
    "type": "string",
    "pattern": "^[a-z]{2,3}(?:-[A-Z]{2})?$",
    "patternErrorMessage": "a language is en, de or en-GB",
}


def base_of(settings: Mapping[str, Any]) -> str:
    """The address without a slash at its end. Raises RefusedError where a secret would travel in clear."""
    url = re.sub("(?<!:)//+", "/", str(settings["url"])).rstrip("/")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise RefusedError(f"`{url[:120]}` is no address", "https://example.org") from error
    if parts.scheme != "https" and not _is_this_machine(host):
        raise RefusedError(
            f"{url[:120]} is not encrypted: whoever is on the way would read the password",
            "write https://; only a site on this machine may be asked by http",
        )
    return url


def address(base: str, settings: Mapping[str, Any], slug: str) -> str:
    return base + str(settings.get("permalinks", "/%postname%/")).replace("%postname%", slug)


def outside(href: str) -> tuple[str, bool] | None:
    """Links lead to where they say, or nowhere: what other articles are called at the site is not known here."""
    scheme = href.partition(":")[0].lower() if ":" in href else ""
    if scheme in {"http", "https", "mailto"}:
        return href, True
    return (href, False) if href.startswith("/") and not href.startswith("//") else None


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
