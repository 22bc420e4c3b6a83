"""Undoing a run: shown, allowed, done once in reverse, and the books tell the truth wherever it is cut off."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aios.domain.effect import Capability, Effect, Outcome, Preview, Receipt
from aios.domain.run import RunStatus
from aios.effects.ledger import Ledger
from aios.errors import AiosError, RefusedError, TransientError
from aios.proposals.review import render
from aios.runs.conductor import carry_on
from aios.runs.context import Context, Identity
from aios.runs.gate import approve
from aios.runs.inbox import items
from aios.runs.revert import plan_revert, revert
from aios.runs.reviewing import review_of
from aios.runs.session import read_state
from aios.runs.start import start_run
from aios.runs.unsettled import settle_by_operator, unsettled
from tests.kills import boundaries, dies_at
from tests.runs import house

WORKFLOW = """schema: workflow.v1
name: write-piece
summary: Three effects behind one gate.
on: {manual: {}}
inputs:
  topic: {type: string, minLength: 3}
subject: "${{ slug(inputs.topic) }}"
steps:
  write:
    agent: scribe
    with: {topic: "${{ inputs.topic }}", record: a-fine-topic}
  approve: {gate: operator, needs: [write]}
  publish: {effect: cms.publish, needs: [approve], with: {record: content/a-fine-topic}}
  tell: {effect: mail.send, needs: [publish], with: {record: content/a-fine-topic}}
  copy: {effect: cms.draft, needs: [tell], with: {record: content/a-fine-topic}}
"""


@dataclass(frozen=True)
class Several(house.Counting):
    """Publishes and drafts, which can be undone, and sends, which cannot."""

    def capabilities(self) -> Mapping[str, Capability]:
        schema = {"type": "object"}
        undoes = {"cms.publish": "cms.unpublish", "cms.draft": "cms.discard", "mail.send": ""}
        return {
            **{name: Capability(name, True, schema, undo, late=0) for name, undo in undoes.items()},
            **{name: Capability(name, True, schema, late=0) for name in ("cms.unpublish", "cms.discard")},
        }

    def preview(self, effect: Effect) -> Preview:
        undo = self.capabilities()[effect.capability].compensation
        return Preview(f"{effect.capability} of the piece", f"slug: {effect.payload['slug']}\n", bool(undo), undo)

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        undo = self.capabilities()[effect.capability].compensation
        payload = {"slug": effect.payload["slug"], "undoes": receipt.key}
        return replace(effect, capability=undo, payload=payload) if undo else None


@dataclass(frozen=True)
class Failing(Several):
    """Fails once when it is to do `capability`, before or after it is done."""

    capability: str = ""
    error: Exception | None = None
    after: bool = False

    def act(self, effect: Effect) -> Outcome:
        marker = self.folder / "failed"
        if effect.capability != self.capability or marker.exists():
            return super().act(effect)
        marker.touch()
        if self.after:
            super().act(effect)
        raise self.error or TransientError("no answer")


@pytest.fixture(autouse=True)
def _fed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same payload for each capability."""
    from aios.effects import payloads

    for name in ("mail.send", "cms.draft"):
        monkeypatch.setitem(payloads.PAYLOADS, name, payloads.article)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("revert") / "company", workflow=WORKFLOW)


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "company", symlinks=True))


def service(root: Path) -> Several:
    return Several(root.parent / f"{root.name}-service")


def context(root: Path, made: Several | None = None, **changes: Any) -> Context:
    return house.context(root, service=made or service(root), later=timedelta(hours=3), **changes)


def done(root: Path) -> list[str]:
    return [act["capability"] for act in service(root).done()]


def published(root: Path, **changes: Any) -> str:
    """A run whose three effects are done."""
    here = context(root, **changes)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        approve(here, run)
        assert carry_on(here, run, effects=True).status is RunStatus.DONE
    return run


@pytest.fixture
def here(root: Path) -> Iterator[Context]:
    made = context(root)
    with made.git:
        yield made


def test_the_proposal_says_first_what_cannot_be_undone(root: Path, here: Context) -> None:
    run = house.start(here)
    carry_on(here, run)
    text = render(review_of(here, run))
    line = "**Cannot be undone: mail.send of the piece (mail.send → https://test.example/a-fine-topic/).**"
    assert line in text.replace("\\", "").replace("`", "")
    assert text.index("Cannot be undone") < text.index("## Effects")
    assert text.count("Cannot be undone") == 1


def test_it_is_undone_in_reverse_and_what_cannot_be_says_why(root: Path, here: Context) -> None:
    run = published(root)
    plan = plan_revert(here, run)
    assert [undo.compensation.capability if undo.compensation else undo.why for undo in plan] == [
        "cms.discard",
        "nothing undoes mail.send",
        "cms.unpublish",
    ]
    assert [undo.preview.text for undo in plan if undo.preview] == ["slug: a-fine-topic\n"] * 2
    assert done(root) == ["cms.publish", "mail.send", "cms.draft"]
    receipts = revert(here, run, reason="too early")
    assert done(root)[3:] == ["cms.discard", "cms.unpublish"]
    assert [Ledger(here.git).get(receipt.key)[1] for receipt in receipts] == receipts
    assert "status: retired" in (root / "state/content/a-fine-topic.md").read_text()
    with pytest.raises(RefusedError, match="undone already"):
        revert(here, run, reason="again")
    assert len(done(root)) == 5
    types = here.git.text("log", "--format=%(trailers:key=Aios-Event,valueonly)", "main").split()
    assert types[:3] == ["run.reverted", "effect.undone", "run.reverting"]
    # Its subject is free again.
    assert start_run(here, "write-piece", {"topic": "A fine topic"}, trigger={"kind": "manual", "key": "b"}) != run


@pytest.mark.parametrize("after", [True, False], ids=["done and unanswered", "never arrived"])
@pytest.mark.parametrize("capability", ["cms.discard", "cms.unpublish"])
def test_one_that_fails_in_the_middle_is_gone_on_with(root: Path, capability: str, after: bool) -> None:
    run = published(root)
    flaky = Failing(service(root).folder, capability=capability, after=after)
    here = context(root, flaky)
    with here.git:
        count = int(capability == "cms.unpublish")
        with pytest.raises(TransientError, match=f"{count} of 2 effects undone; no answer") as caught:
            revert(here, run, reason="")
        assert "`aios revert` goes on" in caught.value.hint
        assert revert(here, run, reason="")
    assert sorted(done(root)[3:]) == ["cms.discard", "cms.unpublish"]


def test_one_in_doubt_is_asked_about_and_then_gone_on_with(root: Path) -> None:
    run = published(root)
    forgetful = Failing(service(root).folder, False, capability="cms.discard", after=True)
    here = context(root, forgetful)
    with here.git:
        for _ in range(2):
            with pytest.raises(AiosError) as caught:
                revert(here, run, reason="")
        assert "did cms.discard" in caught.value.message
        assert "aios reconcile" in caught.value.hint
        (asked,) = unsettled(here)
        assert asked.summary == "cms.discard → https://test.example/a-fine-topic/"
        assert "does not say whether it has it" in asked.evidence
        settle_by_operator(here, asked.key, happened=True, url="")
        revert(here, run, reason="")
    assert done(root)[3:] == ["cms.discard", "cms.unpublish"]


def test_what_a_service_refuses_stops_no_other_and_is_told(root: Path) -> None:
    run = published(root)
    here = context(root, Failing(service(root).folder, capability="cms.discard", error=RefusedError("it was edited")))
    with here.git:
        told = "1 of 2 effects undone; refused: cms.discard of the piece: it was edited"
        with pytest.raises(RefusedError, match=re.escape(told)):
            revert(here, run, reason="")
        assert "status: retired" in (root / "state/content/a-fine-topic.md").read_text()
        revert(here, run, reason="")
    assert done(root)[3:] == ["cms.unpublish", "cms.discard"]


def test_only_an_approver_undoes_and_only_what_policies_allow(root: Path, here: Context) -> None:
    run = published(root)
    stranger = replace(here, operator=Identity("Mallory", "mallory@x.example"))
    with pytest.raises(RefusedError, match="not among the company's approvers"):
        revert(stranger, run, reason="")
    rules = root / "state/policies/rules.yaml"
    before = rules.read_text()
    when = "'effects.exists(e, e.capability == \"cms.discard\")'"
    rule = f"  - {{name: no, when: {when}, then: VERDICT, why: we keep drafts}}\n"
    for verdict, told in (("deny", "a policy denies undoing it: we keep drafts"), ("confirm", "asks for a word")):
        rules.write_text(before + rule.replace("VERDICT", verdict))
        house_commit(root)
        with pytest.raises(RefusedError, match=told) as caught:
            revert(here, run, reason="")
    assert "--confirm a-fine-topic" in caught.value.hint
    assert len(done(root)) == 3
    assert revert(here, run, reason="", word="a-fine-topic")


def test_paused_effects_stay_and_nothing_is_lost(root: Path, here: Context) -> None:
    run = published(root)
    with pytest.raises(RefusedError, match="0 of 2 effects undone; effects are stopped: away"):
        revert(replace(here, paused=lambda _: "away"), run, reason="")
    assert len(done(root)) == 3
    assert len(revert(here, run, reason="")) == 2


def test_a_record_that_was_edited_since_is_told_of(root: Path, here: Context) -> None:
    run = published(root)
    assert [undo.told for undo in plan_revert(here, run)] == [(), (), ()]
    piece = root / "state/content/a-fine-topic.md"
    piece.write_text(piece.read_text() + "\nOne more thought.\n")
    house_commit(root, "A thought")
    told = [line for undo in plan_revert(here, run) for line in undo.told]
    assert [line.partition(": ")[0] for line in told] == ["content/a-fine-topic was changed since"] * 2
    assert "A thought" in told[0]
    revert(here, run, reason="")
    assert "One more thought." in piece.read_text()


def test_a_connector_that_is_gone_or_another_now_undoes_nothing(root: Path, here: Context) -> None:
    run = published(root)
    declared = root / "state/connectors/site.yaml"
    text = declared.read_text()
    declared.write_text(text.replace("use: static-site", "use: files").replace("mode: live", "mode: observe"))
    house_commit(root)
    assert {undo.why for undo in plan_revert(here, run)} == {
        "state/connectors/site.yaml is another service now: files, and it was static-site"
    }
    declared.unlink()
    house_commit(root)
    without = replace(here, connectors=lambda _: {})
    assert {undo.why for undo in plan_revert(without, run)} == {"its connector state/connectors/site.yaml is gone"}
    with pytest.raises(RefusedError, match="can be undone"):
        revert(without, run, reason="")


def test_a_run_in_doubt_is_settled_before_it_is_undone(root: Path) -> None:
    failing = Failing(service(root).folder, False, capability="mail.send", after=True)
    here = context(root, failing)
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        approve(here, run)
        carry_on(here, run, effects=True)
        with pytest.raises(RefusedError, match="nobody knows yet whether mail"):
            plan_revert(here, run)


def test_what_was_never_done_is_not_undone(root: Path) -> None:
    here = context(root, Failing(service(root).folder, capability="mail.send", error=RefusedError("not now")))
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        approve(here, run)
        carry_on(here, run, effects=True)
        assert [undo.compensation.capability for undo in plan_revert(here, run) if undo.compensation] == [
            "cms.unpublish"
        ]
        revert(here, run, reason="")
        assert carry_on(here, run, effects=True).status is RunStatus.REVERTED
    assert done(root) == ["cms.publish", "cms.unpublish"]


def test_while_undoing_it_is_begun_nothing_else_of_it_is_done(root: Path) -> None:
    """Its mail waited when undoing it was begun, and undoing it was cut off."""
    here = context(root, Failing(service(root).folder, capability="mail.send", error=RefusedError("not now")))
    with here.git:
        run = house.start(here)
        carry_on(here, run)
        approve(here, run)
        carry_on(here, run, effects=True)
        (service(root).folder / "failed").unlink()
        cut = context(root, Failing(service(root).folder, capability="cms.unpublish", error=TransientError("")))
        with cut.git, pytest.raises(TransientError):
            revert(cut, run, reason="")
        for retry in (False, True):
            standing = carry_on(here, run, effects=True, retry=retry)
            assert (standing.status, "`aios revert` goes on" in standing.why) == (RunStatus.WAITING, True)
        (waits,) = items(here, [run])
        assert (waits.kind, waits.command) == ("failed", f"aios revert {run.rpartition('/')[2]}")
        revert(here, run, reason="")
    assert done(root) == ["cms.publish", "cms.unpublish"]


def undoing(root: Path, checkpoint: Callable[[str], None] = lambda _: None) -> None:
    made = context(root, checkpoint=checkpoint)
    with made.git:
        run = house.start(made)
        if read_state(made.git, run, main="main").finished != "reverted":
            revert(made, run, reason="wrong")


def test_killed_at_any_boundary_and_called_again_it_is_undone_once(template: Path, tmp_path: Path) -> None:
    first = Path(shutil.copytree(template, tmp_path / "done"))
    published(first)
    whole = Path(shutil.copytree(first, tmp_path / "whole"))
    shutil.copytree(service(first).folder, service(whole).folder)
    found = boundaries(whole, undoing)
    assert len(found) > 12
    for number, name in found.items():
        root = Path(shutil.copytree(first, tmp_path / f"killed-{number}"))
        shutil.copytree(service(first).folder, service(root).folder)
        assert dies_at(root, number, undoing), name
        undoing(root)
        assert sorted(done(root)[3:]) == ["cms.discard", "cms.unpublish"], name
        assert house.tree_of(root) == house.tree_of(whole), name


def house_commit(root: Path, message: str = "By hand") -> None:
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-q", "-m", message], cwd=root, check=True)
