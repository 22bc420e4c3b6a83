"""Bringing the vectors up to date with the passages: only what has none is embedded, a batch at a time.

Each batch is durable before the next, so a kill costs one batch. Where another process is at it, it is left to it or
waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aios.memory.meaning.alone import alone
from aios.memory.meaning.export import MANIFEST
from aios.memory.meaning.meaning import Meaning, Store
from aios.memory.meaning.nearest import build

AT_ONCE = 128  # passages between two times that they are made durable
INLINE = 16  # passages that a question embeds itself; more are left to a refresh

# keys → texts, of those that are still there
Texts = Callable[[Sequence[int]], dict[int, str]]
# (embedded so far, of how many)
Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Embedded:
    """`embedded` of `passages` distinct texts were new; `under_way`: another process is at it, and nothing was done."""

    embedded: int
    passages: int
    under_way: bool = False


def refresh(
    meaning: Meaning,
    keys: Sequence[int],
    texts: Texts,
    *,
    tree: str,
    report: Report = lambda *_: None,
    wait: bool = False,
) -> Embedded:
    """Give every key its vector by the chosen model, which is exported first where it was not. Raises RefusedError.

    Where another process is at it nothing is done, unless we `wait` until it is through.
    """
    with alone(meaning.folder, wait=wait) as mine:
        return _refresh(meaning, keys, texts, tree, report, wait=wait) if mine else _under_way(keys)


def _refresh(meaning: Meaning, keys: Sequence[int], texts: Texts, tree: str, report: Report, *, wait: bool) -> Embedded:
    fingerprint = meaning.fingerprint
    folder = meaning.folder_of(fingerprint)
    if not (folder / MANIFEST).is_file():
        meaning.export(meaning.choice, fingerprint, meaning.root, folder)
    store = meaning.chosen()
    if store is None:
        raise AssertionError("the model was exported and is not there")
    with store.vectors.writing(wait=wait) as mine:
        if not mine:
            return _under_way(keys)
        store.vectors.drop(store.vectors.damaged())
        done = _embed(store, store.vectors.missing(keys), texts, report)
        store.vectors.keep_only(keys)
        is_whole = not store.vectors.missing(keys)  # unless the index went to another tree, with its texts
        if is_whole:
            store.note_complete(tree)
        build(store.vectors)
    if is_whole:
        meaning.forget_others()
    return Embedded(done, len(set(keys)))


def _under_way(keys: Sequence[int]) -> Embedded:
    return Embedded(0, len(set(keys)), under_way=True)


def catch_up(store: Store, keys: Sequence[int], texts: Texts, *, tree: str) -> int:
    """Embed the few passages that have no vector yet; how many are left where they are not few."""
    store.vectors.reopen()
    missing = store.vectors.missing(keys)
    if len(missing) > INLINE:
        return len(missing)
    with store.vectors.writing() as mine:
        if not mine:
            return len(missing)
        _embed(store, store.vectors.missing(keys), texts, lambda *_: None)
        store.note_complete(tree)
    return 0


def _embed(store: Store, missing: Sequence[int], texts: Texts, report: Report) -> int:
    done = 0
    for first in range(0, len(missing), AT_ONCE):
        found = texts(missing[first : first + AT_ONCE])
        if found:
            store.vectors.append(list(found), store.embedder.passages(list(found.values())))
            done += len(found)
        report(min(first + AT_ONCE, len(missing)), len(missing))
    return done
