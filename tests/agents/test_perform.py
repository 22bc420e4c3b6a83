"""An agent is held to its contract: by what it leaves, never by what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from aios.agents.perform import FILE_LIMIT, FILES_LIMIT, ContractError, judge_files, judge_tree, perform
from aios.agents.tools import ContractTools
from aios.domain.agent import AgentCall, AgentReply, Contract, Invariant, Question, Tier, Tools
from aios.domain.memory import Hit
from aios.domain.record import Record, Trust
from aios.errors import RefusedError
from aios.expressions import evaluate_bool, render_text
from tests.records.dict_tree import DictTree

RECORD = {"type": "object", "required": ["record"], "properties": {"record": {"type": "string"}}}
CONTRACT = Contract(
    name="scribe",
    version=1,
    summary="Writes.",
    tier=Tier.OFFLINE,
    input=RECORD,
    output=RECORD,
    reads=("state/sources/**",),
    writes=("state/content/${{ input.record }}.md", "memory/notes/*.md"),
)
TREE = DictTree({"state/sources/a.md": b"Open.", "state/customers/ann.yaml": b"email: ann@x.example"})


def call(record: Any = "hello") -> AgentCall:
    return AgentCall(contract=CONTRACT, input={"record": record}, run="r", step="s", now="2026-03-02T09:00:00Z")


def tools() -> ContractTools:
    def recall(query: str, limit: int, kinds: object) -> list[Hit]:
        places = ("state/sources/a.md", "state/customers/ann.yaml")
        return [Hit(path, "source", path, "text", 0, 4, 1, 1.0, "matches", Trust.OPERATOR) for path in places]

    def records(kind: str) -> list[Record]:
        return []

    return ContractTools(TREE, CONTRACT, recall=recall, records=records)


def judge(files: Mapping[str, str | None], *, record: str = "hello") -> None:
    judge_files(CONTRACT, {"record": record}, files, lambda text, given: render_text(text, {"input": given}))


def answering(**output: Any) -> Any:
    def engine(call: AgentCall, tools: Tools) -> AgentReply:
        return AgentReply(output=output)

    return engine


def test_input_and_output_are_checked_on_both_sides() -> None:
    assert perform(call(), answering(record="hello"), tools()).output == {"record": "hello"}
    with pytest.raises(ContractError, match="the input of scribe"):
        perform(call(record=7), answering(record="hello"), tools())
    with pytest.raises(ContractError, match="the output of scribe"):
        perform(call(), answering(other=1), tools())


def test_a_question_needs_no_output() -> None:
    reply = perform(call(), lambda _, __: AgentReply(output={}, question=Question("Which?")), tools())
    assert reply.question is not None


@pytest.mark.parametrize(
    "path",
    [
        "state/content/other.md",
        "state/company.yaml",
        "state/agents/scribe.yaml",
        "workflows/x.yaml",
        ".github/workflows/x.yml",
        "state/content/../company.yaml",
        "/etc/passwd",
        ".git/config",
        "memory/notes/deep/er.md",
        "memory/notes/a\u202eb.md",
    ],
)
def test_nothing_is_written_but_what_the_contract_grants(path: str) -> None:
    judge({"state/content/hello.md": "x", "memory/notes/a.md": "y"})
    with pytest.raises(ContractError):
        judge({path: "x"})


@pytest.mark.parametrize("record", ["*", "**", "a/../../company", "?", "hello/../*"])
def test_no_input_grants_more_than_a_name(record: str) -> None:
    with pytest.raises(ContractError, match="would widen"):
        judge({"state/content/hello.md": "x"}, record=record)


def test_what_is_written_is_bounded_in_size_and_number() -> None:
    with pytest.raises(ContractError, match="KiB"):
        judge({"memory/notes/a.md": "x" * (FILE_LIMIT + 1)})
    with pytest.raises(ContractError, match="are the limit"):
        judge({f"memory/notes/{number}.md": "x" for number in range(FILES_LIMIT + 1)})


def test_what_the_contract_does_not_let_it_read_is_not_seen() -> None:
    doors = tools()
    assert doors.read("state/sources/a.md") == "Open."
    with pytest.raises(RefusedError, match="may not read"):
        doors.read("state/customers/ann.yaml")
    assert [hit.path for hit in doors.recall("ann")] == ["state/sources/a.md"]
    assert doors.paths("state/**") == ["state/sources/a.md"]
    manifest = str(doors.manifest())
    assert "state/sources/a.md" in manifest
    assert "ann" not in manifest


def test_invariants_are_judged_on_the_tree_and_not_on_the_reply() -> None:
    contract = replace(
        CONTRACT,
        invariants=(
            Invariant("it is a draft", expr="record.status == 'drafted'"),
            Invariant("known", check="no-such-check"),
        ),
    )
    tree = DictTree({"state/content/hello.md": b"status: published"})
    reply = AgentReply(output={"record": "hello", "status": "drafted"}, files={"state/content/hello.md": "drafted"})

    def data(path: str, content: bytes) -> Mapping[str, Any]:
        return {"status": content.decode().removeprefix("status: ")}

    found = judge_tree(contract, reply, tree, holds=evaluate_bool, data=data)
    assert [finding.message for finding in found] == [
        "does not hold: it is a draft",
        "unknown check `no-such-check`",
    ]


def test_front_matter_alone_is_read_within_the_contract_and_noted_as_such() -> None:
    tree = DictTree({
        "state/sources/a.md": b"---\ntitle: A\n---\n\nThe body.\n",
        "state/sources/b.md": b"No front matter.\n",
        "state/customers/ann.md": b"---\ntitle: Ann\n---\n",
    })  # fmt: skip
    doors = ContractTools(tree, CONTRACT, recall=lambda *_: (), records=lambda _: ())
    assert "The body" not in (doors.front("state/sources/a.md") or "")
    assert "title: A" in (doors.front("state/sources/a.md") or "")
    assert doors.front("state/sources/b.md") == ""
    assert doors.front("state/sources/c.md") is None
    with pytest.raises(RefusedError, match="may not read"):
        doors.front("state/customers/ann.md")
    told = doors.manifest()
    assert (set(told["fronts"]), told["read"]) == ({"state/sources/a.md", "state/sources/b.md"}, {})
