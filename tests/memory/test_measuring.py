"""The benchmark of recall is itself right: scores by hand, the format, the way back from passages to documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks import recall, scores
from tests.benchmarks.corpus import Query, laid_out, read


def test_scores_are_what_one_works_out_by_hand() -> None:
    found = ["x", "a", "y", "b"]
    assert scores.recall(found, {"a", "b", "c"}, 3) == pytest.approx(1 / 3)
    assert scores.reciprocal_rank(found, {"a", "b"}) == 0.5
    assert scores.reciprocal_rank(found, {"c"}) == 0.0
    assert scores.ndcg(found, {"a"}, 10) == pytest.approx(0.6309, abs=1e-4)
    assert scores.ndcg(["a"], {"a"}, 10) == 1.0


def test_every_document_of_the_own_set_is_found_again_by_its_text(tmp_path: Path) -> None:
    corpus = read(sorted(recall.OWN_SET.glob("*.jsonl")))
    assert len(corpus.documents) == 300
    assert len(corpus.queries) >= 150
    memorized = laid_out(corpus)
    mode = recall.ours(memorized, tmp_path)
    for document in corpus.documents[::10]:
        assert document.id in mode.ask(Query("q", document.text, frozenset()))


def test_recall_finds_more_of_the_own_set_than_plain_full_text_search(tmp_path: Path) -> None:
    corpus = read(sorted(recall.OWN_SET.glob("*.jsonl")))
    ours, plain = (recall.figures(corpus, mode) for mode in recall.measure(corpus, tmp_path))
    assert ours["R@5"] > plain["R@5"] + 0.04
    assert ours["nDCG@10"] > plain["nDCG@10"] + 0.03


def test_a_line_that_is_neither_document_nor_question_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps({"id": "d", "text": "A."}) + "\n\n" + json.dumps({"id": "e"}) + "\n")
    assert recall.main([str(file)]) == 2
    assert f"{file}:3: neither a document nor a query" in capsys.readouterr().err
    file.write_text(json.dumps({"id": "q", "text": "A?", "relevant": ["nowhere"]}) + "\n")
    assert recall.main([str(file)]) == 2
    assert "query q names documents that are not there: nowhere" in capsys.readouterr().err
