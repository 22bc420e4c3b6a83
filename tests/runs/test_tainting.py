"""Trust only falls by itself: no agent raises it, whatever way it tries, and a merge that raises it says so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aios.domain.event import Change
from aios.domain.memory import Hit
from aios.domain.policy import Decision, Rule
from aios.domain.record import Trust
from aios.domain.tree import Tree
from aios.domain.trust import trust_of, worst
from aios.policies import judge
from aios.runs.propose import raised_trust
from aios.runs.tainting import agent_findings, raised_by_merging
from tests.conftest import commit_all
from tests.memory.files import Files
from tests.policies.proposals import proposal
from tests.runs import house

WORDS = "Our competitor told everybody at the fair that prices will double within the next quarter of this year."
NOTE = "memory/research/fair.md"
COPY = "memory/notes/fair.md"
SOURCE = "state/sources/fair.md"


def note(trust: str, body: str = WORDS, **fields: Any) -> str:
    more = "".join(f"{name}: {value}\n" for name, value in fields.items())
    mark = f"trust: {trust}\n" if trust else ""
    return f"---\nschema: note.v1\nkind: note\ntitle: X\n{mark}{more}---\n\n{body}\n"


TREE = Files(
    {
        NOTE: note("external"),
        SOURCE: note("external"),
        "memory/notes/mine.md": note("operator", "I keep my prices."),
        "memory/research/known.md": note("derived", "Known.", source=f"[{SOURCE}]"),
        "memory/research/unmarked.md": note("", "Nobody said whose words these are."),
    }
)


def said(files: dict[str, str | None], *, by_model: bool = True, seen: Sequence[str] = (NOTE, SOURCE)) -> list[str]:
    found = agent_findings(files, TREE, seen, by_model=by_model)
    assert {finding.rule for finding in found} <= {"trust-raised"}
    return [finding.message for finding in found]


@pytest.mark.parametrize("trust", ["derived", "operator"])
def test_an_external_note_rewritten_as_something_better_is_refused(trust: str) -> None:
    assert said({NOTE: note(trust, "Quite other words.")}) == [
        f"merging raises memory/research/fair from external to {trust}"
    ]
    assert said({"memory/research/unmarked.md": note(trust, "Other words.")})
    assert said({NOTE: note("external", "Quite other words.")}) == []


@pytest.mark.parametrize("trust", ["derived", "operator"])
def test_an_external_note_copied_under_a_new_name_is_refused(trust: str) -> None:
    expected = f"merging raises words of memory/research/fair in memory/notes/fair from external to {trust}"
    assert said({COPY: note(trust)}) == [expected]
    assert said({COPY: note(trust, f"So I heard.\n\n> {WORDS.upper()}\n")}) == [expected]
    assert said({COPY: note(trust), NOTE: None}, seen=()) == [expected]
    assert said({"memory/notes/mine.md": note("operator", f"I keep my prices. {WORDS}")})
    assert said({COPY: note("external")}) == []
    assert said({COPY: note(trust, "A thought of its own.")}) == []


def test_a_note_is_worth_no_more_than_what_it_names_whoever_wrote_it() -> None:
    for by_model in (True, False):
        for field, path in (("folds", NOTE), ("source", SOURCE), ("source", "sources/fair")):
            (told,) = said(
                {"memory/summaries/s.md": note("derived", "Short.", **{field: f"[{path}]"})}, by_model=by_model
            )
            assert "from external to derived" in told
        places = f"[{{source: {SOURCE}, start: 1, end: 9}}]"
        assert said({"memory/research/s.md": note("derived", "Short.", **{"x-passages": places})}, by_model=by_model)
        assert said({"memory/summaries/s.md": note("external", "Short.", folds=f"[{NOTE}]")}, by_model=by_model) == []
        kept: dict[str, str | None] = {
            "memory/research/known.md": note("derived", "Known still.", source=f"[{SOURCE}]")
        }
        assert said(kept, by_model=by_model) == []


def test_a_summary_of_a_summary_of_an_external_note_is_external_still() -> None:
    first: dict[str, str | bytes | None] = {
        "memory/summaries/a.md": note("external", "Short.", folds=f"[{NOTE}]"),
        NOTE: None,
    }
    tree = TREE.with_files(first)
    for trust, is_fine in (("external", True), ("derived", False), ("operator", False)):
        again = {"memory/summaries/b.md": note(trust, "Shorter.", folds="[memory/summaries/a.md]")}
        found = agent_findings({**again, "memory/summaries/a.md": None}, tree, (), by_model=False)
        assert (found == []) is is_fine


def merged(files: dict[str, str | None], *, renamed_from: str = "", alike: Sequence[str] = ()) -> list[str]:
    def hits(_: Tree, words: str) -> list[Hit]:
        assert words
        return [Hit(path, "note", "X", "", 0, 1, 1, 1.0, "words", Trust.EXTERNAL) for path in alike]

    changes = [
        Change(path, TREE.blob(path) or "", "a" * 40 if text is not None else "", renamed_from)
        for path, text in files.items()
    ]
    found = raised_by_merging(changes, TREE, TREE.with_files(files), hits)
    assert all(finding.severity == "warning" for finding in found)
    return [finding.message for finding in found]


def test_a_merge_that_raises_trust_says_what_it_raises_from_what_to_what() -> None:
    assert merged({NOTE: note("operator")}) == ["merging raises memory/research/fair from external to operator"]
    assert merged({COPY: note("operator")}, renamed_from=NOTE) == [
        "merging raises memory/notes/fair from external to operator"
    ]
    assert merged({COPY: note("operator")}, alike=[NOTE]) == [
        "merging raises words of memory/research/fair in memory/notes/fair from external to operator"
    ]
    assert merged({SOURCE: note("operator")}) == ["merging raises sources/fair from external to operator"]
    assert merged({COPY: note("operator", "My own words.")}, alike=[NOTE]) == []
    assert merged({NOTE: None}) == []
    assert merged({"memory/notes/mine.md": note("external", "I keep my prices.")}) == []


def test_what_a_person_raised_on_the_branch_counts_from_what_the_agent_had_written() -> None:
    new = Change(COPY, "", "a" * 40)
    after = TREE.with_files({COPY: note("operator", "My own words.")})
    found = raised_by_merging([new], TREE, after, lambda *_: (), lambda _: [note("external", "My own words.").encode()])
    assert [finding.message for finding in found] == ["merging raises memory/notes/fair from external to operator"]


def test_what_raises_trust_is_never_merged_by_itself() -> None:
    files = {NOTE: note("derived", "x")}
    changes = [Change(NOTE, "b" * 40, "a" * 40)]
    found = raised_by_merging(changes, TREE, TREE.with_files(files), lambda *_: ())
    everything = Rule("mine/all", "true", Decision.AUTO, "I trust it all")
    assert judge((everything,), proposal()).decision is Decision.AUTO
    verdict = judge((everything,), proposal(findings=found))
    assert (verdict.decision, verdict.rule) == (Decision.ASK, "built-in/trust-raised")
    counting = Rule("mine/raised", "raised > 0", Decision.DENY, "never")
    assert judge((counting,), proposal(findings=found)).decision is Decision.DENY


def test_trust_is_compared_by_who_stands_behind_it_and_an_unknown_mark_is_external() -> None:
    assert worst([Trust.OPERATOR, Trust.DERIVED]) is Trust.DERIVED
    assert worst([Trust.EXTERNAL, Trust.OPERATOR]) is Trust.EXTERNAL
    assert worst([]) is Trust.OPERATOR
    assert trust_of("memory/a.md", {"trust": "very"}) is Trust.EXTERNAL
    assert trust_of("state/customers/a.yaml", {"trust": "very"}) is Trust.EXTERNAL
    assert trust_of("state/customers/a.yaml", {}) is Trust.OPERATOR
    assert trust_of("memory/a.md", {}) is Trust.EXTERNAL


def test_what_was_raised_on_the_branch_counts_whatever_the_note_is_called(tmp_path: Path) -> None:
    root = house.found(tmp_path / "company")
    path = root / 'memory/notes/a "quoted" one.md'
    path.parent.mkdir(parents=True, exist_ok=True)
    for trust in ("external", "operator"):
        path.write_text(note(trust, "Short words."))
        commit_all(root, f"It is {trust}")
    context = house.context(root)
    with context.git:
        found = raised_trust(context, context.git.commit("main~2"), "main")
    assert [finding.message for finding in found] == [
        'merging raises memory/notes/a "quoted" one from external to operator'
    ]
