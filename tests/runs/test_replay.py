"""A run is executed again from its recordings: identical, or its first divergence is named."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aios.domain.agent import AgentCall, AgentReply, Reason, Tier, Tools
from aios.domain.effect import Capability, Collected, CollectedDocument
from aios.domain.keys import digest
from aios.domain.model import Listen, Model, ModelReply, Request, Usage
from aios.domain.run import ACCEPT
from aios.domain.tree import Tree
from aios.errors import RefusedError, TransientError, UsageError
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.gate import answer, approve, reject, revise
from aios.runs.replay import Compared, Verdict, replay
from aios.runs.start import start_run
from aios.runs.traces import folder_of, recording_of, spans_of
from tests.runs import house


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("template") / "company")


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "company")


def replayed(here: Context, run: str, **only: str) -> list[Compared]:
    return list(replay(here, run, **only))


def verdicts(found: Sequence[Compared]) -> dict[str, str]:
    return {each.what: each.verdict.value for each in found}


def without_recordings(root: Path, tree: str) -> None:
    """Put `aios/traces` back to a tree of its own."""
    commit = subprocess.run(
        ["git", "commit-tree", tree, "-m", "pruned"], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()
    subprocess.run(["git", "update-ref", "refs/heads/aios/traces", commit], cwd=root, check=True)


def test_a_whole_life_is_identical_and_changes_nothing(root: Path) -> None:
    house.drive(root)
    here = house.context(root)
    refs = subprocess.run(["git", "for-each-ref"], cwd=root, check=True, capture_output=True).stdout
    acts = house.service_of(root).acts()
    found = replayed(here, house.RUN_ID)
    assert verdicts(found) == {
        "run.started": "given",
        "plan: scout.replied": "same",
        "dig[1]: scout.replied": "same",
        "dig[2]: scout.replied": "same",
        "dig[3]: scout.replied": "same",
        "write: scribe.replied": "same",
        "approve: proposal.opened": "same",
        "approve: proposal.approved": "given",
        "publish: content.published": "given",
        "look: scout.replied": "same",
        "end: proposal.refreshed": "same",
        "end: proposal.approved": "given",
    }
    assert subprocess.run(["git", "for-each-ref"], cwd=root, check=True, capture_output=True).stdout == refs
    assert house.service_of(root).acts() == acts


def test_only_a_step_or_until_a_step(root: Path) -> None:
    house.drive(root)
    here = house.context(root)
    assert [each.what for each in replayed(here, house.RUN_ID, step="write")] == ["write: scribe.replied"]
    assert replayed(here, house.RUN_ID, until="dig")[-1].what == "dig[3]: scout.replied"
    with pytest.raises(UsageError, match="there is no step `wirte`"):
        replayed(here, house.RUN_ID, step="wirte")


def test_the_first_divergence_is_named_with_what_differs(root: Path) -> None:
    house.drive(root)

    def other(call: AgentCall, tools: Tools) -> AgentReply:
        said = house.scribe(call, tools)
        files = {path: (text or "").replace("Part 2", "Part two") for path, text in said.files.items()}
        return replace(said, files=files)

    here = house.context(root, engines={**house.ENGINES, "scribe": other})
    found = [each for each in replayed(here, house.RUN_ID) if each.verdict is Verdict.DIFFERS]
    assert [each.what for each in found] == ["write: scribe.replied"]
    assert "-Part 2 of A fine topic" in found[0].diff
    assert "+Part two of A fine topic" in found[0].diff
    assert "then: state/content/a-fine-topic.md" in found[0].diff


def test_another_reason_shows_in_the_context_manifest(root: Path) -> None:
    house.drive(root)

    def other(call: AgentCall, tools: Tools) -> AgentReply:
        return replace(house.scribe(call, tools), reasons=(Reason("a whim", "none"),))

    here = house.context(root, engines={**house.ENGINES, "scribe": other})
    found = next(each for each in replayed(here, house.RUN_ID) if each.verdict is Verdict.DIFFERS)
    assert "context manifest:" in found.diff
    assert "a whim" in found.diff


def test_questions_revisions_and_the_operators_edits_are_part_of_it(root: Path) -> None:
    here = house.context(root, engines={**house.ENGINES, "scribe": house.asking})
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        answer(here, run, text="left")
        carry_on(here, run)
        revise(here, run, note="shorter")
        carry_on(here, run)
    edit_on_branch(root, run, "state/content/a-fine-topic.md", "Part 1 of", "The first part of")
    with here.git:
        revise(here, run, note="again", step="write")
        carry_on(here, run)
        reject(here, run, reason="not now")
        found = replayed(here, run)
    assert [each for each in found if each.verdict is Verdict.DIFFERS] == []
    kinds = [each.what for each in found]
    assert "write: question.asked" in kinds
    assert kinds.count("write: scribe.replied") == 3
    assert "approve: proposal.refreshed" in kinds


def edit_on_branch(root: Path, run: str, path: str, old: str, new: str) -> None:
    branch = f"aios/{run.rpartition('/')[0]}"
    place = root.parent / "elsewhere"
    subprocess.run(["git", "worktree", "add", "-q", str(place), branch], cwd=root, check=True)
    text = (place / path).read_text()
    assert old in text
    (place / path).write_text(text.replace(old, new))
    subprocess.run(["git", "commit", "-qam", "my words"], cwd=place, check=True)
    subprocess.run(["git", "worktree", "remove", "--force", str(place)], cwd=root, check=True)


def test_failed_attempts_and_their_retries_are_done_again(root: Path) -> None:
    def moody(call: AgentCall, tools: Tools) -> AgentReply:
        part = int(call.input["part"])
        if part == 2 and not (root.parent / "calm").exists():
            (root.parent / "calm").touch()
            raise TransientError("come back later")
        return house.scout(call, tools)

    here = house.context(root, engines={**house.ENGINES, "scout": moody})
    here = replace(here, clock=Ticking())
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        (root.parent / "calm").unlink()  # as it was then
        found = replayed(here, run)
    assert verdicts(found)["dig[2]: step.failed"] == "same"
    assert verdicts(found)["dig[2]: scout.replied"] == "same"


class Ticking:
    """A clock that is two seconds on whenever it is looked at."""

    def __init__(self) -> None:
        self.seconds = 0

    def __call__(self) -> Any:
        self.seconds += 2
        return house.START + timedelta(seconds=self.seconds)


# What comes from outside


class Talker:
    """A model that answers from a script, once."""

    name = "tiny"

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)

    def cost(self, usage: Usage) -> float | None:
        return usage.total / 1000

    def complete(self, request: Request, listen: Listen) -> ModelReply:
        said = self.answers.pop(0)
        if isinstance(said, Exception):
            raise said
        return ModelReply(said, usage=Usage(100, 20), model="tiny-1")


def on_a_model(root: Path, *answers: str | Exception) -> Context:
    """A company whose scribe thinks with a model; only the recording stands between it and the script."""
    contract = root / "state/agents/scribe.yaml"
    contract.write_text(contract.read_text().replace("tier: offline", "tier: small"))
    subprocess.run(["git", "commit", "-qam", "on a model"], cwd=root, check=True)
    talker = Talker(*answers)
    return house.context(root, engines={"scout": house.scout}, models=lambda _: {Tier.SMALL: talker})


REPLY = json.dumps(
    {
        "output": {"record": "a-fine-topic"},
        "files": {
            "state/content/a-fine-topic.md": "---\nschema: content.v1\ntitle: A fine topic\nsummary: Said by a model.\n"
            "status: edited\ncreated: 2026-11-02T09:00:00Z\ntier: small\ntrust: derived\n---\n\nWell said.\n"
        },
        "title": "Said",
        "confidence": 0.9,
    }
)


def test_what_a_model_said_is_recorded_and_the_replay_asks_nobody(root: Path) -> None:
    here = on_a_model(root, "no JSON at all", REPLY)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        silent = replace(here, models=_nobody)
        found = replayed(silent, run)
    assert verdicts(found)["write: scribe.replied"] == "same"
    assert Verdict.DIFFERS not in {each.verdict for each in found}


def _nobody(_: Tree) -> dict[Tier, Model]:
    raise RefusedError("nobody may be asked")


def test_exchanges_lie_on_the_traces_branch_by_the_key_of_their_attempt(root: Path) -> None:
    here = on_a_model(root, REPLY)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        lines = recording_of(here.git, run, key_of_step(root, "write"))
    kinds = [line["exchange"]["kind"] for line in lines or () if "exchange" in line]
    assert kinds == ["models", "prospects", "model"]


def key_of_step(root: Path, step: str) -> str:
    keys = ("log", "--all", "--format=%(trailers:key=Aios-Key,valueonly)", f"--grep=Aios-Step: {step}")
    return subprocess.run(["git", *keys], cwd=root, check=True, capture_output=True, text=True).stdout.split()[0]


def test_a_model_that_failed_fails_again_without_being_asked(root: Path) -> None:
    here = on_a_model(root, RefusedError("the key is not accepted", "look at it"))
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        found = replayed(replace(here, models=_nobody), run)
    assert verdicts(found)["write: step.failed"] == "same"


def test_without_its_recording_it_says_so(root: Path) -> None:
    here = on_a_model(root, REPLY)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
    empty = subprocess.run(["git", "mktree"], cwd=root, input=b"", check=True, capture_output=True).stdout.decode()
    without_recordings(root, empty.strip())
    with house.context(root).git:
        found = replayed(replace(here, git=house.context(root).git, models=_nobody), run)
    lost = next(each for each in found if each.what.startswith("write"))
    assert lost.verdict is Verdict.DIFFERS
    assert "There is no recording of it" in lost.diff


READING = house.WORKFLOW.replace(
    "  plan:\n    agent: scout\n",
    '  fetch:\n    collect: site.read\n    with: {where: "here"}\n  plan:\n    agent: scout\n    needs: [fetch]\n',
)


class Reading(house.Counting):
    """A service that can be read once."""

    def capabilities(self) -> Mapping[str, Any]:
        return {**super().capabilities(), "site.read": Capability("site.read", False, {"type": "object"})}

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        if (self.folder / "read").exists():
            raise TransientError("only once")
        self.folder.mkdir(exist_ok=True)
        (self.folder / "read").touch()
        text = "Some words from outside.\n"
        document = CollectedDocument("https://else.example/", "Words", text, digest(text.encode()), "text/plain")
        return Collected({"count": 1}, (document,))


def test_what_a_connector_read_is_not_read_again(tmp_path: Path) -> None:
    root = house.found(tmp_path / "company", workflow=READING)
    here = house.context(root, service=Reading(tmp_path / "service"))
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        found = replayed(here, run)
    assert verdicts(found)["fetch: source.collected"] == "same"
    assert Verdict.DIFFERS not in {each.verdict for each in found}


def test_nothing_reaches_the_network_while_replaying(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def calling(call: AgentCall, tools: Tools) -> AgentReply:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return house.scribe(call, tools)

        here = house.context(root, engines={**house.ENGINES, "scribe": calling})
        with here.git:
            run = house.start(here)
            carry_on(here, run)
            server.accept()[0].close()
            found = replayed(here, run)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    differing = [each for each in found if each.verdict is Verdict.DIFFERS]
    assert [each.what for each in differing] == ["write: scribe.replied"]
    assert "a replay has no network" in differing[0].diff


def test_an_attempt_that_was_stopped_from_outside_is_left_out(tmp_path: Path) -> None:
    root = house.found(tmp_path / "company", workflow=house.WORKFLOW.replace("timeout: 30s", "timeout: 1s"))

    def slow(call: AgentCall, tools: Tools) -> AgentReply:
        if int(call.input["part"]) == 2:
            time.sleep(60)  # what a timeout is for
        return house.scout(call, tools)

    here = house.context(root, engines={**house.ENGINES, "scout": slow})
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        found = replayed(here, run)
    assert verdicts(found)["dig[2]: step.failed"] == "left out"


def test_a_low_confidence_that_was_accepted_is_the_same_again(tmp_path: Path) -> None:
    workflow = house.WORKFLOW.replace(
        "  write:\n    agent: scribe\n", "  write:\n    agent: scribe\n    escalate: {below: 0.9, to: [operator]}\n"
    )
    root = house.found(tmp_path / "company", workflow=workflow)

    def unsure(call: AgentCall, tools: Tools) -> AgentReply:
        return replace(house.scribe(call, tools), confidence=0.4)

    here = house.context(root, engines={**house.ENGINES, "scribe": unsure})
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        answer(here, run, text=ACCEPT)
        carry_on(here, run)
        approve(here, run)
        carry_on(here, run, effects=True)
        found = replayed(here, run)
    assert verdicts(found)["write: question.asked"] == "same"
    assert Verdict.DIFFERS not in {each.verdict for each in found}


def test_every_attempt_has_its_span_below_the_run(root: Path) -> None:
    house.drive(root)
    here = house.context(root)
    with here.git:
        spans = spans_of(here.git, house.RUN_ID)
    names = [span.name for span in spans if span.kind == "step"]
    assert sorted(names) == ["dig[1]", "dig[2]", "dig[3]", "look", "plan", "write"]
    assert [span.name for span in spans if span.kind == "effect"] == ["cms.publish"]
    known = {span.id for span in spans}
    agents = [span for span in spans if span.kind == "agent"]
    assert len(agents) == 6
    assert all(span.parent in known for span in agents)
    assert not folder_of(here.git, house.RUN_ID).exists()


def test_an_unknown_run_is_said_to_be_unknown(root: Path) -> None:
    with pytest.raises(UsageError, match="there is no run"):
        replayed(house.context(root), "write-piece/nothing/01m6dqs9m0ky3d10c89hypb6hf")


def test_a_started_run_has_nothing_to_replay_yet(root: Path) -> None:
    here = house.context(root)
    with here.git:
        run = start_run(here, "write-piece", {"topic": "Another"}, trigger={**house.TRIGGER, "key": "other"})
        with pytest.raises(RefusedError, match="does not hold the steps"):
            replayed(here, run)
