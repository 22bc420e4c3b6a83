"""Keeping memory small, as its operator does it: propose, approve, find what was folded, bring it back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aios.app import found_company
from aios.domain.front_matter import render_markdown
from aios.errors import Exit
from tests.example.replays import require_identical
from tests.example.test_flow import aios, told, waiting

QUESTIONS = {
    "notice": ("How much notice do customers want?", "Ninety days of notice were enough for nine of ten customers."),
    "letters": ("Who gets a letter?", "Tax advisers had a letter of their own, for one speaks for fifty accounts."),
    "refunds": ("What about refunds?", "A refund within a fortnight ended every complaint about the new price."),
}
SUMMARY = "memory/summaries/old-piece.md"


def research(question: str, text: str, created: str) -> str:
    data = {
        "schema": "note.v1",
        "kind": "research",
        "title": f"{question[:-1]}: 2 passages",
        "question": question,
        "content": "old-piece",
        "source": ["state/sources/interview-kontor-price-rise.md"],
        "created": created,
        "trust": "derived",
        "x-passages": [{"source": "state/sources/interview-kontor-price-rise.md", "start": 1, "end": len(text)}],
    }
    more = "> A second passage, which says more of the same at length, so that folding it is worth the while.\n"
    return render_markdown(data, f"# {question}\n\n{question}\n\n> {text}\n\n— A call (sources/x)\n\n{more * 4}")


def commit(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qm", "Notes"], cwd=root, check=True)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "fernwerk"
    found_company(root, name="", email="", example=True)
    notes = {f"memory/research/old-{name}.md": research(*each, "2025-01-05") for name, each in QUESTIONS.items()}
    commit(root, notes)
    yield root
    require_identical(root)


def test_old_notes_are_folded_on_approval_found_by_their_summary_and_come_back(company: Path) -> None:
    would = aios(company, "memory", "compact", "--dry-run")
    assert would.stdout.split("  ")[0] == SUMMARY
    assert "3 notes would be folded into 1" in would.stderr
    done = aios(company, "memory", "compact")
    assert done.returncode == Exit.WAITING, done.stderr
    assert "3 notes folded into 1" in done.stderr
    assert (company / "memory/research/old-notice.md").exists()
    shown = aios(company, "show", "old-notes").stdout
    assert "- removed: memory/research/old-notice “How much notice" in shown
    assert shown.startswith("# Fold old notes: 3 notes become 1 summary: 2.5 KiB before, 1.2 KiB after (-51 %)\n")
    for expected in (
        f"- {SUMMARY} stands for 3 notes, because they are old and unused, as memory/policy.yaml says: research/old-",
        "trust derived, written by the offline tier",
        "- ✓ names: 3 of 3 folded notes lead to a summary\n",
        "- ✓ places: 3 of 3 noted in sources are kept\n",
        "- ✓ recall: of 3 questions of folded notes 3 found their answer before, 3 of these after",
        "`aios memory restore`",
    ):
        assert expected in shown, shown
    assert aios(company, "approve", "old-notes").returncode == Exit.OK
    assert not (company / "memory/research/old-notice.md").exists()
    summary = (company / SUMMARY).read_text()
    assert "> Ninety days of notice were enough" in summary
    assert "trust: derived" in summary
    assert aios(company, "check").returncode == Exit.OK
    hits = told(company, "recall", "ninety days of notice were enough for nine of ten")
    assert SUMMARY in [hit["path"] for hit in hits]
    folded = aios(company, "memory", "show", "memory/research/old-notice.md")
    assert "A second passage" in folded.stdout
    assert f"folded into {SUMMARY}" in folded.stderr
    assert aios(company, "memory", "restore", "memory/research/old-notice.md").returncode == Exit.OK
    assert "A second passage" in (company / "memory/research/old-notice.md").read_text()
    assert "old-notice" not in (company / SUMMARY).read_text().split("---")[1]
    assert aios(company, "check").returncode == Exit.OK
    again = aios(company, "memory", "compact", "--dry-run")
    assert "nothing is due" in again.stderr


def test_where_nothing_is_due_there_is_no_run_and_nothing_waits(company: Path) -> None:
    (company / "memory/policy.yaml").write_text("schema: memory-policy.v1\nsummary: Keep everything.\n")
    subprocess.run(["git", "commit", "-qam", "Keep everything"], cwd=company, check=True)
    done = aios(company, "memory", "compact")
    assert done.returncode == Exit.OK, done.stderr
    assert "nothing is due" in done.stderr
    assert waiting(company) == []
    head = subprocess.run(["git", "log", "-1", "--format=%s"], cwd=company, check=True, capture_output=True, text=True)
    assert head.stdout == "Keep everything\n"  # no run that did nothing


def test_a_golden_query_that_would_find_nothing_more_stops_the_folding(company: Path) -> None:
    golden: dict[str, Any] = {"schema": "golden.v1", "summary": "Mine."}
    golden["queries"] = [{"query": "zebra clause struck", "expect": ["memory/research/old-refunds.md"]}]
    path = company / "memory/research/old-refunds.md"
    clause = path.read_text() + "\n> The zebra clause was struck from the contract by both sides.\n"
    commit(company, {"memory/golden.yaml": json.dumps(golden), "memory/research/old-refunds.md": clause})
    assert aios(company, "check").returncode == Exit.OK
    done = aios(company, "memory", "compact")
    assert done.returncode == Exit.FAILED, done.stderr
    assert "“zebra clause struck” found memory/research/old-refunds.md at place 1" in done.stderr
    assert aios(company, "memory", "health").returncode == Exit.OK


def test_health_tells_what_to_look_at(company: Path) -> None:
    wrong = research("Again?", QUESTIONS["notice"][1].replace("Ninety days", "90 days"), "2026-01-05")
    other = research("Once more?", QUESTIONS["letters"][1], "2026-02-05")
    figures = (
        wrong.replace("90 days", "60 days").replace("Again?", "Which?") + "\n> One sentence that the other lacks.\n"
    )
    expired = wrong.replace("created: 2026-01-05", "created: 2026-01-05\nexpires: 2026-02-01")
    gone = research("Where from?", QUESTIONS["refunds"][1], "2026-03-05").replace(
        "- state/sources/interview-kontor-price-rise.md", "- state/sources/nowhere.md"
    )
    changed = research("Says who?", "It never said so.", "2026-03-06").replace(
        "  start: 1", f"  sha256: sha256:{'0' * 64}\n  start: 1"
    )
    golden = json.dumps(
        {
            "schema": "golden.v1",
            "summary": "Mine.",
            "queries": [
                {"query": "who gets a letter of their own", "expect": ["memory/research/old-letters.md"]},
                {"query": "how long may a heading be", "expect": ["memory/lessons/short-headings.md"]},
            ],
        }
    )
    (company / "memory/lessons/short-headings.md").unlink()
    files = {"one": wrong, "two": other, "three": expired, "four": figures, "five": gone, "six": changed}
    commit(
        company, {f"memory/research/{name}.md": text for name, text in files.items()} | {"memory/golden.yaml": golden}
    )
    done = aios(company, "memory", "health")
    assert done.returncode == Exit.FINDINGS
    for expected in (
        "golden    1 of 2 queries find their answer, MRR 0.",
        " 1 of 1, MRR ",
        "“how long may a heading be” does not find memory/lessons/short-headings.md among the first 10; on ",
        " it came at place 1",
        "memory/research/five.md: warning [source-gone] state/sources/nowhere.md is not there any more",
        "six.md: warning [source-changed] state/sources/interview-kontor-price-rise.md no longer says what it quotes",
        "memory/research/three.md: warning [note-expired]",
        "memory/research/one.md: warning [figures-differ] it has other figures than memory/research/four.md",
        "memory/research/two.md: warning [note-twice] it says nearly the same as memory/research/old-letters.md",
        "in doubt  3 pairs of notes",
    ):
        assert expected in done.stdout, done.stdout


def test_whatever_notes_have_in_fields_of_their_own_health_is_told(company: Path) -> None:
    source = "state/sources/interview-kontor-price-rise.md"
    fields = [5, "a", {"a": 1}, [1, "a"], [{"source": source, "start": "a", "end": [], "sha256": "x"}], [{"held": {}}]]
    note = {"schema": "note.v1", "kind": "research", "title": "T", "created": "2026-01-05", "trust": "external"}
    commit(
        company,
        {
            f"memory/research/odd-{number}.md": render_markdown(note | {"x-passages": each}, f"A matter of {number}.\n")
            for number, each in enumerate(fields)
        },
    )
    done = aios(company, "memory", "health")
    assert done.returncode == Exit.OK, done.stderr
    assert "research 2025: 3, 2026: 6" in done.stdout


def test_notes_in_doubt_are_asked_in_the_inbox_and_answered_there(company: Path) -> None:
    twin = research("Once more?", QUESTIONS["letters"][1], "2026-02-05")
    commit(company, {"memory/research/two.md": twin})
    asked = aios(company, "memory", "health", "--ask")
    assert "1 question asked: `aios inbox`" in asked.stderr
    assert "nothing new is asked; 1 waited already" in aios(company, "memory", "health", "--ask").stderr
    item = next(each for each in told(company, "inbox") if each["record"].startswith("questions/old-letters-"))
    shown = aios(company, "inbox").stdout
    assert "- first: memory/research/old-letters.md:" in shown
    assert "1. the first stays" in shown
    assert aios(company, "check").returncode == Exit.OK
    wrong = aios(company, "answer", item["id"], "5")
    assert (wrong.returncode, "none of the options" in wrong.stderr) == (Exit.USAGE, True)
    unknown = aios(company, "answer", "no-such-question", "1")
    assert (unknown.returncode, "no question, run or proposal is called" in unknown.stderr) == (Exit.USAGE, True)
    assert "asks which of them holds" in aios(company, "memory", "health").stdout
    answered = aios(company, "answer", item["id"], "1")
    assert answered.returncode == Exit.OK, answered.stderr
    assert "memory/research/old-letters.md stands for memory/research/two.md" in answered.stderr
    assert not (company / "memory/research/two.md").exists()
    assert (
        "folded into memory/research/old-letters.md" in aios(company, "memory", "show", "memory/research/two.md").stderr
    )
    assert aios(company, "check").returncode == Exit.OK
    assert aios(company, "memory", "restore", "memory/research/two.md").returncode == Exit.OK
    assert (company / "memory/research/two.md").exists()
    assert (company / "memory/research/old-letters.md").exists()


def test_a_doubt_that_is_put_off_is_told_with_the_day_on_which_it_is_asked_again(company: Path) -> None:
    commit(company, {"memory/research/two.md": research("Once more?", QUESTIONS["letters"][1], "2026-02-05")})
    assert "1 question asked" in aios(company, "memory", "health", "--ask").stderr
    item = next(each for each in told(company, "inbox") if each["record"].startswith("questions/old-letters-"))
    later = aios(company, "answer", item["id"], "not now").stderr
    day = later.partition("asked again from ")[2][:10]
    assert day
    assert f"you said not now: it is asked from {day}" in aios(company, "memory", "health").stdout


def test_what_is_no_note_or_never_was_is_said(company: Path) -> None:
    assert aios(company, "memory", "restore", "state/company.yaml").returncode == Exit.USAGE
    never = aios(company, "memory", "show", "memory/research/never.md")
    assert never.returncode == Exit.USAGE
    assert "there never was" in never.stderr
    there = aios(company, "memory", "restore", "memory/research/old-notice.md")
    assert there.returncode == Exit.REFUSED


def test_recall_answers_as_of_a_past_commit_and_its_index_is_what_the_files_say(company: Path) -> None:
    past = subprocess.run(["git", "rev-parse", "HEAD"], cwd=company, check=True, capture_output=True, text=True)
    note = {"schema": "note.v1", "kind": "lesson", "title": "Zeppelins", "created": "2026-11-01", "trust": "operator"}
    (company / "memory/lessons/zeppelins.md").write_text(render_markdown(note, "Zeppelins need a hangar.\n"))
    subprocess.run(["git", "add", "-A"], cwd=company, check=True)
    subprocess.run(["git", "commit", "-qm", "Zeppelins"], cwd=company, check=True)
    assert [hit["title"] for hit in told(company, "recall", "zeppelins hangar", "--since", "2026-11")] == ["Zeppelins"]
    assert "Zeppelins" not in {
        hit["title"] for hit in told(company, "recall", "zeppelins", "--at", past.stdout.strip())
    }
    assert aios(company, "recall", "zeppelins", "--trust", "external").stdout == ""
    verified = aios(company, "memory", "verify")
    assert (verified.returncode, verified.stdout) == (Exit.OK, "")
    for command in (["memory", "verify"], ["recall", "zeppelins"]):
        nowhere = aios(company, *command, "--at", "nowhere")
        assert (nowhere.returncode, "there is no commit nowhere" in nowhere.stderr) == (Exit.USAGE, True)
    assert "exactly what the files say" in verified.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["?!"], "there is no word in the query"),
        (["notice", "-n", "0"], "0 is not in the range"),
        (["notice", "--tokens", "0"], "0 is not in the range"),
        (["notice", "--kind", "nonsense"], "memory holds nothing of kind `nonsense`"),
        (["notice", "--run", "nonsense"], "no run or proposal is called `nonsense`"),
        (["notice", "--record", "customers/nobody"], "memory holds no record `customers/nobody`"),
        (["notice", "--since", "2026-13"], "--since takes a date"),
        (["notice", "--until", "2026-02-31"], "--until takes a date"),
        (["notice", "--since", "2026-05", "--until", "2026-04"], "nothing is made since 2026-05 and until 2026-04"),
    ],
)
def test_what_recall_cannot_be_asked_is_refused_and_not_answered_with_nothing(
    company: Path, options: list[str], said: str
) -> None:
    done = aios(company, "recall", *options)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert said in done.stderr


def test_what_is_made_up_to_try_agents_is_not_recalled(company: Path) -> None:
    assert "A lesson is never folded" in (company / "state/cases/archivist-keeps-lessons.yaml").read_text()
    hits = told(company, "recall", "a lesson is never folded by the archivist", "-n", "50")
    assert [hit["path"] for hit in hits if hit["path"].startswith("state/cases/")] == []


def test_a_policy_that_is_not_in_order_folds_nothing_and_is_shown_line_by_line(company: Path) -> None:
    path = company / "memory/policy.yaml"
    text = path.read_text().replace("passages: 1}\n  summary", "passages: -1}\n  summary")
    path.write_text(text.replace("fewest: 2", "fewest: two").replace("default: {fold", "default: {fold_it: 1, fold"))
    subprocess.run(["git", "commit", "-qam", "Odd"], cwd=company, check=True)
    done = aios(company, "memory", "compact")
    assert done.returncode == Exit.FINDINGS
    checked = aios(company, "check").stdout
    for expected in ("[schema-minimum] `kinds.research.passages` is `-1`", "[schema-type] `fewest`", "`fold_it`"):
        assert expected in done.stderr, done.stderr
        assert expected in checked, checked
    assert "memory/policy.yaml is not in order" in done.stderr
    health = aios(company, "memory", "health")
    assert health.returncode == Exit.FINDINGS
    assert "[schema-type] `fewest`" in health.stdout  # else only that nothing is due would be seen
    assert waiting(company) == []


def test_a_golden_query_that_would_be_found_lower_is_counted(company: Path) -> None:
    golden = {
        "schema": "golden.v1",
        "summary": "Mine.",
        "queries": [
            {"query": "who gets a letter of their own", "expect": ["memory/research/old-letters.md"]},
            {"query": "quantum gravity in aquariums", "expect": ["memory/research/old-refunds.md"]},
        ],
    }
    commit(company, {"memory/golden.yaml": json.dumps(golden)})
    assert aios(company, "memory", "compact").returncode == Exit.WAITING
    shown = aios(company, "show", "old-notes").stdout
    assert "with `aios memory restore` and its path; `aios memory show` shows it" in shown
    assert "Merging takes folded notes off main" in shown
    assert "- ✓ recall: of 2 golden queries 1 found their answer before, 1 of these after" in shown
