"""The access log as analytics: what is counted of it, how often, and what a stranger can do with a line of it."""

from __future__ import annotations

import gzip
import shutil
import time
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aios.connectors.access_log.lines import parse
from aios.connectors.analytics import MOST_BYTES
from aios.domain.effect import Collected
from aios.domain.keys import canonical_json
from aios.errors import RefusedError
from tests.connectors.cases import Case, stage

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LONG_AGO = {"from": "2026-03-01", "to": "2026-03-31"}


def line(target: str = "/a/", *, at: str = "08/Mar/2026:10:00:00 +0000", **more: Any) -> bytes:
    """One line of the combined format; `more` are ip, user, method, status, referrer and agent."""
    it = {"ip": "192.0.2.1", "user": "-", "method": "GET", "status": 200, "referrer": "-", "agent": PERSON, **more}
    request = f'"{it["method"]} {target} HTTP/1.1" {it["status"]} 512'
    return f'{it["ip"]} - {it["user"]} [{at}] {request} "{it["referrer"]}" "{it["agent"]}"\n'.encode()


def logs(root: Path, *lines: bytes) -> Path:
    """The live file, with these lines written behind what it has."""
    (root / "logs").mkdir(exist_ok=True)
    with (root / "logs/access.log").open("ab") as file:
        file.writelines(lines)
    return root / "logs/access.log"


def read(root: Path, cursor: Mapping[str, int] | None = None, *, params: Any = None, **more: Any) -> Collected:
    case = Case("access-log", {"path": "logs/access.log", "site": "https://www.test.example", **more})
    asked = {**(params or LONG_AGO), **({} if cursor is None else {"cursor": cursor})}
    return stage(case, root).connector.read("analytics.read", asked)


def pages(data: Any) -> dict[str, int]:
    return {page["path"]: page["views"] for page in data["pages"]}


SHAPES = [
    (line(ip="2001:db8::1"), "2001:db8::1", "/a/", ""),
    (line(user="ann smith"), "192.0.2.1", "/a/", ""),
    (b"www.test.example:443 " + line(ip="::ffff:192.0.2.9"), "::ffff:192.0.2.9", "/a/", ""),
    (b"www.test.example " + line(ip="reader.example"), "reader.example", "/a/", ""),
    (
        line(referrer=r"https://a.example/?q=\"x\" y", agent=r"a \"b\""),
        "192.0.2.1",
        "/a/",
        'https://a.example/?q="x" y',
    ),
    (line(r"/caf\xc3\xa9"), "192.0.2.1", "/café", ""),
    (b'192.0.2.1 - - [08/Mar/2026:10:00:00 +0000] "GET /a/ HTTP/1.1" 200 -', "192.0.2.1", "/a/", ""),
    (b'192.0.2.1 - - [08/Mar/2026:10:00:00 +0000] "-" 408 0 "-" "-"', "192.0.2.1", "", ""),
]


@pytest.mark.parametrize(("written", "ip", "target", "referrer"), SHAPES)
def test_a_line_is_understood_as_servers_write_it(written: bytes, ip: str, target: str, referrer: str) -> None:
    request = parse(written)
    assert request is not None
    assert (request.ip, request.target, request.referrer) == (ip, target, referrer)


def test_a_line_of_spaces_or_quotes_takes_no_longer_than_others() -> None:
    begun = time.perf_counter()
    for hostile in (b"a" + b" " * 2_000 + b"b" + b" " * 6_000, b"a - " + b'" ' * 4_000, line(referrer="\\" * 7_999)):
        parse(hostile)
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize("site", ["https://www.test.example", "https://m.müller.example", "http://test.example:8080"])
def test_it_tells_where_readers_came_from_and_what_they_looked_for(site: str, tmp_path: Path) -> None:
    came = [
        "https://www.friend.example/post",
        "https://www.google.com/search?q=Usage+limits",
        f"{site}/",
        "javascript:1",
    ]
    logs(tmp_path, *(line("/a/", referrer=referrer) for referrer in came), line("/find/?q=Free%20Trial"))
    logs(tmp_path, line("/gone/", status=404), line("/style.css"), line("/form", method="POST"))
    data = read(tmp_path, site=site).data
    assert pages(data) == {"/a/": 4, "/find/": 1}
    search = {"kind": "search", "host": "google.com", "term": "usage limits", "count": 1}
    assert data["referrers"] == [{"kind": "host", "host": "friend.example", "count": 1}, search]
    assert data["searches"] == [{"term": "free trial", "count": 1}]
    assert data["missing"] == [{"path": "/gone/", "count": 1}]


def test_bots_are_told_apart_by_their_names_and_by_what_they_do(tmp_path: Path) -> None:
    logs(tmp_path, line(agent="Googlebot/2.1 (+http://www.google.com/bot.html)"), line(agent="-"), line(ip="192.0.2.2"))
    logs(tmp_path, line("/wp-login.php", ip="192.0.2.2", status=404), line(ip="192.0.2.4"))
    data = (logs(tmp_path, *(line(f"/{number}", ip="192.0.2.3") for number in range(301))), read(tmp_path).data)[1]
    assert (data["views"], data["visitors"], data["missing"], data["bots"]["requests"]) == (1, 1, [], 305)
    names = {item["name"] for item in data["bots"]["names"]}
    assert {"(no name)", "(by what it asked for)", "(by how much it asked for)"} < names


def test_visitors_are_counted_by_the_day_and_nobodys_address_is_kept(tmp_path: Path) -> None:
    times = ("08/Mar/2026:10:00:00 +0000", "08/Mar/2026:11:00:00 +0000", "09/Mar/2026:10:00:00 +0000")
    logs(tmp_path, *(line(ip=ip, at=at) for ip in ("198.51.100.7", "2001:db8::7") for at in times))
    found = read(tmp_path)
    assert (found.data["views"], found.data["visitors"]) == (6, 4)
    assert not any(part in str(found) for part in ("198.51", "2001:db8", "Mozilla"))


BORDERS = [
    ("07/Mar/2026:22:59:59 +0000", "Europe/Berlin", "2026-03-07"),
    ("07/Mar/2026:23:00:00 +0000", "Europe/Berlin", "2026-03-08"),
    ("08/Mar/2026:00:00:00 +0100", "UTC", "2026-03-07"),
    ("07/Mar/2026:23:59:60 +0000", "UTC", "2026-03-07"),
    ("29/Mar/2026:21:59:59 +0000", "Europe/Berlin", "2026-03-29"),
    ("29/Mar/2026:22:00:00 +0000", "Europe/Berlin", "2026-03-30"),
]


@pytest.mark.parametrize(("at", "zone", "day"), BORDERS)
def test_a_day_begins_at_midnight_of_the_operators_zone(at: str, zone: str, day: str, tmp_path: Path) -> None:
    logs(tmp_path, line(at=at))
    data = read(tmp_path, timezone=zone, params={"from": day, "to": day}).data
    assert data["pages"][0]["days"] == [{"date": day, "views": 1}]


def _rotate(live: Path, how: str) -> None:
    """What logrotate does: every file moves on by one, the live one by rename or by copy and truncation."""
    for number in range(30, 0, -1):
        for old in live.parent.glob(f"access.log.{number}*"):
            if old.name.removesuffix(".gz").endswith(f".{number}"):
                old.rename(live.with_name(old.name.replace(f".{number}", f".{number + 1}")))
    if how == "copytruncate":
        shutil.copy(live, live.with_name("access.log.1"))
        live.write_bytes(b"")
    else:
        live.rename(live.with_name("access.log.1"))
        live.touch()


def _compress(live: Path) -> None:
    for path in live.parent.glob("access.log.*[0-9]"):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["write", "write", "rename", "copytruncate", "compress", "read"]), max_size=25))
def test_between_two_reads_nothing_is_counted_twice_and_nothing_lost(steps: list[str]) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        live = logs(root)
        written, views, cursor = 0, 0, None
        for step in [*steps, "read"]:
            if step == "write":
                logs(root, line(f"/{written}/"), line(f"/{written + 1}/"))
                written += 2
            elif step == "read":
                found = read(root, cursor)
                assert found.findings == ()
                views, cursor = views + found.data["views"], found.data["cursor"]
            elif step == "compress":
                _compress(live)
            else:
                _rotate(live, step)
        assert views == written
        assert pages(read(root).data) == {f"/{number}/": 1 for number in range(written)}


def test_a_last_line_still_being_written_is_left_for_the_next_time(tmp_path: Path) -> None:
    whole, half = line("/a/"), line("/b/")
    logs(tmp_path, whole, half[:40])
    first = read(tmp_path).data
    assert (first["lines"], first["malformed"], pages(first)) == (1, 0, {"/a/": 1})
    logs(tmp_path, half[40:])
    assert pages(read(tmp_path, first["cursor"]).data) == {"/b/": 1}


def test_a_log_that_is_missing_or_empty_is_said_to_be(tmp_path: Path) -> None:
    connector = stage(Case("access-log", {"path": "logs/access.log"}), tmp_path).connector
    with pytest.raises(RefusedError, match="there is no log") as caught:
        connector.read("analytics.read", {})
    assert [finding.message for finding in connector.check()] == [caught.value.message]
    live = logs(tmp_path)
    assert [finding.message for finding in connector.check()] == [f"{live} is empty"]
    assert read(tmp_path).data["lines"] == 0


PACKED = gzip.compress(b"".join(line(f"/old/{number}/") for number in range(50)))
DAMAGED = {"cut": PACKED[:-20], "changed": PACKED[:-8] + bytes(8), "plain": line("/old/"), "no more": PACKED[:12]}


@pytest.mark.parametrize("how", [*DAMAGED, "a loop"])
def test_a_rotated_file_that_cannot_be_read_is_a_finding_and_no_line_counts_twice(how: str, tmp_path: Path) -> None:
    rotated = logs(tmp_path, line("/new/")).with_name("access.log.1.gz")
    rotated.write_bytes(PACKED)
    before = read(tmp_path).data
    assert before["lines"] == 51
    rotated.unlink()
    rotated.write_bytes(DAMAGED[how]) if how in DAMAGED else rotated.symlink_to(rotated.name)
    found = read(tmp_path)
    assert pages(found.data)["/new/"] == 1
    said = [(finding.path, finding.rule, bool(finding.hint)) for finding in found.findings]
    assert said == [("logs/access.log.1.gz", "log-damaged" if how in DAMAGED else "log-unreadable", True)]
    meanwhile = read(tmp_path, before["cursor"]).data
    rotated.unlink()
    rotated.write_bytes(PACKED)
    assert (meanwhile["views"], read(tmp_path, meanwhile["cursor"]).data["views"]) == (0, 0)


def test_more_than_max_bytes_is_read_on_with_the_cursor_each_line_once(tmp_path: Path) -> None:
    names = [f"/{age}/{number}/" for age in ("old", "new") for number in range(9)]
    _rotate(logs(tmp_path, *map(line, names[:9])), "rename")
    logs(tmp_path, *map(line, names[9:]))
    found = read(tmp_path, max_bytes=400)
    assert [finding.rule for finding in found.findings] == ["log-size", "log-size"]
    seen = list(pages(found.data))
    assert set(seen) < set(names[9:])  # the newest file comes first
    while (found := read(tmp_path, found.data["cursor"], max_bytes=400)).data["lines"]:
        seen += pages(found.data)
    assert sorted(seen) == sorted(names)


def test_a_packed_file_of_one_endless_line_is_not_unpacked_to_its_end(tmp_path: Path) -> None:
    logs(tmp_path, line()).with_name("access.log.1.gz").write_bytes(gzip.compress(b"0" * 20_000_000))
    found = read(tmp_path, max_bytes=1_000_000)
    assert [finding.rule for finding in found.findings] == ["log-line", "log-size"]
    assert sum(found.data["cursor"].values()) < 1_200_000


_SPLICES = st.tuples(st.integers(0, 180), st.integers(0, 9), st.binary(max_size=9))
_VALID = _SPLICES.map(lambda it: line()[: it[0]] + it[2] + line()[sum(it[:2]) :])
_LINES = st.lists(st.one_of(_VALID, st.binary(max_size=200), st.just(b"x" * 9_000), st.just(line())), max_size=15)


@settings(max_examples=200, deadline=None)
@given(_LINES)
def test_whatever_is_in_a_log_every_line_is_parsed_or_malformed(pieces: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        content = b"".join(piece + b"\n" for piece in pieces)
        logs(Path(folder), content)
        found = read(Path(folder))
        written = [each for each in content.split(b"\n") if each.strip()]
        parsed = sum(parse(each) is not None for each in written)
        assert found.data["lines"] == len(written) == parsed + found.data["malformed"]
        assert len(found.findings) <= 11
        harmless(found)


def harmless(found: Collected) -> None:
    """JSON of a bounded size, without characters that steer a terminal or hide what is written."""
    told = canonical_json(found.data)
    assert len(told.encode()) < MOST_BYTES + 2_000  # what is told of the reading itself comes on top
    told += "".join(map(str, found.findings))
    assert not [char for char in told if unicodedata.category(char)[0] == "C"]


def test_a_hostile_line_comes_out_as_plain_data_or_not_at_all(tmp_path: Path) -> None:
    sought = "https://www.google.com/?q=%e2%80%8bx%0d%0aAios-Event:+y"
    logs(tmp_path, line("/%1b[31m<script>alert(1)</script>%0a%e2%80%ae", referrer="https://evil.example<script>/"))
    logs(tmp_path, line("/b/?q=%00%1b]0;title%07", referrer=sought), line(agent=r"\x1b[2Jbot/1.0 \x07<img src=x>"))
    logs(tmp_path, b"\x1b[31mnobody <script>alert(2)</script>\n")
    found = read(tmp_path)
    harmless(found)
    assert pages(found.data) == {"/[31m<script>alert(1)</script>": 1, "/b/": 1}
    assert found.data["referrers"] == [{"kind": "search", "host": "google.com", "term": "x aios-event: y", "count": 1}]
    assert "alert(2)" not in str(found)


def test_a_flood_of_names_is_cut_and_what_was_cut_is_told(tmp_path: Path) -> None:
    hosts = {f"{'x' * 60}{number}.example": f"192.0.2.{number % 250}" for number in range(900)}
    logs(tmp_path, *(line(f"/{host}/", ip=ip, referrer=f"https://{host}/") for host, ip in hosts.items()))
    found = read(tmp_path, params={**LONG_AGO, "top": 1_000})
    harmless(found)
    assert [len(found.data[name]) + found.data["left_out"][name] for name in ("pages", "referrers")] == [900, 900]
