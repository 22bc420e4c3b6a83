"""An analytics service gives the traffic in the shape of access logs, so that the monitor reads both alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aios.agents.offline.traffic import read_traffic
from aios.connectors.analytics import MOST_BYTES
from aios.domain.keys import canonical_json
from aios.errors import AiosError, CredentialsError, TransientError, UsageError
from tests.connectors.cases import Case, stage
from tests.connectors.stands.plausible import SOME, View, Views, serve_plausible
from tests.connectors.stands.serving import Said


@dataclass
class Place:
    views: Views
    address: str
    root: Path

    def read(self, **params: Any) -> Any:
        return self.connector().read("analytics.read", params).data

    def connector(self, **more: Any) -> Any:
        case = Case("plausible", {"address": f"http://{self.address}", "site": "test.example", "key": {"env": "TOKEN"}})
        return stage(Case("plausible", {**case.settings, **more}), self.root, retry={"attempts": 1}).connector


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    views = Views(SOME)
    stand = serve_plausible(views)
    yield Place(views, stand.address, tmp_path)
    stand.stop()


def test_the_traffic_of_a_period(place: Place) -> None:
    data = place.read()
    assert (data["from"], data["to"], data["views"], data["visitors"]) == ("2026-03-02", "2026-03-08", 4, 2)
    assert data["pages"] == [
        {
            "path": "/hello/",
            "views": 3,
            "visitors": 2,
            "days": [{"date": "2026-03-07", "views": 1}, {"date": "2026-03-08", "views": 2}],
            "referrers": [
                {"kind": "host", "host": "duckduckgo.com", "count": 1},
                {"kind": "host", "host": "news.example", "count": 1},
            ],
        },
        {
            "path": "/",
            "views": 1,
            "visitors": 1,
            "days": [{"date": "2026-03-08", "views": 1}],
            "referrers": [],
        },
    ]
    assert (data["searches"], data["missing"], data["bots"]["requests"]) == ([], [], 0)


def test_the_monitor_reads_it_as_it_reads_a_log(place: Place) -> None:
    traffic = read_traffic(place.read())
    assert traffic is not None
    assert (traffic.views, traffic.covered) == (4, ("2026-03-07", "2026-03-08"))
    assert traffic.pages[0].referrers == {("host", "duckduckgo.com"): 1, ("host", "news.example"): 1}


def test_the_same_fields_as_a_log_has(place: Place, tmp_path: Path) -> None:
    from tests.connectors.cases import CASES

    of_log = stage(CASES["access-log"], tmp_path / "log").connector.read("analytics.read", {}).data
    assert set(place.read()) == set(of_log) - {"lines", "malformed", "cursor"}


def test_whose_yesterday_it_is_the_time_zone_says(place: Place) -> None:
    found = place.connector(timezone="Pacific/Kiritimati").read("analytics.read", {"days": 1}).data
    assert (found["from"], found["timezone"]) == ("2026-03-09", "Pacific/Kiritimati")
    assert place.read(**{"from": "2026-03-07", "to": "2026-03-07"})["views"] == 1
    with pytest.raises(UsageError):
        place.read(**{"from": "2026-03-07", "to": "2026-03-01"})


def test_many_pages_are_asked_for_in_parts_and_cut_at_the_end(place: Place) -> None:
    place.views.views = [View(f"2026-03-{2 + n % 7:02}", f"/p{n % 900:03}", f"v{n}") for n in range(12_000)]
    data = place.read(top=1_000)
    assert data["views"] == 12_000
    assert len(canonical_json(data).encode()) <= MOST_BYTES
    assert data["left_out"]["pages"] + len(data["pages"]) == 900


def test_labels_of_strangers_are_harmless(place: Place) -> None:
    place.views.views = [View("2026-03-08", "/a\u202eb\n<script>", "a", "javascript:alert(1)/x y")]
    (page,) = place.read()["pages"]
    assert page["path"] == "/ab <script>"
    assert page["referrers"] == []


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"results": {}},
        {"results": [7]},
        {"results": [{"metrics": [1], "dimensions": []}]},
        {"results": [{"metrics": "12", "dimensions": []}]},
    ],
)
def test_what_is_no_answer_to_the_question_is_no_traffic(place: Place, said: Any) -> None:
    place.views.answers = [Said(said)]
    with pytest.raises(AiosError) as caught:
        place.read()
    assert caught.value.hint


def test_a_day_that_is_none_is_no_traffic(place: Place) -> None:
    place.views.answers = [
        Said({"results": [{"metrics": [1, 1], "dimensions": []}]}),
        Said({"results": [{"metrics": [1, 1], "dimensions": ["/"]}]}),
        Said({"results": [{"metrics": [1], "dimensions": ["/", "soon"]}]}),
    ]
    with pytest.raises(AiosError, match="a day is none") as caught:
        place.read()
    assert caught.value.hint


def test_a_wrong_key_or_site_is_told_by_check_too(place: Place) -> None:
    with pytest.raises(CredentialsError, match="Invalid API key or site ID"):
        place.connector(site="other.example").read("analytics.read", {})
    (finding,) = place.connector(site="other.example").check()
    assert "Invalid API key or site ID" in finding.message
    assert place.connector().check() == []


def test_a_limit_of_requests_is_a_reason_to_wait(place: Place) -> None:
    place.views.answers = [Said({"error": "Too many API requests."}, 429)]
    with pytest.raises(TransientError, match="Too many API requests"):
        place.read()
