"""The log of a real web server, counted here and by a program that nobody here wrote."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aios.domain.effect import Collected
from tests.connectors.cases import Case, stage
from tests.peers import nginx

pytestmark = pytest.mark.peer("nginx")
ANN = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
BOB = 'Mozilla/5.0 "quoted" \\back\\ (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36'
BOT = "Googlebot/2.1 (+http://www.google.com/bot.html)"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[nginx.Nginx]:
    (tmp_path / "nginx").mkdir()
    with nginx.serving(tmp_path / "nginx") as running:
        yield running


def read(server: nginx.Nginx, root: Path, cursor: Any = None) -> Collected:
    today = datetime.now(UTC).date()
    case = Case("access-log", {"path": str(server.log), "site": "https://test.example"})
    asked = {"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=1))}
    return stage(case, root).connector.read("analytics.read", asked | ({"cursor": cursor} if cursor else {}))


def visit(server: nginx.Nginx) -> int:
    """Two people and a machine; how many requests they made."""
    asked = [
        ("/", {"User-Agent": ANN, "Referer": 'https://news.example/a?q="x"'}, 200),
        ("/pricing/", {"User-Agent": ANN, "Referer": "https://test.example/"}, 200),
        ("/style.css", {"User-Agent": ANN}, 200),
        ("/pricing/", {"User-Agent": BOB, "Referer": "https://duckduckgo.com/"}, 200),
        ("/pricing/?utm=%22x%22&q=%C3%A4", {"User-Agent": BOB}, 200),
        ("/gone/", {"User-Agent": BOB}, 404),
        ("/g%C3%B6ne%22", {"User-Agent": BOB}, 404),
        ("/old", {"User-Agent": ANN}, 301),
        ("/broken", {"User-Agent": ANN}, 500),
        ("/", {"User-Agent": BOT}, 200),
        ("/pricing/", {"User-Agent": BOT}, 200),
    ]
    for path, headers, status in asked:
        assert server.ask(path, headers) == status
    assert server.ask("/", {"User-Agent": ANN}, "HEAD") == 200
    return len(asked) + 1


def test_what_people_did_is_counted_as_by_another_counter(server: nginx.Nginx, tmp_path: Path) -> None:
    requests = visit(server)
    server.lines(requests)
    collected = read(server, tmp_path / "company")
    data, theirs = collected.data, nginx.counted(server.log)
    assert collected.findings == ()
    general = theirs["general"]
    assert (
        (data["lines"], data["malformed"]) == (general["total_requests"], general["failed_requests"]) == (requests, 0)
    )

    hits: dict[str, int] = {}
    for item in theirs["requests"]["data"]:
        if item["method"] == "GET":
            path = item["data"].partition("?")[0]
            hits[path] = hits.get(path, 0) + item["hits"]["count"]
    machine = 1  # goaccess counts what machines ask for among the pages
    ours = {page["path"]: page["views"] for page in data["pages"]}
    assert ours == {"/": hits["/"] - machine, "/pricing/": hits["/pricing/"] - machine} == {"/": 1, "/pricing/": 3}
    missing = {item["data"].partition("?")[0]: item["hits"]["count"] for item in theirs["not_found"]["data"]}
    assert sum(item["count"] for item in data["missing"]) == sum(missing.values()) == 2
    assert {item["path"] for item in data["missing"]} == {"/gone/", '/göne"'}
    sites = {item["data"]: item["hits"]["count"] for item in theirs["referring_sites"]["data"]}
    came = {item["host"]: item["count"] for item in data["referrers"]}
    assert came == {host: number for host, number in sites.items() if host != "test.example"}
    assert data["visitors"] == general["unique_visitors"] - machine == 2
    assert data["bots"]["requests"] == 2


def test_a_log_that_was_rotated_is_read_on_where_it_was_left(server: nginx.Nginx, tmp_path: Path) -> None:
    requests = visit(server)
    server.lines(requests)
    first = read(server, tmp_path / "company").data
    server.ask("/pricing/", {"User-Agent": ANN})
    server.lines(requests + 1)
    server.rotate()
    server.ask("/", {"User-Agent": BOB})
    server.lines(1)
    second = read(server, tmp_path / "company", first["cursor"]).data
    assert (first["lines"], second["lines"]) == (requests, 2)
    assert {page["path"]: page["views"] for page in second["pages"]} == {"/": 1, "/pricing/": 1}
    assert read(server, tmp_path / "company", second["cursor"]).data["lines"] == 0
