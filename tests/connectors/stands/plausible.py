"""Plausible's stats API, version 2, over a list of views: metrics by dimensions, as its reference describes them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.connectors.stands import Stand
from tests.connectors.stands.serving import Asked, Said, serve

SECRET = "s3cret-value-nobody-may-see"  # noqa: S105  nobody's; the tests' own
DIMENSIONS = {"event:page": "page", "time:day": "day", "visit:referrer": "referrer"}


@dataclass(frozen=True)
class View:
    day: str
    page: str
    visitor: str
    referrer: str = "Direct / None"


@dataclass
class Views:
    """`asked` are the queries; `answers` overrules the next ones."""

    views: Sequence[View]
    site: str = "test.example"
    asked: list[Any] = field(default_factory=list)
    answers: list[Said] = field(default_factory=list)

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Bearer {SECRET}" or asked.json["site_id"] != self.site:
            return Said({"error": "Invalid API key or site ID."}, 401)
        if (asked.method, asked.path) != ("POST", "/api/v2/query"):
            return Said({"error": "not found"}, 404)
        self.asked.append(asked.json)
        return self.answers.pop(0) if self.answers else Said(self._answer(**asked.json))

    def _answer(
        self,
        *,
        site_id: str,
        date_range: list[str],
        metrics: list[str],
        dimensions: list[str],
        pagination: dict[str, int],
        filters: Sequence[Any] = (),
    ) -> Any:
        first, last = date_range
        groups: defaultdict[tuple[str, ...], list[View]] = defaultdict(list)
        for view in self.views:
            fits = all(getattr(view, DIMENSIONS[name]) in values for _, name, values in filters)
            if first <= view.day <= last and fits:
                groups[tuple(getattr(view, DIMENSIONS[name]) for name in dimensions)].append(view)
        if not dimensions:
            groups.setdefault((), [])
        count: dict[str, Callable[[list[View]], int]] = {
            "pageviews": len,
            "visitors": lambda views: len({view.visitor for view in views}),
        }
        rows: list[dict[str, Any]] = [
            {"dimensions": list(group), "metrics": [count[metric](views) for metric in metrics]}
            for group, views in groups.items()
        ]
        rows.sort(key=lambda row: (-row["metrics"][0], row["dimensions"]))
        begin = pagination["offset"]
        return {"results": rows[begin : begin + pagination["limit"]], "meta": {}, "query": {}}


SOME = (
    View("2026-03-07", "/hello/", "a", "duckduckgo.com"),
    View("2026-03-08", "/hello/", "a"),
    View("2026-03-08", "/hello/", "b", "news.example/item"),
    View("2026-03-08", "/", "b"),
    View("2026-03-09", "/hello/", "c"),
)


def serve_plausible(views: Views | None = None) -> Stand:
    views = views or Views(SOME)
    address, stop = serve(views.answer)

    def settings(at: str) -> dict[str, Any]:
        return {"address": f"http://{at}", "site": "test.example", "key": {"env": "TOKEN"}}

    return Stand(address, settings, Counter, lambda: list(views.views), stop)
