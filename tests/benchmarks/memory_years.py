"""Two years of a company's memory under its policy: every week pieces and their research notes, every month a folding.

The figures are those at the end of each half-year, with the policy and without: files, bytes, the index, the time that
recall takes, and whether questions of all ages still find their answer.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aios.agents.contract import load
from aios.agents.offline.archivist import archivist
from aios.agents.tools import ContractTools
from aios.domain.agent import AgentCall
from aios.domain.front_matter import render_markdown
from aios.memory.recall import Memory
from aios.runs.remembering import Golden, answered
from aios.store.catalog import Catalog
from aios.store.documents import parse
from tests.benchmarks.durable_step import Row
from tests.memory.files import Files

Texts = dict[str, str | bytes]

ROOT = Path(__file__).parents[2]
START = datetime(2024, 11, 4, tzinfo=UTC)
WEEKS = 104
PIECES = 3  # a week
QUESTIONS = 6  # a piece
ASKED = 60
_FIGURES = {
    "notes": ("notes (peer: nothing folded)", ""),
    "kib": ("memory KiB", ""),
    "index": ("index KiB", ""),
    "ms": ("recall p50 ms", ""),
    "found": (f"questions answered, of {ASKED}", "≥ 0.95"),
}
_WORDS = """
    price plan churn notice refund invoice renewal discount trial annual monthly customer support mail letter
    margin survey page copy headline experiment cohort segment upgrade downgrade seat usage credit limit
    contract term tax adviser reseller partner webinar guide checklist template onboarding migration export
    import backup audit
""".split()  # noqa: SIM905 (a list of words reads best as words)


def run() -> list[Row]:
    rows = []
    ends = {folded: _years(folded=folded) for folded in (True, False)}
    for number, (ours, peer) in enumerate(zip(ends[True], ends[False], strict=True), 1):
        when = f"after {number * 6} months"
        rows += [
            Row(
                f"notes {when} (peer: nothing folded)", ours["notes"], peer["notes"], ours["notes"] / peer["notes"], ""
            ),
            Row(f"memory KiB {when}", ours["kib"], peer["kib"], ours["kib"] / peer["kib"], ""),
            Row(f"index KiB {when}", ours["index"], peer["index"], ours["index"] / peer["index"], ""),
            Row(f"recall p50 ms {when}", ours["ms"], peer["ms"], ours["ms"] / peer["ms"], ""),
            Row(f"questions answered {when}", ours["found"], peer["found"], ours["found"] / peer["found"], "≥ 0.95"),
        ]
    return rows


def _years(*, folded: bool) -> list[Mapping[str, float]]:
    chance = random.Random(7)
    files: Texts = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in _machinery()}
    asked: list[Golden] = []
    ends = []
    with tempfile.TemporaryDirectory() as place:
        memory = Memory(Path(place) / "recall.sqlite")
        for week in range(1, WEEKS + 1):
            now = START + timedelta(weeks=week)
            for number in range(PIECES):
                asked += _piece(files, f"piece-{week:03}-{number}", now, chance)
            if folded and week % 4 == 0:
                _fold(files, now)
            if week % 26 == 0:
                ends.append(_measured(Files(files), memory, chance.sample(asked, ASKED), now, Path(place)))
        memory.close()
    return ends


def _machinery() -> list[Path]:
    places = ("state/schemas/*.json", "state/agents/archivist.*", "memory/policy.yaml")
    return [path for place in places for path in ROOT.glob(place)]


def _piece(files: Texts, name: str, now: datetime, chance: random.Random) -> list[Golden]:
    found = []
    for number in range(QUESTIONS):
        about = chance.sample(_WORDS, 4)
        figure = f"{chance.randint(11, 9899)} of {chance.randint(9900, 99999)}"
        said = f"Of {about[0]} and {about[1]} it is known that {figure} concern {about[2]} and {about[3]}."
        more = " ".join(
            f"{chance.choice(_WORDS).capitalize()} and {chance.choice(_WORDS)} matter too." for _ in range(9)
        )
        data: dict[str, Any] = {
            "schema": "note.v1",
            "kind": "research",
            "title": f"{' '.join(about)} in {name}",
            "question": f"What is known of {about[0]} and {about[1]} for {name}?",
            "content": name,
            "created": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "trust": "derived",
        }
        path = f"memory/research/{name}-q{number}.md"
        files[path] = render_markdown(data, f"# {about[0]}\n\n> {said}\n\n> {more}\n")
        found.append(Golden(f"{about[0]} {about[1]} {figure}", (path,)))
    return found


def _fold(files: Texts, now: datetime) -> None:
    tree = Files(files)
    contract, findings = load(tree, "archivist", parse=parse)
    if contract is None:
        raise SystemExit(str(findings[0]))
    tools = ContractTools(tree, contract, recall=lambda *_: (), records=Catalog(tree).records)
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    reply = archivist(AgentCall(contract, {}, f"compact-memory/old-notes/{at}", "fold", at), tools)
    for path, text in reply.files.items():
        if text is None:
            del files[path]
        else:
            files[path] = text


def _measured(tree: Files, memory: Memory, golden: list[Golden], now: datetime, place: Path) -> Mapping[str, float]:
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    memory.recall(tree, "warm up", limit=1, now=at)
    times: list[float] = []

    def recall(tree: Any, query: str, limit: int) -> Any:
        began = time.perf_counter()
        hits = memory.recall(tree, query, limit=limit, now=at)
        times.append((time.perf_counter() - began) * 1000)
        return hits

    found = sum(bool(each.place) for each in answered(tree, golden, recall))
    notes = [path for path in tree.paths("memory/") if path.endswith(".md")]
    size = sum(len(tree.read(path) or b"") for path in notes)
    index = sum(file.stat().st_size for file in place.glob("recall.sqlite*"))
    ms = statistics.median(times)
    return {"notes": len(notes), "kib": size / 1024, "index": index / 1024, "ms": ms, "found": found}
