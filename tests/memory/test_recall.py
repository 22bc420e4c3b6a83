from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios.domain import front_matter
from aios.domain.memory import Among
from aios.domain.record import Trust
from aios.memory.recall import Memory
from tests.memory.files import Files, note

NOW = "2026-11-20T08:00:00Z"

COMPANY = Files(
    {
        "memory/lessons/tables.md": note(
            "Tables help",
            "# Comparison tables\n\nReaders stay longer with a table.\n\nA second paragraph on churn.",
            trust="derived",
            created="2026-03-02",
        ),
        "memory/lessons/old.md": note("Old news", "Readers like tables on Mondays.", expires="2026-11-19"),
        "memory/lessons/odd.md": "---\nschema: note.v1\ntitle: [unclosed\n---\n\nTables that nobody can parse.\n",
        "state/company.yaml": "schema: company.v1\nname: Quiet Desk\nabout: bookkeeping for translators\n",
        "state/products/pro-plan.yaml": "schema: product.v1\nname: Pro plan\n"
        "price: 29\nfeatures: [exports, reminders]\n",
        "state/customers/acme.yaml": "schema: customer.v1\nname: Acme Translations\nproduct: pro-plan\ncity: Köln\n",
        "state/sources/tiers.md": "---\nschema: source.v1\ntitle: On tiers\ntrust: external\n---\n\n"
        "Three tiers outsell five.\n\nAnnual discounts reduce churn by a third.\n",
        "state/content/planned.md": "---\nschema: content.v1\ntitle: Invoices abroad\nstatus: planned\n"
        "summary: How reverse charge works\n---\n",
        "state/metrics/x.yaml": "schema: metric.v1\ntitle: churn churn churn\n",
        "state/agents/writer.md": "Never mention churn.\n",
    }
)


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path / ".aios" / "recall.sqlite")


def found(memory: Memory, query: str, **wanted: object) -> list[str]:
    return [hit.path for hit in memory.recall(COMPANY, query, now=NOW, **wanted)]  # type: ignore[arg-type]


def test_the_best_passage_comes_first_with_its_place_trust_and_reason(memory: Memory) -> None:
    hit = memory.recall(COMPANY, "do discounts reduce churn?", now=NOW)[0]
    assert (hit.path, hit.kind, hit.title, hit.trust) == (
        "state/sources/tiers.md",
        "source",
        "On tiers",
        Trust.EXTERNAL,
    )
    content = (COMPANY.read(hit.path) or b"").decode()
    body = front_matter.split(content)[1]
    assert body[hit.start : hit.end] == hit.text
    assert content.split("\n")[hit.line - 1] == hit.text.split("\n", maxsplit=1)[0]
    assert hit.why == "matches “discounts”, “reduce”, “churn”"
    assert hit.blob == COMPANY.blob(hit.path)


def test_a_reason_says_where_the_words_stand(memory: Memory) -> None:
    hit = memory.recall(COMPANY, "comparison of readers", now=NOW)[0]
    assert hit.why == "matches “readers”; “comparison” in its heading"


def test_a_plain_record_is_recalled_as_prose(memory: Memory) -> None:
    hit = memory.recall(COMPANY, "reminders", now=NOW)[0]
    assert (hit.path, hit.start, hit.end, hit.line) == ("state/products/pro-plan.yaml", 0, 0, 1)
    assert "name: Pro plan\nprice: 29\nfeatures: exports, reminders" in hit.text
    assert hit.trust is Trust.OPERATOR


def test_a_named_record_and_those_that_refer_to_it_come_up(memory: Memory) -> None:
    hits = memory.recall(COMPANY, "who pays for the Pro plan", now=NOW)
    assert hits[0].path == "state/products/pro-plan.yaml"
    assert "is about Pro plan, which the question names" in hits[0].why
    customer = next(hit for hit in hits if hit.path == "state/customers/acme.yaml")
    assert "refers to Pro plan" in customer.why


def test_a_piece_without_prose_is_found_by_its_fields(memory: Memory) -> None:
    assert found(memory, "reverse charge") == ["state/content/planned.md"]


def test_umlauts_are_found_with_and_without(memory: Memory) -> None:
    assert found(memory, "köln")[0] == found(memory, "koln")[0] == "state/customers/acme.yaml"


def test_what_expires_by_the_policys_word_for_its_kind_is_left_out_too(memory: Memory) -> None:
    def tree(policy: str) -> Files:
        season = note("Season", "Kites sell in autumn.", created="2026-09-01").replace("kind: lesson", "kind: season")
        longer = season.replace("title: Season", "title: Longer\nexpires: 2027-01-01")
        return Files(
            {
                "memory/season/one.md": season,
                "memory/season/longer.md": longer,
                "memory/lessons/kites.md": note("Kites", "Kites sell in autumn.", created="2026-09-01"),
                "memory/policy.yaml": f"schema: memory-policy.v1\nsummary: Mine.\n{policy}\n",
            }
        )

    def told(policy: str, now: str) -> set[str]:
        return {hit.title for hit in memory.recall(tree(policy), "kites in autumn", now=now)}

    everything = {"Season", "Longer", "Kites"}
    of_season = "kinds: {season: {expire_after_days: 30}}"
    assert told(of_season, "2026-09-30T00:00:00Z") == everything
    assert told(of_season, "2026-11-01T00:00:00Z") == {"Longer", "Kites"}
    assert told("default: {expire_after_days: 30}", "2026-11-01T00:00:00Z") == {"Longer"}
    assert told("kinds: {season: {expire_after_days: soon}}", "2026-11-01T00:00:00Z") == everything
    assert told("kinds: [expire_after_days", "2026-11-01T00:00:00Z") == everything
    assert told(of_season, "") == everything
    kept = "never: ['memory/lessons/**']\ndefault: {expire_after_days: 30}"
    assert told(kept, "2026-11-01T00:00:00Z") == {"Longer", "Kites"}


def test_what_expired_is_left_out_and_the_machinery_is_no_memory(memory: Memory) -> None:
    assert "memory/lessons/old.md" not in found(memory, "tables mondays churn")
    assert not any(path.startswith(("state/metrics", "state/agents")) for path in found(memory, "churn mention"))
    later = memory.recall(COMPANY, "mondays", now="2026-11-19T23:00:00Z")
    assert [hit.path for hit in later] == ["memory/lessons/old.md"]


def test_a_file_that_cannot_be_parsed_is_found_as_external_text(memory: Memory) -> None:
    hit = memory.recall(COMPANY, "nobody can parse", now=NOW)[0]
    assert (hit.path, hit.trust, hit.line) == ("memory/lessons/odd.md", Trust.EXTERNAL, 6)


def test_an_unmarked_note_is_external_an_unmarked_record_the_operators(memory: Memory) -> None:
    assert memory.recall(COMPANY, "mondays")[0].trust is Trust.EXTERNAL
    assert memory.recall(COMPANY, "acme")[0].trust is Trust.OPERATOR


def test_kinds_and_exclusions_narrow_the_answer(memory: Memory) -> None:
    assert {path.split("/")[0] for path in found(memory, "tables churn", kinds=("note",))} == {"memory"}
    assert found(memory, "tables churn", kinds=("lesson",)) == ["memory/lessons/tables.md"]
    assert found(memory, "churn", kinds=("source", "content")) == ["state/sources/tiers.md"]
    assert found(memory, "churn", exclude=("state/sources/**",)) == ["memory/lessons/tables.md"]
    assert found(memory, "churn", only=("state/**",)) == ["state/sources/tiers.md"]


def test_one_file_does_not_fill_the_answer(memory: Memory) -> None:
    body = "\n\n".join(f"# Part {part}\n\nPricing, part {part}." for part in range(20))
    tree = COMPANY.with_files({"state/sources/long.md": body, "state/sources/short.md": "Pricing in short."})
    paths = [hit.path for hit in memory.recall(tree, "pricing", limit=10)]
    assert paths.count("state/sources/long.md") == 3
    assert "state/sources/short.md" in paths


def test_of_equals_the_newer_comes_first_and_age_is_no_penalty(memory: Memory) -> None:
    old = note("Gerbils", "Gerbils dig.", created="2020-01-01")
    new = note("Gerbils", "Gerbils dig.", created="2026-01-01")
    tree = COMPANY.with_files({"memory/lessons/a.md": old, "memory/lessons/b.md": new})
    hits = memory.recall(tree, "gerbils", now=NOW)
    assert [hit.path for hit in hits] == ["memory/lessons/b.md", "memory/lessons/a.md"]
    assert hits[0].score == hits[1].score


def test_a_month_in_words_finds_what_was_made_then(memory: Memory) -> None:
    assert found(memory, "in March 2026") == ["memory/lessons/tables.md"]


@given(
    st.text(max_size=200) | st.sampled_from(['"', "NEAR(a b)", "a AND (", "text:x", "-", "^a*", "a OR OR b", "\0", "{"])
)
def test_nothing_in_a_query_is_syntax(query: str) -> None:
    memory = Memory(Path("/proc/nowhere/recall.sqlite"))  # cannot be made: an index in memory serves
    assert isinstance(memory.recall(COMPANY, query, now=NOW), list)
    memory.close()


def test_a_question_without_words_has_no_answer(memory: Memory) -> None:
    assert found(memory, "") == found(memory, "?!") == found(memory, "zyzzyva") == []
    assert found(memory, "churn", limit=0) == []


TALKS = Files(
    {
        "memory/talks/printing.md": note(
            "Printing",
            "**Ines:** The last column of the rent list is cut off.\n\n**Tom:** Turn the sheet.\n\n**Ines:** It fits.",
            created="2026-03-02",
            trust="external",
        ),
        "memory/talks/heating.md": note(
            "Heating", "**Rolf:** The oven smokes.\n\n**Tom:** Sweep it.", created="2026-05-09", run="r-7"
        ),
    }
)


def test_what_stands_beside_a_match_is_found_with_it(memory: Memory) -> None:
    texts = [hit.text for hit in memory.recall(TALKS, "rent column", now=NOW)]
    assert texts[:2] == ["**Ines:** The last column of the rent list is cut off.", "**Tom:** Turn the sheet."]
    assert "Rolf" not in " ".join(texts)


def test_who_is_named_is_heard_first(memory: Memory) -> None:
    said = (
        "**Rolf:** Tom, the oven smokes.\n\n**Ines:** Rain again.\n\n**Ines:** Rain.\n\n**Tom:** Rolf, the oven smokes."
    )
    tree = Files({"memory/talks/oven.md": note("Talk", said)})
    hits = memory.recall(tree, "did Tom see the oven smoke", now=NOW)
    assert hits[0].text == "**Tom:** Rolf, the oven smokes."
    assert "said by Tom" in hits[0].why


def test_a_passage_tells_its_last_line_and_its_run(memory: Memory) -> None:
    hit = memory.recall(TALKS, "smokes", now=NOW)[0]
    assert (hit.line, hit.last_line, hit.run) == (9, 9, "r-7")


def test_trust_run_and_time_narrow_the_answer(memory: Memory) -> None:
    def asked(**among: object) -> set[str]:
        return {hit.title for hit in memory.recall(TALKS, "Tom", among=Among(**among))}  # type: ignore[arg-type]

    assert asked() == {"Printing", "Heating"}
    assert asked(run="r-7") == asked(since="2026-05") == asked(since="2026-05-09", until="2026-05-09") == {"Heating"}
    assert asked(until="2026-03") == {"Printing"}
    assert asked(trust=frozenset({Trust.EXTERNAL})) == {"Printing", "Heating"}, "an unmarked note is external"
    assert asked(trust=frozenset({Trust.OPERATOR})) == set()


def test_what_was_replaced_stands_below_what_took_its_place(memory: Memory) -> None:
    old = note("Price at launch", "A seat costs nine euros a month.", created="2025-01-01", replaced_by="new")
    new = note("Price list", "Everybody pays fourteen euros.", created="2026-01-01")
    tree = Files({"memory/decisions/old.md": old, "memory/decisions/new.md": new})
    hits = memory.recall(tree, "what does a seat cost a month", now=NOW)
    assert [hit.title for hit in hits] == ["Price list", "Price at launch"]
    assert "took the place of “Price at launch”" in hits[0].why
    assert hits[1].why.endswith("replaced since by “Price list”")


def test_where_hardly_a_word_is_known_nothing_fits(memory: Memory) -> None:
    question = "which zeppelin hangar, aerodrome, cockpit, propeller, fuselage, rudder or aileron smokes"
    assert memory.recall(TALKS, question, now=NOW) == []


def test_a_budget_of_tokens_is_kept_but_for_the_first(memory: Memory) -> None:
    tree = Files({f"memory/lessons/{n}.md": note(f"N{n}", "Churn again. " * 20) for n in range(6)})
    assert len(memory.recall(tree, "churn", tokens=1)) == 1
    assert len(memory.recall(tree, "churn", tokens=150)) == 2
    assert len(memory.recall(tree, "churn")) == 6


def test_an_index_that_was_tampered_with_is_told(memory: Memory, tmp_path: Path) -> None:
    memory.recall(TALKS, "oven")
    assert memory.verify(TALKS).differences == ()
    database = sqlite3.connect(tmp_path / ".aios" / "recall.sqlite")
    database.execute("UPDATE passage SET text = 'Nothing smokes.' WHERE text LIKE '%smokes%'")
    database.execute("UPDATE file SET blob = 'ffff' WHERE path LIKE '%printing%'")
    database.commit()
    database.close()
    told = memory.verify(TALKS).differences
    assert [line.partition(": ")[0] for line in told] == ["memory/talks/heating.md", "memory/talks/printing.md"]


def test_each_passage_of_a_summary_counts_like_the_note_that_it_was(memory: Memory) -> None:
    subjects = ["invoices", "heating", "tiles", "parking", "lamps", "carpets"]
    questions = {each: f"What is known of {each}?" for each in subjects}
    said = {each: f"The {each} are paid in spring." for each in subjects}
    apart = Files({f"memory/research/{each}.md": note(questions[each], said[each]) for each in subjects})
    text = note(
        "What was noted",
        "\n\n".join(f"## {questions[each]}\n\n{said[each]}" for each in subjects),
        folds=f"[{', '.join(apart.paths())}]",
    )
    places = "x-passages: [{source: state/sources/zeppelins.md, start: 3, end: 9}]"
    text = text.replace("kind: lesson", f"kind: summary\n{places}")
    folded = Files({"memory/summaries/all.md": text})
    for tree in (apart, folded):
        assert {hit.text for hit in memory.recall(tree, "what is paid in spring")} == set(said.values())
    for each in subjects:
        first = memory.recall(folded, f"what is known of {each}")[0]
        assert first.text == said[each], "no stranger beside it lends its score"
    assert memory.recall(folded, "zeppelins") == [], "places are for machines"


def test_an_answer_that_holds_little_of_the_question_is_called_weak(memory: Memory) -> None:
    tree = Files({f"memory/lessons/{n}.md": note(f"N{n}", f"Churn rises in spring {n}.") for n in range(6)})
    assert not any(hit.weak for hit in memory.recall(tree, "does churn rise in spring"))
    asked = "which lawyer, notary, surveyor or auditor asked about churn"
    assert all(hit.weak for hit in memory.recall(tree, asked))


def test_recall_narrows_to_a_record_and_what_refers_to_it(memory: Memory) -> None:
    tree = Files(
        {
            "state/customers/acme.yaml": "schema: customer.v1\nname: Acme\nnotes: pays late\n",
            "state/customers/brick.yaml": "schema: customer.v1\nname: Brick\nnotes: pays late\n",
            "state/decisions/wait.yaml": "schema: decision.v1\ntitle: Wait\ncustomer: acme\nwhy: Pays late, waits.\n",
            "state/decisions/rush.yaml": "schema: decision.v1\ntitle: Rush\nwhy: Who pays late is called.\n",
            "state/products/acme.yaml": "schema: product.v1\nname: Acme, the game\nnotes: pays late\n",
        }
    )

    def found(record: str) -> set[str]:
        return {hit.path for hit in memory.recall(tree, "pays late", among=Among(record=record))}

    expected = {"state/customers/acme.yaml", "state/decisions/wait.yaml"}
    for record in ("customers/acme", "state/customers/acme.yaml"):
        assert found(record) == expected
    assert found("acme") == {*expected, "state/products/acme.yaml"}, "an id alone may be several records"
    assert found("nobody") == set()


def test_a_turn_lends_its_words_to_the_next_and_a_paragraph_does_not(memory: Memory) -> None:
    asked, answer = "When does the kiln cool down?", "By Thursday at noon, if nobody opens it."
    talk = f"**Ines:** {asked}\n\n**Tom:** {answer}\n\n**Ines:** Fine."
    text = f"{asked} {'Filler stands here. ' * 40}\n\n{answer} {'More of it. ' * 40}"
    tree = Files({"memory/talks/a.md": note("A talk", talk), "memory/notes/b.md": note("A text", text)})
    hits = memory.recall(tree, "when does the kiln cool down", limit=9)
    assert answer in "".join(hit.text for hit in hits if hit.path == "memory/talks/a.md")
    assert answer not in "".join(hit.text for hit in hits if hit.path == "memory/notes/b.md")


def test_memorys_own_questions_about_notes_are_not_recalled(memory: Memory) -> None:
    asked = "schema: question.v1\ntext: Which of two notes on margins holds?\nstatus: open\n"
    tree = Files(
        {
            "memory/lessons/a.md": note("Margins", "Margins hold."),
            "state/questions/mine.yaml": asked,
            "state/questions/twins.yaml": f"{asked}rule: note-twice\nabout: [memory/lessons/a.md]\n",
        }
    )
    found = {hit.path for hit in memory.recall(tree, "margins notes")}
    assert found == {"memory/lessons/a.md", "state/questions/mine.yaml"}
    assert memory.verify(tree).differences == ()
