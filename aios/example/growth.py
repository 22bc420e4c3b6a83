"""How the example company's records grew: a lead became a customer, a plan a published piece.

Each stage of a record is told as what differs from its last form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from aios.domain.record import Document
from aios.store.edit import DELETE

FIRST = date(2025, 1, 6)
RISE = date(2025, 11, 1)  # Planwatch costs more from here on
TOOLS = date(2026, 7, 3)  # when the company took to working with agents
OLD_PRICE: dict[str, Any] = {"amount": 1900, "currency": "EUR"}
A_YEAR = 22_800  # cents


@dataclass(frozen=True, slots=True)
class Stage:
    """What differs from the record's last form on a day, and how its operator called the change."""

    day: date
    said: str
    differs: Mapping[str, Any]
    body: str | None = None


def _company(_: Document) -> list[Stage]:
    late = {"tagline": DELETE, "about": DELETE, "attention": DELETE, "voice": DELETE, "outgoing": DELETE}
    return [
        Stage(FIRST, "Begin: who we are", late),
        Stage(date(2025, 2, 10), "Say how we write", {"attention": DELETE, "outgoing": DELETE, "about": DELETE}),
        Stage(date(2025, 9, 1), "Say in two lines what we do", {"attention": DELETE, "outgoing": DELETE}),
        Stage(TOOLS, "Say how much I can read a day", {}),
    ]


def _product(record: Document) -> list[Stage]:
    name, launched = record.data["name"], day_of(record, "launched")
    idea = {
        key: DELETE
        for key in ("price", "interval", "url", "features", "limits", "launched", "trial_days")
        if key in record.data
    }
    stages = [
        Stage(max(FIRST, launched - timedelta(days=70)), f"An idea: {name}", {"status": "idea", **idea}),
        Stage(
            max(FIRST, launched - timedelta(days=21)),
            f"{name}: what it will cost",
            {"status": "beta", "launched": DELETE, "limits": DELETE},
        ),
    ]
    if name == "Planwatch":
        stages += [
            Stage(launched, f"{name} is live", {"price": OLD_PRICE, "limits": DELETE}),
            Stage(date(2025, 6, 9), f"{name}: say what it does not do", {"price": OLD_PRICE}),
            Stage(RISE, f"{name} costs 29 euro", {}),
        ]
    else:
        stages += [
            Stage(max(FIRST, launched), f"{name} is live", {"limits": DELETE}),
            Stage(max(FIRST, launched) + timedelta(days=45), f"{name}: say what it does not do", {}),
        ]
    return stages


def _customer(record: Document) -> list[Stage]:
    data, name = record.data, record.data["name"]
    contact = day_of(record, "last_contact")
    since = date.fromisoformat(data["since"]) if "since" in data else contact
    lead = _without(record, "product", "price", "interval", "since", "notes", "churned", "churn_reason")
    begun = _without(record, "notes", "churned", "churn_reason")
    stages = [
        Stage(
            since - timedelta(days=17),
            f"{name} got in touch",
            {"status": "lead", "newsletter": False, "last_contact": (since - timedelta(days=17)).isoformat(), **lead},
        )
    ]
    if data["status"] == "lead":
        return [*stages, Stage(contact, f"{name}: what they asked", {})]
    if data.get("product") == "planwatch":
        trial = _without(record, "price", "interval", "since")
        stages.append(
            Stage(
                since - timedelta(days=14),
                f"{name} tries Planwatch",
                {"status": "trial", "last_contact": (since - timedelta(days=14)).isoformat(), **begun, **trial},
            )
        )
    if data["status"] == "trial":
        return [*stages, Stage(contact, f"{name}: how the trial goes", {})]
    old: dict[str, Any] = {"price": OLD_PRICE} if data.get("product") == "planwatch" and since < RISE else {}
    if data["price"]["amount"] == A_YEAR:
        old |= {"interval": "month"}
    stages.append(
        Stage(since, f"{name} is a customer", {"status": "active", "last_contact": since.isoformat(), **begun, **old})
    )
    if data["price"]["amount"] == A_YEAR:
        stages.append(
            Stage(
                date(2025, 10, 13), f"{name} pays for a year in advance", {"last_contact": since.isoformat(), **begun}
            )
        )
    elif old and data["status"] != "churned":
        stages.append(
            Stage(
                RISE,
                f"{name}: the new price",
                {"status": "active", "last_contact": since.isoformat(), **begun},
            )
        )
    if data["status"] == "churned":
        stages.append(
            Stage(
                day_of(record, "churned"),
                f"{name} left",
                {"status": "churned", "last_contact": since.isoformat(), "notes": DELETE},
            )
        )
    return [*stages, Stage(max(contact, stages[-1].day), f"{name}: notes of our talk", {})]


def _funnel(_: Document) -> list[Stage]:
    return [
        Stage(date(2025, 2, 24), "A funnel, on paper", {"status": "draft", "content": DELETE, "notes": DELETE}),
        Stage(date(2025, 6, 23), "The funnel as it is", {"content": DELETE, "notes": DELETE}),
        Stage(date(2026, 3, 2), "What the reviews began with", {}),
    ]


def _decision(record: Document) -> list[Stage]:
    title, decided = record.data["title"], max(FIRST, day_of(record, "decided"))
    undecided = {
        key: DELETE for key in ("choice", "why", "consequences", "decided", "by", "revisit") if key in record.data
    }
    return [
        Stage(max(FIRST, decided - timedelta(days=9)), f"To decide: {title}", {"status": "proposed", **undecided}),
        Stage(decided, f"Decided: {title}", {}),
    ]


def _project(record: Document) -> list[Stage]:
    name, started = record.data["name"], max(FIRST, day_of(record, "started"))
    milestones = record.data["milestones"]
    open_ = [{key: value for key, value in each.items() if key != "done"} for each in milestones]
    stages = [
        Stage(
            started,
            f"Begin: {name}",
            {"status": "active", "finished": DELETE, "milestones": open_, "hours": 0}
            if "finished" in record.data
            else {"milestones": open_, "hours": 0},
        )
    ]
    done = sorted({each["done"] for each in milestones if "done" in each})
    for number, day in enumerate(done):
        last = number == len(done) - 1
        reached = [each if each.get("done", "9") <= day else left for each, left in zip(milestones, open_, strict=True)]
        title = next(each["title"] for each in milestones if each.get("done") == day)
        differs: dict[str, Any] = (
            {"status": "active", "finished": DELETE, "milestones": reached}
            if "finished" in record.data
            else {"milestones": reached}
        )
        stages.append(
            Stage(
                max(started, date.fromisoformat(day)),
                f"{name}: {title[:1].lower()}{title[1:]}",
                {} if last else differs,
            )
        )
    return stages


def _content(record: Document) -> list[Stage]:
    title, published = record.data["title"], day_of(record, "published")
    created = day_of(record, "created")
    unfinished = {
        key: DELETE
        for key in ("url", "published", "metrics_tag", "words", "updated", "description")
        if key in record.data
    }
    sections = re.split(r"(?m)^(?=## )", record.body or "")
    half = "".join(sections[: 1 + len(sections) // 2])
    span = (published - created).days
    return [
        Stage(created, f"Plan: {title}", {"status": "planned", **unfinished, "summary": DELETE}, ""),
        Stage(
            created + timedelta(days=span // 3), f"First half of: {title}", {"status": "drafted", **unfinished}, half
        ),
        Stage(created + timedelta(days=2 * span // 3), f"Draft: {title}", {"status": "drafted", **unfinished}),
        Stage(
            published - timedelta(days=1), f"Edit: {title}", {"status": "edited", "url": DELETE, "published": DELETE}
        ),
        Stage(published, f"Published: {title}", {}),
    ]


def _source(record: Document) -> list[Stage]:
    return [Stage(day_of(record, "collected"), f"Notes: {record.data['title']}", {})]


def _question(record: Document) -> list[Stage]:
    asked = Stage(day_of(record, "asked"), f"Asked: {record.data['asks']}", {})
    if record.data["status"] == "open":
        return [asked]
    unanswered = {"status": "open", "answer": DELETE, "answered": DELETE, "answered_by": DELETE}
    return [
        Stage(asked.day, asked.said, unanswered),
        Stage(day_of(record, "answered"), f"Answered: {record.data['answer']}", {}),
    ]


def _note(record: Document) -> list[Stage]:
    learned = day_of(record, "created")
    return [
        Stage(learned, f"Learned: {record.data['title']}", _without(record, "source")),
        Stage(learned + timedelta(days=3), f"Where we learned it: {record.data['title']}", {}),
    ]


def _metric(record: Document) -> list[Stage]:
    return [Stage(day_of(record, "recorded"), "", {})]


GROWTH: Mapping[str, Callable[[Document], list[Stage]]] = {
    "company": _company,
    "content": _content,
    "customers": _customer,
    "decisions": _decision,
    "funnels": _funnel,
    "memory": _note,
    "metrics": _metric,
    "products": _product,
    "projects": _project,
    "questions": _question,
    "sources": _source,
}


def day_of(record: Document, name: str) -> date:
    return date.fromisoformat(str(record.data[name])[:10])


def _without(record: Document, *names: str) -> dict[str, Any]:
    return {name: DELETE for name in names if name in record.data}
