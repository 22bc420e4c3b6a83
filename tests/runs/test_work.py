"""What a run took, what it took over and what the operator did to it stands in its record: counted from the log."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from aios.domain.agent import AgentCall, AgentReply, Tools
from aios.domain.front_matter import render_markdown, render_yaml
from aios.domain.memory import Hit
from aios.domain.names import run_record_path
from aios.domain.record import Trust
from aios.domain.tree import Tree
from aios.projections.folds import work as work_fold
from aios.projections.tables import TABLES
from aios.proposals.distance import characters_changed
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.gate import approve, reject, revise, show_as_it_is
from aios.runs.session import read_state
from aios.runs.work import words_of
from aios.store.documents import parse
from tests.runs import house
from tests.runs.test_replay import edit_on_branch

PIECE = "state/content/a-fine-topic.md"
SOURCE = "state/sources/talk.md"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("template") / "company")


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "company")


def ticking(root: Path, **changes: Any) -> Context:
    """A clock of spans on which a second passes with each look."""
    ticks = count(1, 1_000_000_000)
    return house.context(root, ticks=lambda: next(ticks), **changes)


def record(here: Context, run: str, ref: str) -> dict[str, Any]:
    state = read_state(here.git, run, main=here.main)
    path = run_record_path(run, state.started_at)
    content = here.git.read_blob(f"{ref}:{path}")
    assert content is not None
    document, _ = parse(path, content)
    assert document is not None
    return dict(document.data)


def branch(run: str) -> str:
    return f"aios/{run.rpartition('/')[0]}"


def test_the_proposal_tells_what_it_took(root: Path) -> None:
    here = ticking(root)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        work = record(here, run, branch(run))["work"]
        text = here.git.read_blob(f"{branch(run)}:{PIECE}") or b""
    assert work["attempts"] == 5  # plan, three notes, the piece
    assert 0 < work["wall"] <= work["seconds"]
    assert work["pieces"] == ["content/a-fine-topic"]
    assert work["words"] == words_of(text.decode()) > 10
    assert work["read_kb"] > 0
    assert (work["usd"], work["calls"], work["avoided"]) == (0.0, 0, {"calls": 0, "usd": 0.0})


def test_of_a_file_that_was_read_in_part_only_the_part_counts(root: Path) -> None:
    head, body = "title: A talk\n", "word " * 20_000
    (root / SOURCE).parent.mkdir(parents=True, exist_ok=True)
    (root / SOURCE).write_text(f"---\n{head}---\n\n{body}\n")
    granted = (root / "state/agents/scribe.yaml").read_text().replace("reads: [", 'reads: ["state/sources/**", ')
    (root / "state/agents/scribe.yaml").write_text(granted)
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qm", "a source"], cwd=root, check=True)

    def kilobytes(name: str, how: Callable[[Tools], object]) -> float:
        def writer(call: AgentCall, tools: Tools) -> AgentReply:
            how(tools)
            return house.scribe(call, tools)

        copy = root.with_name(name)
        shutil.copytree(root, copy, symlinks=True)
        here = ticking(copy, engines={"scout": house.scout, "scribe": writer})
        with here.git:
            run = house.start(here)
            carry_on(here, run)
            return float(record(here, run, branch(run))["work"]["read_kb"])

    nothing = kilobytes("nothing", lambda _: None)
    assert kilobytes("front", lambda tools: tools.front(SOURCE)) < nothing + 0.2
    both = kilobytes("both", lambda tools: (tools.front(SOURCE), tools.read(SOURCE)))
    assert both == pytest.approx(nothing + 97.7, abs=0.2)


def test_what_models_cost_and_what_the_cache_spared_is_added_up(root: Path) -> None:
    def paid(call: AgentCall, tools: Tools) -> AgentReply:
        usage = {"usd": 0.01, "input": 100, "output": 20, "calls": 3, "hits": 1, "saved_usd": 0.004, "models": ["m"]}
        return replace(house.scout(call, tools), usage=usage)

    here = ticking(root, engines={**house.ENGINES, "scout": paid})
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        work = record(here, run, branch(run))["work"]
    assert work["usd"] == pytest.approx(0.04)
    assert work["tokens"] == {"input": 400, "output": 80}
    assert (work["calls"], work["avoided"]) == (8, {"calls": 4, "usd": 0.016})


def test_what_comes_after_the_decision_is_not_counted_and_does_not_change_what_was(root: Path) -> None:
    here = ticking(root)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        before = record(here, run, branch(run))
        approve(here, run)
        carry_on(here, run, effects=True)
        late = replace(here, clock=lambda: house.START + timedelta(hours=2))
        assert carry_on(late, run).status == "done"
        after = record(here, run, "main")
    assert after["status"] == "done"
    assert (after["work"], after["reuse"]) == (before["work"], before["reuse"])
    assert after["operator"]["decisions"] == 1  # what is kept at the end merged by policy


def test_waiting_and_edits_by_hand_are_told_with_the_decision(root: Path) -> None:
    here = ticking(root)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        edit_on_branch(root, run, PIECE, "Part 1 of", "Chapter 1 of")
        edit_on_branch(root, run, PIECE, "Chapter 1 of", "Chapter one of")
        late = replace(here, clock=lambda: house.START + timedelta(minutes=30))
        show_as_it_is(late, run)
        approve(late, run)
        told = record(here, run, "main")["operator"]
    # Two commits in a row are one edit: "Part 1" became "Chapter one".
    assert told == {"decisions": 1, "revisions": 0, "waited": 1_800, "characters": 10, "files": [PIECE]}


def test_an_untouched_proposal_has_no_edits_and_what_came_from_main_is_none(root: Path) -> None:
    here = ticking(root)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        (root / "notes.txt").write_text("mine\n")
        for command in (["add", "notes.txt"], ["commit", "-qm", "elsewhere"]):
            subprocess.run(["git", *command], cwd=root, check=True)
        approve(here, run)
        told = record(here, run, "main")["operator"]
    assert told == {"decisions": 1, "revisions": 0, "waited": 0, "characters": 0}


def test_a_rejection_and_a_revision_are_decisions_of_yours_too(root: Path) -> None:
    here = ticking(root)

    def later(hours: int) -> Context:
        return replace(here, clock=lambda: house.START + timedelta(hours=hours))

    with here.git:
        run = house.start(here)
        carry_on(here, run)
        first = record(here, run, branch(run))["work"]
        edit_on_branch(root, run, PIECE, "Part 1 of", "Chapter 1 of")
        revise(later(1), run, note="shorter", step="write")
        carry_on(later(3), run)
        second = record(here, run, branch(run))["work"]
        reject(later(4), run, reason="not for us")
        told = record(here, run, "main")["operator"]
    assert second["attempts"] == first["attempts"] + 1
    assert second["seconds"] > first["seconds"]
    assert told == {"decisions": 1, "revisions": 1, "waited": 7_200, "characters": 7, "files": [PIECE]}


def quoted(*places: tuple[int, int]) -> str:
    sentences = [
        {"text": "…", "kind": "quote", "footnote": number, "source": SOURCE, "start": start, "end": end}
        for number, (start, end) in enumerate(places, 1)
    ]
    return render_yaml({"schema": "evidence.v1", "content": "a-fine-topic", "sentences": sentences})


def note(title: str, *places: tuple[int, int]) -> str:
    passages = [{"source": SOURCE, "start": start, "end": end} for start, end in places]
    data = {"schema": "note.v1", "kind": "research", "title": title, "trust": "derived", "x-passages": passages}
    return render_markdown(data, "Passages.\n")


def test_passages_and_questions_are_counted_against_what_memory_held_before(root: Path) -> None:
    """An engine may say of itself what it likes: the files and the manifests tell."""
    for path, text in {
        "memory/research/earlier-q1.md": note("Earlier", (0, 100), (200, 300)),
        "memory/research/not-looked-at.md": note("The same", (0, 100)),
        "state/evidence/earlier.yaml": quoted((400, 500)),
        SOURCE: "---\ntrust: operator\n---\nA talk\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for name in ("scout", "scribe"):
        file = root / f"state/agents/{name}.yaml"
        granted = file.read_text().replace("writes: [", 'writes: ["memory/research/*.md", "state/evidence/*.yaml", ')
        file.write_text(granted.replace("reads: [", 'reads: ["state/sources/**", '))
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qm", "memory"], cwd=root, check=True)
    answers = {1: ((0, 100),), 2: ((10, 90), (250, 260)), 3: ((0, 100), (900, 950))}

    def researcher(call: AgentCall, tools: Tools) -> AgentReply:
        part = int(call.input["part"])
        reply = house.scout(call, tools)
        if part in answers:
            tools.recall("sources" if part == 2 else "notes")
            if part == 2:
                tools.read(SOURCE)
            reply = replace(reply, files={f"memory/research/a-fine-topic-q{part}.md": note("Now", *answers[part])})
        return reply

    def writer(call: AgentCall, tools: Tools) -> AgentReply:
        reply = house.scribe(call, tools)
        evidence = quoted((0, 40), (41, 90), (250, 260), (410, 420), (900, 950), (95, 120))
        return replace(reply, files={**reply.files, "state/evidence/a-fine-topic.yaml": evidence})

    def recall(
        tree: Tree, query: str, limit: int, kinds: Sequence[str], now: str, only: Sequence[str]
    ) -> Sequence[Hit]:
        path = SOURCE if query == "sources" else "memory/research/earlier-q1.md"
        return [Hit(path, "source", "A talk", "…", 0, 9, 1, 1.0, "it does", Trust.DERIVED)]

    here = ticking(root, engines={"scout": researcher, "scribe": writer}, recall=recall)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        reuse = record(here, run, branch(run))["reuse"]
    # 0–40, 41–90 and 250–260 lie in the note's passages, 410–420 in the other piece's; 95–120 only begins in one.
    assert reuse["passages"] == {"used": 6, "held": 4}
    # The first by notes alone; the second searched the sources all the same; the third needed something new.
    assert reuse["questions"] == {"asked": 3, "searched": 1, "from_notes": 1}
    assert reuse["recalled"] == {"notes": 1, "pieces": 0}
    assert reuse["notes"] == ["memory/research/earlier-q1.md"], "used, so that it is not folded for lying idle"


def test_the_table_has_a_row_for_each_proposal_and_leaves_empty_what_older_records_do_not_tell() -> None:
    old = {
        "schema": "run.v1", "run": "publish-content/x/01", "workflow": "publish-content", "status": "done",
        "started": "2026-03-02T09:00:00Z", "proposed": "2026-03-02T09:01:00Z", "decided": "2026-03-02T10:01:00Z",
        "decision": {"what": "approved", "by": "operator:me@test.example"},
        "steps": {"plan": {"output": {"record": "x"}}}, "reuse": {"grew_from": "w"}, "cost": {"usd": 0.5, "tokens": 9},
    }  # fmt: skip
    ((table, values),) = work_fold.fold(old)
    told = dict(zip(TABLES[table], values, strict=True))
    assert {name: value for name, value in told.items() if value is not None} == {
        "run": "publish-content/x/01", "workflow": "publish-content", "piece": "content/x", "status": "done",
        "started": "2026-03-02T09:00:00Z", "usd": 0.5, "tokens": 9, "grew_from": "w", "waited": 3_600,
    }  # fmt: skip
    assert work_fold.fold({**old, "proposed": ""}) == []
    by_itself = work_fold.fold({**old, "decision": {"by": "policy"}})[0][1]
    assert dict(zip(TABLES["work"], by_itself, strict=True))["waited"] is None


@pytest.mark.parametrize("damage", ["text", ["a"], 7, None, {"seconds": "soon", "tokens": [1], "pieces": "x"}])
@pytest.mark.parametrize("name", ["work", "reuse", "operator", "cost", "steps", "decision"])
def test_a_damaged_record_still_has_its_row(name: str, damage: object) -> None:
    data = {"run": "a/b/c", "proposed": "p", "decided": "d", "work": {"words": 5}, name: damage}
    ((_, values),) = work_fold.fold(data)
    assert len(values) == len(TABLES["work"])


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("", "", 0),
        ("the same\n", "the same\n", 0),
        ("Kontor told its forty customers.\n", "Kontor told its four customers.\n", 5),
        ("one\ntwo\n", "one\n", 4),
        ("one\n", "one\ntwo words\n", 10),
        ("", "new\n", 4),
        ("a b c\n", "a c\n", 2),
    ],
)
def test_a_distance_is_in_characters_that_a_person_changed(before: str, after: str, changed: int) -> None:
    assert characters_changed(before, after) == changed
    assert characters_changed(after, before) == changed


def test_a_text_that_was_written_anew_counts_as_a_whole_and_in_good_time() -> None:
    before, after = ("word " * 20_000).strip(), ("other " * 20_000).strip()
    assert characters_changed(before, after) == len(after)
