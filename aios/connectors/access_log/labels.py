"""Text from logs made harmless: paths, hosts and search terms as short plain lines. They stay text from outside."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

LONGEST_PATH = 200
LONGEST_TERM = 100
LONGEST_HOST = 100
_ASSETS = re.compile(
    r"\.(?:css|js|mjs|map|png|jpe?g|gif|svg|webp|avif|ico|bmp|woff2?|ttf|otf|eot|mp[34]|webm|ogg|wav|pdf|xml|txt|json|"
    r"webmanifest|wasm|atom|rss|gz|zip)\Z",
    re.IGNORECASE,
)
_SLASHES = re.compile(r"/{2,}")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\Z")
# Search engines and the parameter in which they tell what was looked for; most tell nothing any more.
_ENGINES = {
    "baidu": "wd", "bing": "q", "brave": "q", "duckduckgo": "q", "ecosia": "q", "google": "q", "kagi": "q",
    "mojeek": "q",
    "naver": "query", "qwant": "q", "startpage": "query", "swisscows": "query", "yahoo": "p", "yandex": "text",
}  # fmt: skip
_SEARCH = ("q", "query", "search", "s")


def plain(text: str, limit: int) -> str:
    """One line without control, format or private characters, spaces folded, at most `limit` characters."""
    text = unicodedata.normalize("NFKC", text[: limit * 8])
    kept = "".join(
        " " if char.isspace() else char for char in text if unicodedata.category(char)[0] != "C" or char.isspace()
    )
    return " ".join(kept.split())[:limit].strip()


def split(target: str) -> SplitResult | None:
    """A request's target in parts; None where it is no path."""
    try:
        parts = urlsplit(target)
        return parts if parts.path.startswith("/") else None
    except ValueError:
        return None


def page_path(path: str) -> str:
    """The page's address as readers know it: decoded, single slashes, without `index.html`."""
    text = plain(unquote(path[:2_048], errors="replace").replace("\ufffd", ""), LONGEST_PATH)
    text = _SLASHES.sub("/", text).removesuffix("index.html")
    return text if text.startswith("/") else f"/{text}"


def is_asset(path: str) -> bool:
    return _ASSETS.search(path[:2_048]) is not None


def search_term(query: str) -> str:
    """What was looked for on the site itself; empty where nothing was."""
    return _parameter(query, _SEARCH)


def referrer(address: str) -> tuple[str, str]:
    """(host, search term) of where a reader came from; both empty where it cannot be told."""
    try:
        parts = urlsplit(address.strip()[:2_048])
        host = (parts.hostname or "").lower().rstrip(".")
    except ValueError:
        return "", ""
    if parts.scheme not in {"http", "https", "android-app"}:
        return "", ""
    try:
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        return "", ""
    host = host.removeprefix("www.").removeprefix("m.")
    if not _HOST.match(host) or len(host) > LONGEST_HOST:
        return "", ""
    engine = next((name for part in host.split(".") if (name := _ENGINES.get(part))), "")
    return host, _parameter(parts.query, (engine,)) if engine else ""


def _parameter(query: str, names: tuple[str, ...]) -> str:
    if not query:
        return ""
    try:
        found = parse_qs(query[:2_048], max_num_fields=50, errors="replace")
    except ValueError:
        return ""
    value = next((found[name][0] for name in names if found.get(name)), "")
    return plain(value.replace("\ufffd", ""), LONGEST_TERM).casefold()
