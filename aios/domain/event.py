"""Events: past-tense facts, one commit each.

`EventNote` is what we say in a commit message (rendered with trailers); `Event` is what the log gives back, of our
commits and of the operator's alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aios.domain.keys import canonical_json
from aios.domain.unseen import with_unseen_escaped, with_unseen_shown, without_unseen

OPERATOR = "operator"
AIOS_NAME, AIOS_EMAIL = "aios", "aios@localhost"  # the author of commits of ours that are no decision


class StepStatus(StrEnum):
    """How an attempt at a step ended. RUNNING and WAITING appear only in folded state, never in a commit."""

    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class EventNote:
    """The facts of one of our commits.

    `type` is `noun.past-tense` (`content.drafted`); `title` one line; `body` free text. `records` are refs.
    `item` is the index within a `for_each`; `output` the step's output or the event's data, JSON of at most 64 KiB;
    `error` one line; `transient` tells whether a failed attempt may be tried again;
    `usage` what models cost (`usd`, `input`, `output`, `calls`, `models`).
    """

    type: str
    title: str
    body: str = ""
    records: tuple[str, ...] = ()
    run: str = ""
    step: str = ""
    item: int | None = None
    attempt: int = 0
    status: str = ""
    actor: str = "aios"
    key: str = ""
    context: str = ""
    output: Any = None
    error: str = ""
    transient: bool = False
    usage: Mapping[str, Any] = field(default_factory=dict)


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FORGED = re.compile(r"^(Aios-[A-Za-z-]+|Signed-off-by|Co-authored-by)\s*:", re.IGNORECASE | re.MULTILINE)
OUTPUT_LIMIT = 64 * 1024
OUTPUT_DEPTH = 20  # a run's record holds it a few levels further down, and YAML is read 32 deep


def one_line(text: str, limit: int = 200) -> str:
    """Text from anywhere as one harmless line: nothing that controls or hides, cut with an ellipsis."""
    line = without_unseen(_CONTROL.sub(" ", text)).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def output_text(output: Any) -> str:
    """An output as a commit message holds it. Raises ValueError for one that is no JSON, too large or too deep."""
    try:
        text = with_unseen_escaped(canonical_json(output))
    except RecursionError as error:
        raise ValueError("it is nested without an end") from error
    if len(text.encode()) > OUTPUT_LIMIT:
        raise ValueError(f"it is larger than {OUTPUT_LIMIT // 1024} KiB")
    if not _shallow(output, OUTPUT_DEPTH):
        raise ValueError(f"it is nested more than {OUTPUT_DEPTH} levels deep")
    return text


def _shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, Mapping | list | tuple):
        return True
    inner = value.values() if isinstance(value, Mapping) else value
    return levels > 0 and all(_shallow(each, levels - 1) for each in inner)


def render_message(note: EventNote) -> str:
    """The commit message: `type: title`, body, trailers last. Raises ValueError for an output that cannot be kept."""
    lines = [f"Aios-Event: {note.type}"]
    lines += [f"Aios-Record: {one_line(ref)}" for ref in note.records]
    pairs: list[tuple[str, str]] = [
        ("Run", note.run),
        ("Step", note.step),
        ("Item", "" if note.item is None else str(note.item)),
        ("Attempt", str(note.attempt) if note.attempt else ""),
        ("Status", note.status),
        ("Actor", note.actor),
        ("Key", note.key),
        ("Context", note.context),
        ("Error", one_line(note.error, 500)),
        ("Transient", "true" if note.transient else ""),
        ("Usage", canonical_json(dict(note.usage)) if note.usage else ""),
    ]
    if note.output is not None:
        pairs.append(("Output", output_text(note.output)))
    lines += [f"Aios-{name}: {value}" for name, value in pairs if value]
    # A body may quote outside text; a line of it must never read as a trailer of ours.
    body = _FORGED.sub(r"· \1:", with_unseen_shown(note.body.replace("\r\n", "\n")).strip())
    head = f"{note.type}: {one_line(note.title)}"
    return "\n\n".join(part for part in (head, body, "\n".join(lines)) if part) + "\n"


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit did to one path. Blob ids are empty where the file did not exist; `renamed_from` for a rename.

    `mode` is empty for a file; 120000 where the path became a symbolic link, 160000 a submodule (then `after` is no
    blob of a record).
    """

    path: str
    before: str
    after: str
    renamed_from: str = ""
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One commit as the log tells it.

    `types` are the event's types: one for our commits, one per record change for a hand edit
    (`record.created|updated|renamed|deleted`). `at` is the author date, ISO 8601 with offset; for people, not for
    order. `mainline` is true on the first-parent chain of the branch read; a merged commit is not.
    """

    commit: str
    parents: tuple[str, ...]
    at: str
    author: str
    author_email: str
    subject: str
    body: str
    mainline: bool
    types: tuple[str, ...]
    records: tuple[str, ...]
    trailers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    def trailer(self, name: str) -> str:
        """The last `Aios-<name>` trailer, or an empty string."""
        values = self.trailers.get(f"Aios-{name}", ())
        return values[-1] if values else ""

    @property
    def type(self) -> str:
        return self.types[0] if self.types else "commit"

    @property
    def is_quoted(self) -> bool:
        """Does it only quote the trailers of other commits, as a squashed branch does?"""
        return bool(self.trailer("Event")) and self.trailer("Event") != self.type

    @property
    def imprint(self) -> tuple[object, ...]:
        """What outlasts a rebase: author, date and message. Equal ones are one event told twice."""
        facts = tuple((name, *values) for name, values in self.trailers.items())
        return self.author, self.author_email, self.at, self.subject, self.body, facts

    @property
    def actor(self) -> str:
        return self.trailer("Actor") or OPERATOR

    @property
    def output(self) -> Any:
        """The step's output; None where there is none or where it does not parse."""
        text = self.trailer("Output")
        try:
            return json.loads(text) if text else None
        except ValueError:
            return None
