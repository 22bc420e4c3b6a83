"""How well and how fast memory finds: `python -m tests.benchmarks recall [--model DIR] [--verbose] [FILE.jsonl …]`.

Without a file, on the committed set (`recall_set/`). The format is that of `tests.benchmarks.corpus`. Every mode is
asked the same questions in the same run, question by question in turn. The peers are plain FTS5 (porter stems, any
word) and, where the `semantic` extra and a model are there, the model's vectors compared one by one.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aios.domain.memory import Hit
from aios.memory.recall import Memory
from aios.memory.words import words_of
from tests.benchmarks import scores
from tests.benchmarks.chatter import chatter
from tests.benchmarks.corpus import Corpus, Memorized, Query, laid_out, read
from tests.benchmarks.durable_step import Row
from tests.peers import PEERS, packaged_model

OWN_SET = Path(__file__).parent / "recall_set"
DEPTH = 10
COLUMNS = {
    "R@5": 3,
    "R@10": 3,
    "nDCG@10": 3,
    "MRR": 3,
    "silent": 2,
    "p50 ms": 1,
    "p95 ms": 1,
    "CPU p50": 1,
    "build s": 2,
    "MB": 1,
}  # name → digits behind the point
Ask = Callable[[Query], Sequence[str]]


@dataclass(slots=True)
class Mode:
    """One way to search, and what it answered."""

    name: str
    ask: Ask
    build_s: float
    megabytes: float
    found: dict[str, Sequence[str]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)  # seconds of CPU


def plain_fts5(corpus: Corpus, folder: Path) -> Mode:
    """What one gets from SQLite without further thought."""
    started = time.perf_counter()
    place = folder / "plain.sqlite"
    db = sqlite3.connect(place)
    db.execute("CREATE VIRTUAL TABLE found USING fts5(text, tokenize='porter unicode61')")
    rows = [(n, f"{each.title}\n{each.speaker} {each.text}") for n, each in enumerate(corpus.documents, 1)]
    db.executemany("INSERT INTO found(rowid, text) VALUES (?, ?)", rows)
    db.commit()
    taken = time.perf_counter() - started

    def ask(query: Query) -> list[str]:
        words = " OR ".join(f'"{word}"' for word in dict.fromkeys(words_of(query.text)))
        found = db.execute("SELECT rowid FROM found WHERE found MATCH ? ORDER BY rank LIMIT ?", (words, DEPTH))
        return [corpus.documents[row[0] - 1].id for row in found]

    return Mode("plain FTS5", ask, taken, place.stat().st_size / 1e6)


def ours(memorized: Memorized, folder: Path, name: str = "aios lexical") -> Mode:
    """The product, asked as agents ask it."""
    memory = Memory(folder / "recall.sqlite")
    started = time.perf_counter()
    memory.recall(memorized.files, "warm up", limit=1)
    taken = time.perf_counter() - started

    def ask(query: Query) -> list[str]:
        hits: Sequence[Hit] = memory.recall(memorized.files, query.text, limit=DEPTH, per_file=DEPTH)
        return memorized.documents(hits)

    return Mode(name, ask, taken, sum(os.path.getsize(each) for each in folder.glob("recall.sqlite*")) / 1e6)  # noqa: PTH202


def hybrid(memorized: Memorized, folder: Path, model: Path) -> Mode:
    """The product with a model: words and meaning."""
    from aios.memory.meaning.choice import Choice
    from aios.memory.meaning.meaning import Meaning

    meaning = Meaning(folder / "embedding", Choice(str(model)), folder)
    memory = Memory(folder / "hybrid.sqlite", meaning=lambda: meaning)
    started = time.perf_counter()
    memory.refresh(memorized.files)
    taken = time.perf_counter() - started

    def ask(query: Query) -> list[str]:
        return memorized.documents(memory.recall(memorized.files, query.text, limit=DEPTH, per_file=DEPTH))

    size = sum(each.stat().st_size for each in folder.glob("embedding/*/vectors-*"))
    size += sum(each.stat().st_size for each in folder.glob("hybrid.sqlite*"))
    return Mode("aios hybrid", ask, taken, size / 1e6)


def plain_vectors(corpus: Corpus, folder: Path, model: Path) -> Mode:
    """The same model's vectors of whole documents, compared one by one; the model was exported by `hybrid`."""
    import numpy as np

    from aios.memory.meaning.choice import Choice
    from aios.memory.meaning.meaning import Meaning

    store = Meaning(folder / "embedding", Choice(str(model)), folder).chosen()
    assert store is not None
    started = time.perf_counter()
    matrix = store.embedder.passages([f"{each.title}\n{each.speaker} {each.text}" for each in corpus.documents])
    taken = time.perf_counter() - started

    def ask(query: Query) -> list[str]:
        scores = matrix @ store.embedder.query(query.text)
        return [corpus.documents[place].id for place in np.argsort(-scores)[:DEPTH]]

    return Mode("plain vectors", ask, taken, matrix.nbytes / 1e6)


def measure(corpus: Corpus, folder: Path, model: Path | None = None) -> list[Mode]:
    memorized = laid_out(corpus)
    modes = [ours(memorized, folder), plain_fts5(corpus, folder)]
    if model is not None:
        modes += [hybrid(memorized, folder, model), plain_vectors(corpus, folder, model)]
    for query in corpus.queries:
        for mode in modes:
            started, worked = time.perf_counter(), time.thread_time()
            mode.found[query.id] = mode.ask(query)
            mode.seconds.append(time.perf_counter() - started)
            mode.worked.append(time.thread_time() - worked)
    return modes


def table(corpus: Corpus, modes: Sequence[Mode]) -> str:
    answered = [query for query in corpus.queries if query.relevant]
    silent = len(corpus.queries) - len(answered)
    counted = f"{len(corpus.documents)} documents, {len(answered)} questions with and {silent} without an answer"
    lines = [counted, f"{'mode':<16}{''.join(f'{name:>9}' for name in COLUMNS)}"]
    for mode in modes:
        values = figures(corpus, mode)
        lines.append(f"{mode.name:<16}{''.join(f'{values[name]:>9.{digits}f}' for name, digits in COLUMNS.items())}")
    return "\n".join(lines)


def figures(corpus: Corpus, mode: Mode) -> dict[str, float]:
    """Means over the questions that have an answer; `silent` is the share of the others that rightly got none."""
    asked = [(mode.found[query.id], query.relevant) for query in corpus.queries if query.relevant]
    silent = [not mode.found[query.id] for query in corpus.queries if not query.relevant]
    many = max(len(asked), 1)
    return {
        "R@5": sum(scores.recall(found, wanted, 5) for found, wanted in asked) / many,
        "R@10": sum(scores.recall(found, wanted, 10) for found, wanted in asked) / many,
        "nDCG@10": sum(scores.ndcg(found, wanted, 10) for found, wanted in asked) / many,
        "MRR": sum(scores.reciprocal_rank(found, wanted) for found, wanted in asked) / many,
        "silent": sum(silent) / max(len(silent), 1),
        "p50 ms": scores.quantile(mode.seconds, 0.5) * 1000,
        "p95 ms": scores.quantile(mode.seconds, 0.95) * 1000,
        "CPU p50": scores.quantile(mode.worked, 0.5) * 1000,
        "build s": mode.build_s,
        "MB": mode.megabytes,
    }


def run() -> list[Row]:
    """The committed set, as rows of the table of all benchmarks."""
    corpus = read(sorted(OWN_SET.glob("*.jsonl")))
    with tempfile.TemporaryDirectory() as folder:
        mine, peer = (figures(corpus, mode) for mode in measure(corpus, Path(folder)))
    rows = [
        ("evidence among ten, own set (peer: plain FTS5)", "R@10", "> peer"),
        ("recall p50, CPU ms", "CPU p50", "≤ 6"),
    ]
    return [Row(what, mine[name], peer[name], mine[name] / (peer[name] or 1), target) for what, name, target in rows]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks recall")
    parser.add_argument("files", nargs="*", type=Path, help="JSONL; the committed set where none is given")
    parser.add_argument("--turns", type=int, default=0, help="a made-up conversation of so many turns, for speed")
    parser.add_argument(
        "--model",
        type=Path,
        default=None if PEERS["minilm"].missing else packaged_model(),
        help="a folder with an embedding model",
    )
    parser.add_argument("--verbose", action="store_true", help="tell the questions whose evidence was missed")
    given = parser.parse_args(list(arguments))
    try:
        corpus = chatter(given.turns) if given.turns else read(given.files or sorted(OWN_SET.glob("*.jsonl")))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    with tempfile.TemporaryDirectory() as folder:
        modes = measure(corpus, Path(folder), given.model)
    print(table(corpus, modes))  # noqa: T201
    if given.verbose:
        _missed(corpus, modes[0])
    return 0


def _missed(corpus: Corpus, mode: Mode) -> None:
    for query in corpus.queries:
        found = mode.found[query.id]
        if query.relevant - set(found[:5]) or (found and not query.relevant):
            wanted = ", ".join(sorted(query.relevant)) or "nothing"
            print(f"{query.id}: {query.text}\n    wanted {wanted}; found {', '.join(found[:6])}")  # noqa: T201
