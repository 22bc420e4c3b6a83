"""Wherever an agent tries to write: however broad its grant, what decides and what is no plain name is refused."""

from __future__ import annotations

import pytest

from aios.agents.perform import ContractError, judge_files
from aios.domain.agent import Contract, Tier
from aios.expressions import render_text
from tests.injection.company import ELSEWHERE
from tests.injection.texts import TEXTS

PROTECTED = (
    "state/policies/housekeeping.yaml",
    "state/company.yaml",
    "state/agents/scribe.md",
    "state/connectors/site.yaml",
    "state/schemas/note.v1.json",
    "state/runs/2026/11/01m83ngg6gtbkdk8bec9tsv5en.yaml",
    "workflows/take-notes.yaml",
    ".github/workflows/own.yml",
    ".gitattributes",
    ".gitignore",
    ".gitmodules",
    ".aios/paused",
)
ODD = (
    "../x.md", "/x.md", "a/../b.md", "./x.md", "a//b.md", "a/", "", ".", "..", "a/.git/config", ".GIT/x", "git~1/x",
    "a\\b.md", "c:/x.md", "a\x00.md", "a\n.md", "a\x1b[2J.md", "a\x7f.md", "a\x9b.md", "a\u200bb.md", "a\u202eb.md",
    "a\u2066b.md", "\u2024\u2024/x.md", "\uff0e\uff0e/x.md", "\u2025/x.md", "ﬁ.md", "a\u00ad.md", "a\U000e0041.md",
    "a\ufe0fb.md", "x.md ", " x.md", "a /x.md", "x.md.", "a./x.md", "a" * 300 + ".md", "ä" * 200 + ".md", "a/" * 300,
    "e\u0301.md", "\ue000.md", "a\u00a0b.md", "a\u2028b.md", "a\u3164b.md", "a\ud800b.md",
)  # fmt: skip


def judge(path: str, *grants: str, text: str = "x") -> None:
    contract = Contract(
        name="scribe", version=1, summary="", tier=Tier.SMALL, input={}, output={}, reads=(), writes=grants or ("**",)
    )
    judge_files(contract, {"note": "a"}, {path: text}, lambda said, given: render_text(said, {"input": given}))


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize(
    "spelled", [str, str.upper, str.title, str.swapcase], ids=["as-is", "upper", "title", "swapped"]
)
def test_what_decides_is_written_by_no_agent_in_any_case_of_letters(path: str, spelled: type[str]) -> None:
    with pytest.raises(ContractError, match="may not write"):
        judge(spelled(path))


@pytest.mark.parametrize("path", ODD, ids=range(len(ODD)))
def test_what_is_no_plain_path_is_refused(path: str) -> None:
    with pytest.raises(ContractError, match="unsafe path") as caught:
        judge(path)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("path", ELSEWHERE, ids=range(len(ELSEWHERE)))
def test_a_grant_of_one_file_is_a_grant_of_one_file(path: str) -> None:
    with pytest.raises(ContractError):
        judge(path, "memory/notes/a-note.md")


@pytest.mark.parametrize(
    "path", ["memory/notes/a.md", "state/content/über-preise.md", "memory/a b.md", "state/a.b/c.md"]
)
def test_plain_paths_are_written_where_they_are_granted(path: str) -> None:
    judge(path)


@pytest.mark.parametrize("hostile", TEXTS, ids=[each.name for each in TEXTS])
def test_no_value_of_an_input_widens_a_grant(hostile: object) -> None:
    text = hostile.text  # type: ignore[attr-defined]
    contract = Contract(
        name="scribe",
        version=1,
        summary="",
        tier=Tier.SMALL,
        input={},
        output={},
        reads=(),
        writes=("memory/${{ input.note }}.md",),
    )
    for path in ("state/company.yaml", "memory/other.md", "memory/a/b.md", text):
        with pytest.raises(ContractError):
            judge_files(contract, {"note": text}, {path: ""}, lambda said, given: render_text(said, {"input": given}))
