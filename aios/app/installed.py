"""Where this aios was installed from, as far as other machines can have it from there too."""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any
from urllib.parse import urlsplit

from aios import __version__

_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_REQUIREMENT = re.compile(r"(?:aios(?: *@ *\S+|[ ]*[=<>~!]=? *\S+|\[)|\.?/?[\w./-]+\.whl)[^\r\n]*\Z")
_GAP = re.compile(r"…|@COMMIT\b|//HOST/")


def requirement() -> str:
    """This very aios as pip asks for it; empty where it lies on this machine alone (a checkout, a wheel on disk)."""
    try:
        told = distribution("aios").read_text("direct_url.json")
        return of_direct_url(json.loads(told)) if told else f"aios=={__version__}"
    except (PackageNotFoundError, ValueError):
        return ""


def of_direct_url(told: Any) -> str:
    """The requirement for what pip notes of a package that came from an address (PEP 610)."""
    address = str(told.get("url", "")) if isinstance(told, dict) else ""
    parts = urlsplit(address)
    if parts.scheme not in {"https", "http", "ssh"} or parts.password or re.search(r"\s", address):
        return ""
    vcs, archive = told.get("vcs_info"), told.get("archive_info")
    if isinstance(vcs, dict) and vcs.get("vcs") == "git" and _COMMIT.match(str(vcs.get("commit_id"))):
        return f"aios @ git+{address}@{vcs['commit_id']}"
    if isinstance(archive, dict):
        hashes = archive.get("hashes")
        sha = str(hashes.get("sha256", "")) if isinstance(hashes, dict) else ""
        return f"aios @ {address}" + (f"#sha256={sha}" if re.fullmatch("[0-9a-f]{64}", sha) else "")
    return ""


def is_requirement(text: str) -> bool:
    """Is this one line by which pip finds aios: `aios==…`, `aios @ https://…`, or a wheel in the repository?

    An example that was pasted with its gaps (`…`, `@COMMIT`) is none.
    """
    return bool(_REQUIREMENT.match(text)) and not _GAP.search(text)
