from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aios.domain.memory import Among
from aios.domain.record import Trust
from aios.errors import RefusedError
from aios.memory.meaning.alone import alone
from aios.memory.meaning.export import MANIFEST
from aios.memory.meaning.meaning import Meaning
from aios.memory.meaning.refresh import AT_ONCE, INLINE, Report
from aios.memory.recall import Memory
from tests.memory.files import Files, note
from tests.memory.meaning.hashed import Hashed, meaning_in, model_in

FILES = Files(
    {
        "memory/lessons/dogs.md": note("The dog", "The dog barks at strangers.", trust="operator"),
        "memory/lessons/bills.md": note("The invoice", "An invoice is due within two weeks.", trust="external"),
        "memory/lessons/goodbye.md": note("Churn", "Churn rises in March.", trust="operator"),
    }
)


@pytest.fixture
def meaning(tmp_path: Path) -> Meaning:
    return meaning_in(tmp_path, model_in(tmp_path))


@pytest.fixture
def memory(tmp_path: Path, meaning: Meaning) -> Iterator[Memory]:
    opened = Memory(tmp_path / "recall.sqlite", meaning=lambda: meaning)
    yield opened
    opened.close()


def embedder(meaning: Meaning) -> Hashed:
    store = meaning.chosen()
    assert store is not None
    assert isinstance(store.embedder, Hashed)
    return store.embedder


def paths(memory: Memory, query: str, files: Files = FILES) -> list[str]:
    return [hit.path.rpartition("/")[2] for hit in memory.recall(files, query, limit=3)]


def many(count: int, word: str = "margin") -> Files:
    return Files(
        {f"memory/lessons/n{number:04}.md": note("N", f"Of {word} number {number}.") for number in range(count)}
    )


def test_other_words_for_the_same_are_found_once_the_vectors_are_there(memory: Memory) -> None:
    assert paths(memory, "hound") == []
    assert memory.behind == 3
    done = memory.refresh(FILES)
    assert done is not None
    assert (done.embedded, done.passages) == (3, 3)
    hits = memory.recall(FILES, "hound")
    assert hits[0].path == "memory/lessons/dogs.md"
    assert "close in meaning" in hits[0].why
    assert hits[0].model
    assert memory.behind == 0


def test_words_still_count_beside_meaning(memory: Memory) -> None:
    memory.refresh(FILES)
    assert paths(memory, "churn in March")[0] == "goodbye.md"
    hits = memory.recall(FILES, "invoice")
    assert hits[0].path == "memory/lessons/bills.md"
    assert "matches “invoice”" in hits[0].why


def test_what_nothing_is_near_to_finds_nothing(memory: Memory) -> None:
    memory.refresh(FILES)
    assert paths(memory, "thermodynamics") == []


def test_filters_hold_for_what_is_found_by_meaning(memory: Memory) -> None:
    memory.refresh(FILES)
    assert memory.recall(FILES, "bill")
    assert not memory.recall(FILES, "bill", among=Among(trust=frozenset({Trust.OPERATOR})))
    assert not memory.recall(FILES, "bill", exclude=["memory/lessons/b*.md"])
    assert not memory.recall(FILES, "bill", kinds=["source"])


def test_a_narrow_filter_finds_what_is_far_from_the_nearest_of_all(memory: Memory) -> None:
    """Three hundred notes are nearer than the one that is wanted."""
    texts = {f"memory/lessons/n{number:03}.md": note("N", f"dog dog hound {number}") for number in range(300)}
    files = Files({**texts, "memory/research/far.md": note("Canine", "The canine and the house.")})
    memory.refresh(files)
    hits = memory.recall(files, "puppy", only=["memory/research/**"])
    assert [hit.path for hit in hits] == ["memory/research/far.md"]


def test_a_changed_note_costs_its_own_passages_and_nothing_else(memory: Memory, meaning: Meaning) -> None:
    memory.refresh(FILES)
    known = len(embedder(meaning).embedded)
    changed = FILES.with_files({"memory/lessons/bills.md": note("The invoice", "An invoice is due at once.")})
    assert paths(memory, "bill", changed) == ["bills.md"]
    assert embedder(meaning).embedded[known:] == ["The invoice\nAn invoice is due at once."]
    assert memory.behind == 0
    assert memory.verify(changed).differences == ()
    known = len(embedder(meaning).embedded)
    paths(memory, "bill", FILES)
    assert len(embedder(meaning).embedded) == known, "what came back had its vector still"


def test_many_new_notes_are_left_to_a_refresh_and_found_by_their_words_until_then(
    memory: Memory, meaning: Meaning
) -> None:
    memory.refresh(FILES)
    more = FILES.with_files({path: many(INLINE + 1).read(path) for path in many(INLINE + 1).paths()})
    assert memory.recall(more, "margin number")
    assert memory.behind == INLINE + 1
    assert len(embedder(meaning).embedded) == 3
    memory.refresh(more)
    assert len(embedder(meaning).embedded) == 3 + INLINE + 1


def test_the_same_text_in_two_places_has_one_vector_and_is_found_in_both(memory: Memory, meaning: Meaning) -> None:
    twins = Files({f"memory/lessons/{name}.md": note("The dog", "The dog barks.") for name in ("a", "b")})
    memory.refresh(twins)
    assert len(embedder(meaning).embedded) == 1
    assert paths(memory, "hound", twins) == ["a.md", "b.md"]


def test_a_refresh_that_is_killed_goes_on_where_it_was(memory: Memory, meaning: Meaning) -> None:
    files = many(3 * AT_ONCE)
    with pytest.raises(KeyError):
        memory.refresh(files, _dies_after(1))
    assert len(embedder(meaning).embedded) == AT_ONCE
    store = meaning.chosen()
    assert store is not None
    assert not store.complete
    memory.refresh(files)
    assert len(embedder(meaning).embedded) == 3 * AT_ONCE
    assert len(set(embedder(meaning).embedded)) == 3 * AT_ONCE
    assert memory.verify(files).differences == ()


def _dies_after(batches: int) -> Report:
    seen: list[int] = []

    def report(done: int, _: int) -> None:
        seen.append(done)
        if len(seen) == batches:
            raise KeyError("killed")

    return report


def test_a_process_that_is_at_it_already_is_left_to_it(memory: Memory, meaning: Meaning) -> None:
    memory.refresh(FILES)
    store = meaning.chosen()
    assert store is not None
    with store.vectors.writing():
        done = memory.refresh(many(5))
        assert done is not None
        assert done.under_way
        assert memory.recall(many(5), "margin number"), "recall does not wait for it"
    assert memory.refresh(many(5)) is not None


def test_who_waits_for_the_process_that_is_at_it_has_its_vectors_then(memory: Memory, meaning: Meaning) -> None:
    memory.refresh(FILES)
    store = meaning.chosen()
    assert store is not None
    with ThreadPoolExecutor(1) as pool:
        with store.vectors.writing():
            waiting = pool.submit(memory.refresh, many(5), wait=True)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.2)
        done = waiting.result(timeout=60)
    assert done is not None
    assert not done.under_way
    assert memory.verify(many(5)).differences == ()


def test_another_models_vectors_serve_until_those_of_the_chosen_one_are_complete(tmp_path: Path) -> None:
    files = many(2 * AT_ONCE)
    first = meaning_in(tmp_path, model_in(tmp_path, "first"))
    Memory(tmp_path / "recall.sqlite", meaning=lambda: first).refresh(files)
    second = meaning_in(tmp_path, model_in(tmp_path, "second"))
    memory = Memory(tmp_path / "recall.sqlite", meaning=lambda: second)
    assert memory.recall(files, "margin")[0].model == first.fingerprint
    assert memory.behind == len(files.paths())
    with pytest.raises(KeyError):
        memory.refresh(files, _dies_after(1))
    assert memory.recall(files, "margin")[0].model == first.fingerprint
    memory.refresh(files)
    assert memory.recall(files, "margin")[0].model == second.fingerprint
    assert [each.parent.name for each in (tmp_path / "embedding").glob(f"*/{MANIFEST}")] == [second.fingerprint[:16]]


def test_coverage_tells_how_far_the_vectors_are(memory: Memory) -> None:
    before = memory.coverage(FILES)
    assert before is not None
    assert (before.done, before.passages) == (0, 3)
    memory.refresh(FILES)
    after = memory.coverage(FILES)
    assert after is not None
    assert (after.done, after.passages, after.serving) == (3, 3, "")


def test_verify_tells_what_is_missing_damaged_or_of_another_model(memory: Memory, meaning: Meaning) -> None:
    assert "was not exported yet" in memory.verify(FILES).differences[0]
    memory.refresh(FILES)
    told = memory.verify(FILES)
    assert told.differences == ()
    assert (told.passages, told.fingerprint) == (3, meaning.fingerprint)
    assert "17 passages without a vector" in memory.verify(many(INLINE + 1)).differences[0]
    (matrix,) = meaning.folder.glob("*/vectors-*")
    data = bytearray(matrix.read_bytes())
    data[5] ^= 64
    matrix.write_bytes(data)
    assert "1 vector damaged on the disk" in memory.verify(FILES).differences[0]
    done = memory.refresh(FILES)
    assert done is not None
    assert done.embedded == 1
    assert memory.verify(FILES).differences == ()


def test_vectors_of_another_model_under_this_ones_name_are_noticed(memory: Memory, meaning: Meaning) -> None:
    memory.refresh(FILES)
    embedder(meaning).fingerprint = "changed"
    assert "3 of 3 vectors tried are not this model's" in memory.verify(FILES).differences[0]


@pytest.mark.parametrize("harm", ["keys", "vectors", "manifest", "folder"])
def test_broken_files_cost_meaning_not_the_answer(tmp_path: Path, meaning: Meaning, harm: str) -> None:
    memory = Memory(tmp_path / "recall.sqlite", meaning=lambda: meaning)
    memory.refresh(FILES)
    (keys,) = meaning.folder.glob("*/keys")
    match harm:
        case "keys":
            keys.write_bytes(b"nonsense")
        case "vectors":
            next(keys.parent.glob("vectors-*")).unlink()
        case "manifest":
            (keys.parent / MANIFEST).unlink()
        case _:
            keys.unlink()
            keys.mkdir()
    fresh = meaning_in(tmp_path, meaning.choice)
    again = Memory(tmp_path / "recall.sqlite", meaning=lambda: fresh)
    assert paths(again, "churn in March") == ["goodbye.md"]
    if harm != "folder":
        again.refresh(FILES)
        assert paths(again, "hound")[0] == "dogs.md"


def test_a_choice_that_cannot_be_had_leaves_recall_to_words_and_says_why(tmp_path: Path) -> None:
    def refuse() -> Meaning:
        raise RefusedError("there is no such model", "choose another")

    memory = Memory(tmp_path / "recall.sqlite", meaning=refuse)
    assert paths(memory, "churn in March") == ["goodbye.md"]
    assert memory.without_meaning is not None
    assert memory.without_meaning.message == "there is no such model"


def test_the_same_question_gets_the_same_answer_whatever_the_index_held_before(tmp_path: Path) -> None:
    files = many(40).with_files({path: FILES.read(path) for path in FILES.paths()})
    answers = []
    for number, steps in enumerate(([files], [FILES, many(10), files], [many(60), files])):
        folder = tmp_path / str(number)
        folder.mkdir()
        meaning = meaning_in(folder, model_in(folder))
        memory = Memory(folder / "recall.sqlite", meaning=lambda found=meaning: found)  # type: ignore[misc]
        for step in steps:
            memory.refresh(step)
        answers.append(memory.recall(files, "hound of margin number 7"))
    assert answers[0] == answers[1] == answers[2]


def test_the_vectors_of_what_is_long_gone_are_given_back(memory: Memory, meaning: Meaning) -> None:
    memory.refresh(many(1_500))
    memory.refresh(many(200))
    store = meaning.chosen()
    assert store is not None
    assert len(store.vectors) == 200


@pytest.mark.parametrize("lost", ["keys", "vectors-000001"])
def test_vectors_that_were_lost_are_missed_at_the_next_question(memory: Memory, meaning: Meaning, lost: str) -> None:
    memory.refresh(FILES)
    (meaning.folder / meaning.fingerprint[:16] / lost).unlink()
    again = _in_another_process(meaning)
    again.recall(FILES, "hound")
    assert again.behind == 3
    again.refresh(FILES)
    assert paths(again, "hound")[0] == "dogs.md"


def test_a_tree_whose_vectors_were_given_back_is_not_taken_for_complete(memory: Memory, meaning: Meaning) -> None:
    """As where a refresh for another tree was killed."""
    memory.refresh(many(1_500))
    store = meaning.chosen()
    assert store is not None
    with store.vectors.writing():
        assert store.vectors.keep_only(store.vectors.keys.tolist()[:200])
    again = _in_another_process(meaning)
    again.recall(many(1_500), "margin")
    assert again.behind == 1_500


def test_vectors_are_not_complete_where_the_index_went_to_another_tree_meanwhile(
    memory: Memory, meaning: Meaning
) -> None:
    files = many(2 * AT_ONCE)
    other = _in_another_process(meaning)

    def report(done: int, _: int) -> None:
        if done == AT_ONCE:
            other.recall(FILES, "invoice")

    memory.refresh(files, report)
    again = _in_another_process(meaning)
    again.recall(files, "margin")
    assert again.behind
    again.refresh(files)
    assert again.verify(files).differences == ()


def test_a_model_is_exported_by_one_process_at_a_time(memory: Memory, meaning: Meaning) -> None:
    with alone(meaning.folder) as mine:
        assert mine
        done = memory.refresh(FILES)
    assert done is not None
    assert done.under_way
    assert meaning.chosen() is None, "it was left to the other"
    memory.refresh(FILES)
    assert paths(memory, "hound")[0] == "dogs.md"


def test_a_broken_index_costs_time_not_the_coverage(memory: Memory, tmp_path: Path) -> None:
    memory.refresh(FILES)
    memory.close()
    (tmp_path / "recall.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000)
    found = memory.coverage(FILES)
    assert found is not None
    assert (found.done, found.passages) == (3, 3)


def _in_another_process(meaning: Meaning) -> Memory:
    """The same files, opened again."""
    folder = meaning.root
    return Memory(folder / "recall.sqlite", meaning=lambda: meaning_in(folder, meaning.choice))
