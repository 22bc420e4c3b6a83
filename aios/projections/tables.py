"""The tables of the projection: what each column means, in one place. `aios query --tables` prints it."""

from __future__ import annotations

TABLES: dict[str, dict[str, str]] = {
    "records": {
        "ref": "the record's name: directory and id, e.g. customers/acme",
        "kind": "customer, content, decision …",
        "id": "its id within its kind",
        "path": "its file",
        "title": "its title or name",
        "status": "its status, where its kind has one",
        "trust": "operator, derived or external",
        "data": "all fields as JSON: json_extract(data, '$.email')",
        "body": "the prose of a Markdown record",
    },
    "events": {
        "seq": "place in the log; never changes once told",
        "commit_id": "the commit",
        "at": "when, as its author's clock said (ISO 8601 with offset)",
        "type": "what happened, e.g. content.published",
        "subject": "the commit's first line",
        "body": "why, in words",
        "actor": "operator, agent:writer@3, connector:site …",
        "author": "name of the commit's author",
        "email": "address of the commit's author",
        "run": "the run it belongs to",
        "step": "the step of that run",
        "item": "the item of a step that fans out, from 0",
        "attempt": "the attempt at the step, from 1",
        "status": "how the step ended",
        "key": "the step's or effect's key",
        "mainline": "1 for a commit on main itself, 0 for one that a merge brought in",
    },
    "event_records": {"seq": "the event", "ref": "a record that it touched"},
    "field_changes": {
        "seq": "the event",
        "ref": "the record",
        "field": "the field; body for prose",
        "before": "its value before, as JSON; null where it was not there",
        "after": "its value after, as JSON",
    },
    "runs": {
        "run": "workflow/subject/ulid",
        "id": "the ULID alone",
        "workflow": "the workflow's name",
        "subject": "what it is about",
        "status": "running, waiting, proposed, approved, done, failed, rejected, cancelled, reverted",
        "trigger": "manual, schedule, event or signal",
        "trigger_key": "what keeps the trigger from starting it twice",
        "base": "the commit that it started from",
        "started": "when",
        "proposed": "when its proposal was opened",
        "decided": "when its proposal was decided",
        "decided_by": "who decided",
        "reason": "why, in their words",
        "verdict": "what the policy said: deny, ask, confirm, digest or auto",
        "finished": "when it was over",
        "usd": "what it cost",
        "tokens": "model tokens that it used",
    },
    "work": {
        "run": "the run; there is a row for each that was proposed",
        "workflow": "its workflow",
        "piece": "the piece that it wrote",
        "status": "its status",
        "started": "when",
        "words": "words of the piece",
        "seconds": "seconds of work until the decision, one attempt after the other; null where that was not noted",
        "wall": "the same on the wall clock",
        "usd": "what models cost until the decision",
        "tokens": "their tokens",
        "calls": "calls of models that were made",
        "avoided": "calls that the cache answered",
        "avoided_usd": "what those would have cost; null where the model has no price",
        "read_kb": "kilobytes of sources and notes that agents read",
        "passages": "passages that the piece quotes",
        "held": "those of them that memory held before the run",
        "questions": "questions that were researched",
        "searched": "those of them for which the sources were searched",
        "from_notes": "those of them that notes answered, without a search of the sources",
        "headings": "headings of its outline",
        "kept": "those of them that are the earlier piece's",
        "grew_from": "the earlier piece that its outline grew from",
        "lessons": "lessons that its agents had before them",
        "revisions": "how often you sent it back",
        "edited": "characters that you changed by hand",
        "waited": "seconds from proposal to your decision",
    },
    "steps": {
        "run": "the run",
        "step": "the step",
        "status": "how it ended",
        "attempts": "how often it was tried (all items together)",
        "items": "number of items of a step that fans out",
        "ended": "when",
    },
    "effects": {
        "run": "the run",
        "step": "the step",
        "key": "the effect's key; the ledger knows it by this",
        "capability": "e.g. cms.publish",
        "connector": "the connector's name",
        "target": "what it acts on",
        "summary": "what it does, in words",
        "ref": "the record that it is made from",
        "reversible": "1 where it can be undone",
        "done": "1 where it has its receipt",
        "url": "where it can be seen",
    },
    "questions": {
        "ref": "the record of the question, empty for one that a run holds",
        "run": "the run that asks",
        "step": "the step that asks",
        "asks": "the question",
        "status": "open or answered",
        "answer": "the answer",
        "asked": "when",
        "answered": "when",
    },
    "metrics": {
        "ref": "the metric's record",
        "content": "the piece; empty for the whole site",
        "first_day": "first day of the period",
        "last_day": "its last day",
        "views": "page views by people",
        "visitors": "people",
        "bots": "requests by machines",
        "trend": "new, steady, rising or fading",
        "change": "share gained or lost against what is usual",
    },
}
# What is made from files goes with its file: when that changes, its rows are made anew.
BY_FILE = ("records", "runs", "work", "steps", "effects", "questions", "metrics")
BY_EVENT = ("events", "event_records", "field_changes")
_INDEXES = {
    "records": ("kind", "ref"),
    "events": ("commit_id", "type", "run", "at"),
    "event_records": ("ref",),
    "field_changes": ("ref",),
    "runs": ("run",),
    "work": ("run",),
}


def tables() -> list[str]:
    """The statements that make the empty tables.

    Rows lie in an order that follows from what they tell, not from when they were written: a question without `ORDER
    BY` has one answer, however the tables came to be. The columns of that order are hidden behind views.
    """
    made = []
    for name, columns in TABLES.items():
        first, key = ([], "seq, place") if name in BY_EVENT else (["file"], "file, place")
        stored = ", ".join([*first, "place", *columns])
        made.append(f"CREATE TABLE {_stored(name)} ({stored}, PRIMARY KEY ({key})) WITHOUT ROWID")
        made.append(f"CREATE VIEW {name} AS SELECT {', '.join(columns)} FROM {_stored(name)}")  # noqa: S608  ours
    return made


def indexes() -> list[str]:
    """The statements that make the indexes of the tables."""
    return [
        f"CREATE INDEX {name}_by_{column} ON {_stored(name)} ({column})"
        for name, wanted in _INDEXES.items()
        for column in wanted
    ]


def insertion(name: str) -> str:
    """The statement that writes a row of a table: its file (or nothing, for events), its place there, its columns."""
    count = len(TABLES[name]) + (2 if name in BY_FILE else 1)
    return f"INSERT INTO {_stored(name)} VALUES ({', '.join('?' * count)})"  # noqa: S608  names of ours


def removal(name: str) -> str:
    """The statement that removes the rows of one file."""
    return f"DELETE FROM {_stored(name)} WHERE file = ?"  # noqa: S608  names of ours


def _stored(name: str) -> str:
    return f"stored_{name}"


def emptying(name: str) -> str:
    """The statement that removes all rows."""
    return f"DELETE FROM {_stored(name)}"  # noqa: S608  names of ours
