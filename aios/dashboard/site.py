"""The whole site: every section's pages, rendered and written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aios.dashboard import charts
from aios.dashboard.folder import Folder
from aios.dashboard.page import SECTIONS, Page, href, kind_page, log_page, proposal_page, record_page, run_page
from aios.dashboard.pages import connectors, content, cost, decisions, log, memory, overview, records, runs, waiting
from aios.dashboard.prose import prose
from aios.dashboard.source import Source
from aios.domain.unseen import with_unseen_shown
from aios.domain.wording import counted

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent
ASSETS = ("style.css", "search.js")
_MODULES = (overview, waiting, runs, content, records, decisions, memory, connectors, cost, log)
_REF = re.compile(r"[\w./-]{1,200}")


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did: pages in all, files that were written anew, files that were removed."""

    pages: int
    changed: int
    removed: int


def build(source: Source, out: Path) -> Built:
    """Write the site into a folder of its own. Raises RefusedError where the folder holds something else."""
    environment, count = _environment(source), 0
    with Folder(out) as folder:
        for name in ASSETS:
            folder.write(name, (_HERE / "assets" / name).read_text(encoding="utf-8"))
        for path, text in records.search_files(source):
            folder.write(path, text)
        for page in pages(source):
            folder.write(page.path, page.raw or _render(environment, page))
            count += 1
        removed = folder.finish()
    return Built(count, folder.changed, removed)


def pages(source: Source) -> Iterator[Page]:
    for module in _MODULES:
        yield from module.pages(source)


def _render(environment: Environment, page: Page) -> str:
    links = {
        "record_at": lambda ref: href(page, record_page(ref)),
        "proposal_at": lambda run: href(page, proposal_page(run)),
        "run_at": lambda run: href(page, run_page(run)),
        "kind_at": lambda kind, number=1: href(page, kind_page(kind, number)),
        "log_at": lambda number: href(page, log_page(number)),
        "to": partial(href, page),
    }
    return environment.get_template(page.template).render(page=page, top=page.top, **links, **page.data)


def _environment(source: Source) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"source": source, "sections": SECTIONS, "charts": charts, "counted": counted}
    environment.filters |= {"prose": prose, "day": _day, "minute": _minute, "plain": _plain, "value": _value}
    environment.tests["record"] = lambda value: isinstance(value, str) and value in source.refs
    environment.tests["plural"] = lambda value: isinstance(value, list) and bool(value)
    return environment


def _day(at: object) -> str:
    return str(at or "")[:10]


def _minute(at: object) -> str:
    """`2026-03-02 09:00` of an ISO moment, as it was noted."""
    return str(at or "")[:16].replace("T", " ")


def _plain(text: object) -> str:
    """Text from anywhere: what cannot be seen in it is named."""
    return with_unseen_shown(str(text if text is not None else ""))


def _value(value: Any) -> str:
    """A field's value in one piece of text."""
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        return _plain(", ".join(map(str, value)))
    return _plain(json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, dict | list) else None))
