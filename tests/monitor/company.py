"""A small company for the monitor and the deployer, and a call as the runner would make it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aios.agents.contract import load
from aios.agents.perform import judge_files, judge_tree, perform
from aios.agents.tools import ContractTools
from aios.domain.agent import AgentCall, AgentReply, Engine
from aios.domain.front_matter import render_markdown, render_yaml
from aios.expressions import evaluate_bool
from aios.memory.recall import Memory
from aios.store.catalog import Catalog
from aios.store.documents import parse
from tests.memory.files import Files

NOW = "2026-11-23T06:00:00Z"
ROOT = Path(__file__).resolve().parents[2]


def machinery() -> Files:
    """The schemas and contracts of this very repository."""
    found = [*(ROOT / "state/schemas").glob("*.json"), *(ROOT / "state/agents").iterdir()]
    return Files({path.relative_to(ROOT).as_posix(): path.read_bytes() for path in found})


def piece(name: str, *, title: str = "", body: str = "Text.\n", **fields: Any) -> dict[str, str]:
    data: dict[str, Any] = {
        "schema": "content.v1",
        "title": title or name.replace("-", " ").capitalize(),
        "slug": name,
        "status": "published",
        "created": "2026-01-05",
        "published": "2026-01-12T08:00:00Z",
        "url": f"https://desk.example/{name}/",
        "trust": "derived",
    }
    return {
        f"state/content/{name}.md": render_markdown({k: v for k, v in (data | fields).items() if v is not None}, body)
    }


def metric(name: str, start: str, end: str, views: int, **fields: Any) -> dict[str, str]:
    data = {
        "schema": "metric.v1",
        "content": name,
        "from": start,
        "to": end,
        "days": 7,
        "views": views,
        "visitors": views // 2,
    }
    return {f"state/metrics/{name}-{start}-{end}.yaml": render_yaml(data | fields)}


def weeks_before(name: str, *views: int, **fields: Any) -> dict[str, str]:
    """Metric records of the weeks before 2026-11-16, newest first."""
    periods = [("2026-11-09", "2026-11-15"), ("2026-11-02", "2026-11-08"), ("2026-10-26", "2026-11-01")]
    found: dict[str, str] = {}
    for (start, end), number in zip(periods, views, strict=False):
        found |= metric(name, start, end, number, **fields)
    return found


def traffic(**views: int) -> dict[str, Any]:
    """A week in which the pages `/<name>/` had so many views, spread over all days; `_` stands for `-`."""
    days = [f"2026-11-{day}" for day in range(16, 23)]
    pages = [
        {
            "path": f"/{name.replace('_', '-')}/",
            "views": number,
            "visitors": number // 2,
            "days": [{"date": day, "views": number // 7 + (index < number % 7)} for index, day in enumerate(days)],
            "referrers": [],
        }
        for name, number in views.items()
    ]
    return {"from": days[0], "to": days[-1], "pages": pages, "searches": [], "missing": [], "bots": {"requests": 12}}


def call(engine: Engine, tree: Files, given: Mapping[str, Any], *, now: str = NOW) -> tuple[AgentReply, Files]:
    """The reply, held to its contract, and the tree that it leaves; every record of that tree is in order."""
    name = engine.__name__  # type: ignore[attr-defined]
    contract, findings = load(tree, name, parse=parse)
    assert contract is not None, findings
    memory = Memory(Path("/proc/nowhere"))

    def recall(query: str, limit: int, kinds: Any) -> Any:
        return memory.recall(tree, query, limit=limit, kinds=kinds, now=now)

    tools = ContractTools(tree, contract, recall=recall, records=Catalog(tree).records)
    request = AgentCall(contract, given, "watch-content/published-pieces/01kafe", "watch", now)
    reply = perform(request, engine, tools)
    memory.close()
    judge_files(
        contract, given, reply.files, lambda glob, values: glob.replace("${{ input.record }}", values.get("record", ""))
    )
    after = tree.with_files(reply.files)
    assert judge_tree(contract, reply, after, holds=evaluate_bool, data=_data) == []
    wrong = Catalog(after).findings("content", "metric", "signal", "note")
    assert wrong == [], [str(finding) for finding in wrong]
    return reply, after


def _data(path: str, content: bytes) -> Mapping[str, Any] | None:
    document, _ = parse(path, content)
    return document.data if document else None
