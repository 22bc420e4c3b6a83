"""The editor mends what is mechanical, lists the rest with its line, and asks below its threshold."""

from __future__ import annotations

import pytest

from aios.agents.checks import CHECKS
from aios.agents.evidence import parse
from aios.agents.offline.front import load
from aios.domain.finding import Severity
from aios.domain.front_matter import render_markdown
from aios.errors import RefusedError
from tests.agents.company import Company, piece
from tests.agents.flow import draft, edit
from tests.agents.material import invoices

PATH = "state/content/late-invoices.md"
EVIDENCE = "state/evidence/late-invoices.yaml"


@pytest.fixture
def company() -> Company:
    company = Company(invoices())
    draft(company, "late invoices")
    return company


def change(company: Company, old: str, new: str) -> None:
    assert old in company.files[PATH]
    company.files[PATH] = company.files[PATH].replace(old, new, 1)


def held(company: Company) -> bool:
    return all(check(company.files.get, PATH) == [] for check in CHECKS.values())


def test_a_good_draft_passes_with_a_score_and_its_parts(company: Company) -> None:
    reply = edit(company, PATH)
    assert reply.question is None
    assert load(company.files[PATH])[0]["status"] == "edited"
    assert load(company.files[PATH])[0]["score"] == reply.output["score"] == reply.confidence > 0.6
    parts = " ".join(reason.what for reason in reply.reasons)
    for part in ("citations", "substance", "structure", "originality", "readability", "metadata"):
        assert part in parts
    assert held(company)


def test_editing_again_changes_nothing(company: Company) -> None:
    edit(company, PATH)
    once = dict(company.files)
    edit(company, PATH)
    assert company.files == once


def test_headings_footnotes_description_and_repeated_paragraphs_are_mended(company: Company) -> None:
    data, body, _ = load(company.files[PATH])
    paragraph = next(block for block in body.split("\n\n") if "Waive the late fee" in block)
    body = body.replace("## Payment terms", "#### Payment terms").replace("\n\n[^1]: ", f"\n\n{paragraph}\n\n[^1]: ")
    data["description"] = "Late invoices cost time and nerves. " * 8
    company.files[PATH] = render_markdown(data, body)
    reply = edit(company, PATH)
    fixed = "\n".join(reply.output["fixed"])
    assert "1 heading level put right" in fixed
    assert "1 repeated paragraph removed" in fixed
    assert "description cut from" in fixed
    assert len(load(company.files[PATH])[0]["description"]) <= 160
    assert company.files[PATH].count("Waive the late fee for") == 1 + company.files[PATH].count(
        "“Waive the late fee for"
    )
    assert held(company)


def test_what_the_operator_wrote_is_kept_mended_and_marked_as_theirs(company: Company) -> None:
    change(company, "## Payment terms\n", "We  see this every  month ,  alas.\n\n## Payment terms\n")
    reply = edit(company, PATH)
    assert "We see this every month, alas." in company.files[PATH]
    assert [finding.rule for finding in reply.findings if finding.severity is Severity.INFO] == ["operator-text"]
    own = [sentence for sentence in parse(company.files[EVIDENCE])[1] if sentence.rule == "operator-text"]
    assert [sentence.text for sentence in own] == ["We see this every month, alas."]
    assert held(company)


def test_a_section_that_the_operator_removed_leaves_the_evidence_too(company: Company) -> None:
    data, body, _ = load(company.files[PATH])
    start = body.index("## Payment terms")
    end = body.index("## ", start + 5) if "## " in body[start + 5 :] else body.index("[^1]: ")
    company.files[PATH] = render_markdown(data, body[:start] + body[end:])
    reply = edit(company, PATH)
    assert "Payment terms state when" not in company.files[EVIDENCE]
    assert any("unused footnotes removed" in line for line in reply.output["fixed"])
    assert held(company)


def test_findings_name_the_line_in_the_file(company: Company) -> None:
    long = "We " + "write and write " * 20 + "without an end."
    change(
        company,
        "## Payment terms\n",
        f"{long}\n\nRead [more](#nowhere) and [this](../gone/) today.\n\n## Payment terms\n",
    )
    reply = edit(company, PATH)
    lines = company.files[PATH].split("\n")
    found = {(item["rule"], item["message"]): item["line"] for item in reply.output["findings"]}
    line = next(number for (rule, _), number in found.items() if rule == "long-sentence")
    assert lines[line - 1].startswith("We write and write")
    broken = [(number, message) for (rule, message), number in found.items() if rule == "broken-link"]
    assert [message for _, message in broken] == ["`#nowhere` leads nowhere", "`../gone/` leads nowhere"]
    assert all("[more](#nowhere)" in lines[number - 1] for number, _ in broken)


def test_what_an_earlier_piece_says_already_is_found(company: Company) -> None:
    body = (
        "A deposit moves the risk of a late payment to the start of the project. Half of the price up front is common."
    )
    company.files["state/content/deposits.md"] = piece("Deposits", body=f"{body}\n")
    change(company, "## Payment terms\n", f"{body}\n\n## Payment terms\n")
    reply = edit(company, PATH)
    assert "repeats-earlier-piece" in {item["rule"] for item in reply.output["findings"]}


def test_earlier_published_pieces_on_the_subject_are_linked_once(company: Company) -> None:
    url = "https://example.com/reminders/"
    related = piece("Reminders for invoices that work", headings=["Reminders", "Payment terms"], url=url)
    company.files["state/content/reminders.md"] = related
    company.files["state/content/bread.md"] = piece("Sourdough bread", headings=["Starters"])
    edit(company, PATH)
    edit(company, PATH)
    text = company.files[PATH]
    assert text.count(f"- [Reminders for invoices that work]({url})") == 1
    assert "Sourdough" not in text
    assert text.index("Related:") < text.index("[^1]: ")
    assert held(company)


def weaken(company: Company) -> None:
    """Nearly nothing is left of the piece, under nearly no headings."""
    data, body, _ = load(company.files[PATH])
    notes = body[body.index("[^1]: ") :]
    kept = body[: body.index("## Reminders") if "## Reminders" in body else 600].split("\n\n")[:4]
    company.files[PATH] = render_markdown({**data, "title": "T" * 90, "description": ""}, "\n\n".join([*kept, notes]))


def test_below_the_threshold_it_asks_and_writes_nothing(company: Company) -> None:
    weaken(company)
    before = dict(company.files)
    reply = edit(company, PATH)
    assert reply.question is not None
    assert reply.question.options[0] == "publish anyway"
    assert reply.question.options[-1] == "stop"
    assert reply.question.evidence
    assert company.files == before


def test_the_operators_answer_settles_it(company: Company) -> None:
    weaken(company)
    reply = edit(company, PATH, guidance=["publish anyway"])
    assert reply.question is None
    assert reply.confidence >= 0.6 > reply.output["score"]
    with pytest.raises(RefusedError, match="the operator stopped"):
        edit(company, PATH, guidance=["stop"])


def test_a_section_is_dropped_when_asked(company: Company) -> None:
    reply = edit(company, PATH, guidance=["drop Payment terms"])
    assert "section “Payment terms” dropped" in reply.output["fixed"]
    assert "## Payment terms" not in company.files[PATH]
    assert held(company)


def lesson(old: str, new: str, **fields: str) -> str:
    data = {"schema": "note.v1", "kind": "lesson", "title": "Words", "trust": "operator", **fields}
    return render_markdown({**data, "wording": {"instead_of": old, "write": new}}, "Words.\n")


def test_a_lesson_about_words_is_heeded_in_our_sentences_only_and_cited(company: Company) -> None:
    company.files["memory/lessons/words.md"] = lesson("overview of", "piece on")
    company.files["memory/lessons/quoted.md"] = lesson("late fee", "penalty")
    quoted = company.files[PATH].count("late fee")
    reply = edit(company, PATH)
    assert "This piece on late invoices draws on" in company.files[PATH]
    assert "waive the late fee" in company.files[PATH].casefold()
    assert company.files[PATH].count("penalty") == 0 or quoted > company.files[PATH].count("late fee") > 0
    cited = [reason for reason in reply.reasons if "memory/lessons/words" in reason.refs]
    assert [reason.what for reason in cited] == ["“overview of” → “piece on”"]
    assert held(company)


@pytest.mark.parametrize("fields", [{"expires": "2020-01-01"}, {"trust": "external"}, {"trust": "derived"}])
def test_a_lesson_that_is_over_or_not_the_operators_changes_no_word(company: Company, fields: dict[str, str]) -> None:
    company.files["memory/lessons/words.md"] = lesson("overview of", "piece on", **fields)
    edit(company, PATH)
    assert "This overview of late invoices draws on" in company.files[PATH]
