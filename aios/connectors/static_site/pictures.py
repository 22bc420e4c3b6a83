"""The pictures of articles: kept by hash beside the site's data, shown beside the page that shows them."""

from __future__ import annotations

from pathlib import Path

from aios.connectors.media import public_name
from aios.connectors.static_site.articles import Articles
from aios.connectors.static_site.output import write
from aios.domain.keys import digest
from aios.errors import CorruptError

_FOLDER = "media"


def keep(data: Path, sha256: str, content: bytes) -> None:
    """Before the article that shows it is written: an earlier version may be brought back without the company's file.

    The lock on `data` is held.
    """
    path = _file(data, sha256)
    if not path.is_file():
        write(data, path, content, mode=0o600)


def pictures(articles: Articles, data: Path) -> dict[str, bytes]:
    """Path within the site → content, of every picture of an article that readers see."""
    found = {}
    for article in articles.values():
        for item in article.payload.get("media") or () if article.listed else ():
            found[f"{article.slug}/{public_name(item)}"] = _read(data, str(item["sha256"]))
    return found


def _read(data: Path, sha256: str) -> bytes:
    path = _file(data, sha256)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CorruptError(f"{path} cannot be read", "restore it from a copy of the site's directory") from error
    if digest(content) != sha256:
        raise CorruptError(f"{path} is not what was published", "restore it from a copy of the site's directory")
    return content


def _file(data: Path, sha256: str) -> Path:
    return data / _FOLDER / sha256.removeprefix("sha256:")
