"""Lists that come in pages, and items in our words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from aios.connectors.http import Answer, Service
from aios.connectors.http_manifest.requests import Request, at
from aios.errors import AiosError, RefusedError
from aios.expressions import render

MOST_PAGES = 100
_NEXT = re.compile(r"<([^<>]*)>\s*;[^<]*?\brel=\"?next\"?", re.IGNORECASE)


def items(service: Service, asked: Request, offer: Mapping[str, Any], later: tuple[int, ...]) -> Iterator[Any]:
    """Every item of a list, page by page. Raises AiosError for an answer without a list where one is to be, RefusedError
    for more pages than anybody means, or pages that lie elsewhere."""
    pages = offer.get("pages", {})
    size = next(iter(pages.get("size", {}).values()), 0)
    more: dict[str, Any] | None = dict(pages.get("size", {}))
    if "number" in pages:
        more |= {pages["number"]: pages.get("first", 1)}
    seen: list[Any] = []
    for number in range(MOST_PAGES):
        answer = asked.send(service, later=later, query=more)
        found = _items(service, answer, offer)
        yield from found
        if not pages or not found or (size and len(found) < size and not {"next", "link"} & set(pages)):
            return
        more, path = _following(service, answer, pages, asked, size, number + 1, more or {})
        if more is None or (path, more) in seen:
            return
        seen.append((path, more))
        asked = Request(asked.method, path, asked.query, asked.headers, asked.json, asked.form)
    raise RefusedError(f"{service.name} has more than {MOST_PAGES} pages", "ask for less, or for larger pages")


def _items(service: Service, answer: Answer, offer: Mapping[str, Any]) -> list[Any]:
    found = at(answer.data, offer["items"]) if "items" in offer else answer.data
    if isinstance(found, list):
        return found
    if "items" not in offer and "pages" not in offer and isinstance(found, Mapping):
        return [found]
    where = f"`{offer['items']}` in what {service.name} answers" if "items" in offer else f"what {service.name} answers"
    raise AiosError(f"{where} is no list", "see `items` in its manifest")


def _following(
    service: Service,
    answer: Answer,
    pages: Mapping[str, Any],
    asked: Request,
    size: int,
    number: int,
    more: Mapping[str, Any],
) -> tuple[dict[str, Any] | None, str]:
    """The parameters and the path of the next page; None where there is none."""
    if "number" in pages:
        return {**more, pages["number"]: pages.get("first", 1) + number}, asked.path
    if "offset" in pages:
        return {**more, pages["offset"]: size * number}, asked.path
    if "as" in pages:
        token = at(answer.data, pages["next"])
        return ({**more, pages["as"]: token} if token or token == 0 else None), asked.path
    address = at(answer.data, pages["next"]) if "next" in pages else _linked(answer)
    return _elsewhere(service, asked, address) if isinstance(address, str) and address else (None, asked.path)


def _linked(answer: Answer) -> str:
    found = _NEXT.search(answer.headers.get("link", "")[:8_192])
    return found[1] if found else ""


def _elsewhere(service: Service, asked: Request, address: str) -> tuple[dict[str, Any], str]:
    """An address that the service gave, as parameters and a path below its own base. Never anywhere else: the key goes
    along."""
    try:
        full = urljoin(service.base + asked.path, address)
        parts, base = urlsplit(full), urlsplit(service.base)
    except ValueError as error:
        raise RefusedError(f"the next page of {service.name} has no address", "see `pages`") from error
    same = (parts.scheme, parts.netloc) == (base.scheme, base.netloc) and parts.path.startswith(f"{base.path}/")
    if not same or "/../" in f"{parts.path}/" or "/./" in f"{parts.path}/":
        raise RefusedError(f"the next page of {service.name} lies elsewhere", "it is not followed: the key goes along")
    query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return query, parts.path.removeprefix(base.path)


def mapped(item: Any, fields: Mapping[str, str] | None) -> dict[str, Any]:
    """An item in our words. Raises ExpressionError."""
    if fields is None:
        return dict(item) if isinstance(item, Mapping) else {"value": item}
    return {
        name: render(their, {"item": item}) if "${{" in their else at(item, their) for name, their in fields.items()
    }
