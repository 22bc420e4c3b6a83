"""The company of the day: the example company, with a blog and readers of its own, and a piece due on a schedule."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from aios.example import DEMO_TOPIC, SECOND_TOPIC
from tests.actions.place import TOP
from tests.connectors.stands import Stand
from tests.connectors.stands.plausible import SECRET as READ_KEY
from tests.connectors.stands.plausible import View, Views, serve_plausible
from tests.connectors.stands.wordpress import SECRET as WRITE_KEY
from tests.connectors.stands.wordpress import Blog, serve_wordpress

BEGIN = datetime(2026, 8, 2, 20, 0, tzinfo=UTC)
KEYS = {"PLAUSIBLE_KEY": READ_KEY, "WORDPRESS_PASSWORD": WRITE_KEY}
PUBLISH = "raising-prices-for-existing-customers"
REFRESH = "free-trial-length"
NEXT = "price-rises-and-churn"
PUBLISHED = {f"publish {PUBLISH}": 1, f"publish {NEXT}": 1}
# Views a day and piece; the one on trials fades.
_VIEWS = {
    "pricing-page-teardown": 24,
    "announce-a-price-change": 21,
    "annual-or-monthly": 12,
    "seats-or-usage": 11,
    "plan-names": 9,
    "cancel-flow": 8,
    "discount-requests": 7,
    REFRESH: 1,
}


@dataclass(frozen=True, slots=True)
class Services:
    """What the company reaches: a blog, and who reads it."""

    blog: Blog
    views: Views
    site: Stand
    readers: Stand

    def begin_anew(self) -> None:
        """The blog is empty and nobody asked anything; the addresses stay, for they stand in keys of effects."""
        self.blog.__init__()  # type: ignore[misc]  # in place: the service that runs holds it
        self.views.asked.clear()

    def asked(self) -> dict[str, int]:
        """How often each key was shown to its service."""
        return {"WORDPRESS_PASSWORD": len(self.blog.asked), "PLAUSIBLE_KEY": len(self.views.asked)}


@contextmanager
def services() -> Iterator[Services]:
    blog, views = Blog(), Views(list(_views()), site="fernwerk.example")
    site, readers = serve_wordpress(blog), serve_plausible(views)
    try:
        yield Services(blog, views, site, readers)
    finally:
        site.stop()
        readers.stop()


def _views() -> Iterator[View]:
    for back in range(-14, 14):
        day = (BEGIN + timedelta(days=back)).date().isoformat()
        for name, number in _VIEWS.items():
            for each in range(number):
                yield View(day, f"/{name}/", f"{day}-{each}", "news.example")


def aios(
    root: Path, at: datetime, *args: str, keys: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A command as the operator types it at a moment, on a machine where the keys of the services are known."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "RUNNER_"))}
    environment = {**known, **(KEYS if keys is None else keys), "AIOS_NOW": at.isoformat(), "PYTHONPATH": str(TOP)}
    return subprocess.run(
        [sys.executable, "-P", "-m", "aios", *args],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def found(root: Path, services: Services, more: Mapping[str, Any] | None = None) -> None:
    """Found it in a folder. `more` goes into the company's record."""
    root.mkdir()
    made = aios(root, BEGIN, "init", ".", "--example")
    assert made.returncode == 0, made.stderr
    edit(root / "state/company.yaml", **(more or {}))
    site = {**services.site.settings(services.site.address), "password": {"env": "WORDPRESS_PASSWORD"}}
    readers = {**services.readers.settings(services.readers.address), "key": {"env": "PLAUSIBLE_KEY"}}
    readers |= {"site": "fernwerk.example", "timezone": "Europe/Berlin"}
    for name, kind, settings in (("site", "wordpress", site), ("logs", "plausible", readers)):
        told = {"schema": "connector.v1", "use": kind, "settings": settings, "mode": "live"}
        (root / f"state/connectors/{name}.yaml").write_text(yaml.safe_dump(told, sort_keys=False))
    text = (root / "workflows/publish-content.yaml").read_text()
    for name, topic, day in (("publish-content", DEMO_TOPIC, 3), ("publish-again", SECOND_TOPIC, 6)):
        (root / f"workflows/{name}.yaml").write_text(_scheduled(text, name, topic, day))
    commit(root, "The company as its operator wants it", BEGIN)


def _scheduled(text: str, name: str, topic: str, day: int) -> str:
    schedule = f'  schedule: {{cron: "37 5 {day} 8 *", timezone: Europe/Berlin}}\n'
    text = text.replace("name: publish-content\n", f"name: {name}\n")
    text = text.replace("  manual: {}\n", f"  manual: {{}}\n{schedule}", 1)
    return text.replace("{type: string, minLength: 3}", f'{{type: string, minLength: 3, default: "{topic}"}}', 1)


def edit(file: Path, **more: Any) -> None:
    if more:
        text = file.read_text()
        for name in more:
            text = re.sub(rf"^{name}:.*\n(?:[ -].*\n)*", "", text, flags=re.MULTILINE)
        file.write_text(text + yaml.safe_dump(dict(more), sort_keys=False))


def commit(root: Path, message: str, at: datetime) -> None:
    dates = {"GIT_AUTHOR_DATE": at.isoformat(), "GIT_COMMITTER_DATE": at.isoformat()}
    for command in (["add", "-A"], ["commit", "-qm", message]):
        subprocess.run(["git", *command], cwd=root, env=os.environ | dates, check=True)
