"""A step with many items, spread over several jobs: the commits of one job come of it, whatever gets lost."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from aios.domain.agent import AgentCall, AgentReply, Reason, Tools
from aios.domain.handoff import TRACES, Stage
from aios.domain.run import RunStatus
from aios.errors import InvalidError, UsageError
from aios.runs import jobs
from aios.runs.conductor import carry_on
from aios.runs.context import AIOS_EMAIL, AIOS_NAME, Context
from aios.runs.handing_over import read
from aios.runs.session import read_state
from aios.runs.sharding import MATRIX, Share, Spread, done_by, in_order, parse, part_of, shares, whole_part
from aios.runs.start import start_run
from aios.store.bundles import header_of
from aios.store.commits import Draft, commit_many
from tests.runs import house
from tests.runs.chain import ASKED, AT, Chain, branch

ITEMS = 7


def many(call: AgentCall, tools: Tools) -> AgentReply:
    """The scout of the house, with more parts to its plan."""
    if int(call.input["part"]):
        return house.scout(call, tools)
    parts = list(range(1, ITEMS + 1))
    return AgentReply({"record": "a-fine-topic", "parts": parts}, title="many parts", reasons=(Reason("many", "so"),))


def context(root: Path) -> Context:
    return house.context(root, engines={**house.ENGINES, "scout": many})


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return house.found(tmp_path_factory.mktemp("sharding") / "company")


@pytest.fixture
def chain(template: Path, tmp_path: Path) -> Chain:
    root = shutil.copytree(template, tmp_path / "company")
    return Chain(root, tmp_path / "jobs", make=context, spread=Spread(3, 3))


@pytest.fixture
def whole(template: Path, tmp_path: Path) -> str:
    """The proposal that one job makes of it."""
    here = context(shutil.copytree(template, tmp_path / "whole"))
    with here.git:
        carry_on(here, start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=ASKED.trigger()))
    return branch(tmp_path / "whole")


def shared_out(chain: Chain, *, lost: tuple[str, ...] = ()) -> list[jobs.Report]:
    chain.plan()
    (order,) = chain.given()
    matrix = chain.matrix(chain.agent())
    assert [each["shard"] for each in matrix] == ["1/3", "2/3", "3/3"]
    for each in matrix:
        if each["shard"] not in lost:
            chain.share(order, each["shard"])
    return chain.join()


def test_shares_joined_are_the_commits_of_one_job(chain: Chain, whole: str) -> None:
    (report,) = shared_out(chain)
    assert (report.stage, report.notes) == ("propose", [])
    assert [each.status for each in chain.propose("joined")] == [RunStatus.WAITING]
    assert branch(chain.root) == whole != ""


def test_a_step_that_comes_only_after_a_while_is_shared_out_too(tmp_path: Path) -> None:
    late = house.WORKFLOW.replace("    parallel: 2\n", "    parallel: 2\n    after: 1h\n")
    root = house.found(tmp_path / "company", workflow=late)
    first = Chain(root, tmp_path / "jobs", make=context, spread=Spread(3, 3))
    assert [each.until for each in first.round()] == ["2026-11-02T10:00:00Z"]
    hours = timedelta(hours=2)
    second = replace(first, make=lambda place: replace(context(place), clock=lambda: house.START + hours))
    second.plan(asked=())
    matrix = second.matrix(second.agent())
    assert len(matrix) == 3
    told = [second.share(second.given()[0], each["shard"]).did for each in matrix]
    assert sorted(each.item for did in told for each in did if each.item is not None) == list(range(ITEMS))


def test_the_agent_job_stops_before_the_step_and_says_how_many_are_left(chain: Chain) -> None:
    chain.plan()
    (report,) = chain.agent()
    assert (report.left, report.stage) == (ITEMS, "agent")
    assert [each.step for each in report.did] == ["plan"]


def test_each_share_does_its_own_items_and_hands_over_nothing_else(chain: Chain) -> None:
    chain.plan()
    (order,) = chain.given()
    chain.agent()
    report = chain.share(order, "2/3")
    assert [(each.step, each.item) for each in report.did] == [("dig", 1), ("dig", 4)]
    folder = chain.folder / "shares/0/shard-2-of-3"
    assert header_of(folder / "run.bundle").prerequisites == (read(chain.folder / "work/0", order).head,)


def test_a_share_that_never_arrived_is_done_by_the_join(chain: Chain) -> None:
    (report,) = shared_out(chain, lost=("2/3",))
    assert report.notes == ["the share 2/3 never arrived; its items are done anew"]
    assert [(each.step, each.item) for each in report.did if each.step == "dig"] == [("dig", 1), ("dig", 4)]
    assert [each.status for each in chain.propose("joined")] == [RunStatus.WAITING]


def test_where_too_much_got_lost_the_next_round_shares_it_out_again(chain: Chain, whole: str) -> None:
    (report,) = shared_out(chain, lost=("1/3", "2/3", "3/3"))
    assert report.why == "nothing of it was shared out"
    assert [each.stage for each in chain.propose("joined")] == ["agent"]
    assert [each.status for each in chain.round()] == [RunStatus.WAITING]
    assert branch(chain.root) == whole


def test_a_share_that_was_cut_off_costs_only_its_own_items(chain: Chain) -> None:
    chain.plan()
    (order,) = chain.given()
    for each in chain.matrix(chain.agent()):
        chain.share(order, each["shard"])
    bundle = chain.folder / "shares/0/shard-3-of-3/run.bundle"
    bundle.write_bytes(bundle.read_bytes()[:-40])
    (report,) = chain.join()
    assert "not in order" in report.notes[0]
    assert [each.item for each in report.did if each.step == "dig"] == [2, 5]
    assert report.stage == "propose"


def test_an_order_without_shares_is_handed_on_as_it_was(chain: Chain) -> None:
    few = replace(chain, spread=Spread(40, 8))
    few.plan()
    few.agent()
    few.join()
    for name in ("run.bundle", "handoff.json"):
        assert (few.folder / "joined/0" / name).read_bytes() == (few.folder / "work/0" / name).read_bytes()


def test_what_the_shares_left_of_traces_is_handed_on(chain: Chain) -> None:
    shared_out(chain)
    header = header_of(chain.folder / "joined/0/run.bundle")
    assert TRACES in header.refs
    chain.propose("joined")
    here = context(chain.root)
    with here.git as git:
        recorded = [path for path in git.tree("aios/traces") if path.startswith("context/")]
        state = read_state(git, house.RUN_ID, main="main")
    assert len(recorded) >= ITEMS
    assert list(state.steps["dig"].items) == list(range(ITEMS))


def message(step: str, item: str, *, run: str = house.RUN_ID, status: str = "succeeded") -> str:
    told = {"Event": "scout.replied", "Run": run, "Step": step, "Item": item, "Status": status}
    return "scout.replied: x\n\n" + "".join(f"Aios-{name}: {value}\n" for name, value in told.items())


@pytest.mark.parametrize(
    ("text", "author", "why"),
    [
        (message("dig", "0"), AIOS_NAME, "not among those"),
        (message("dig", ""), AIOS_NAME, "not among those"),
        (message("write", "1"), AIOS_NAME, "something else"),
        (message("dig", "1", run="write-piece/other/01m6dqs9m0ky3d10c89hypb6hf"), AIOS_NAME, "something else"),
        (message("dig", "1", status="approved"), AIOS_NAME, "no attempt"),
        (message("dig", "1"), "Me", "not made by"),
        ("hello\n", AIOS_NAME, "something else"),
    ],
)
def test_a_share_with_anything_but_its_own_items_is_not_taken(chain: Chain, text: str, author: str, why: str) -> None:
    with context(chain.root).git as git:
        base = git.commit("main")
        draft = Draft(text, {"memory/notes/x.md": b"x"}, AT, author, AIOS_EMAIL)
        (head,) = commit_many(git, "share", [draft], expected=None, start=base)
        with pytest.raises(InvalidError, match=why):
            done_by(git, house.RUN_ID, Share("dig", 2, 3), base, head)


def test_a_share_on_another_commit_is_not_taken(chain: Chain) -> None:
    with context(chain.root).git as git:
        other = git.text("commit-tree", "-m", "beside", "main^{tree}")
        with pytest.raises(InvalidError, match="does not build on"):
            done_by(git, house.RUN_ID, Share("dig", 1, 3), git.commit("main"), other)


def test_every_item_is_in_exactly_one_share_and_items_come_in_order() -> None:
    for of in (1, 2, 3, 8):
        for item in range(20):
            assert sum(Share("s", number, of).has(item) for number in range(1, of + 1)) == 1
    drafts = {item: Draft(f"{item}\n", {}, AT, "a", "a@x") for item in range(5)}
    from aios.runs.sharding import Done

    parts = [
        Done(Share("s", 2, 2), ((1, drafts[1]), (3, drafts[3]))),
        Done(Share("s", 1, 2), ((0, drafts[0]), (2, drafts[2]), (4, drafts[4]))),
    ]
    assert in_order(parts) == [drafts[item] for item in range(5)]


def test_no_matrix_has_more_jobs_than_it_may_and_no_share_is_empty() -> None:
    assert shares({}, 8) == []
    assert [each["shard"] for each in shares({"0": 2}, 8)] == ["1/2", "2/2"]
    assert len(shares({str(number): 100 for number in range(20)}, 50)) <= MATRIX
    assert len({each["order"] for each in shares({str(number): 100 for number in range(300)}, 50)}) == MATRIX


def test_what_all_shares_may_spend_together_is_what_is_left() -> None:
    assert part_of(1.0, 0.4, 3) == pytest.approx(0.6)
    assert part_of(0.0, 0.4, 3) == 0.0  # no limit stays none
    assert part_of(1.0, 2.0, 3) == 2.0
    assert whole_part(100, 10, 3) == 40


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/999", "a/b", "1/3/5", "-1/3"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no share"):
        parse(text)


def test_no_share_is_spread_again_and_stages_stay_apart(chain: Chain) -> None:
    here = context(chain.root)
    with here.git:
        run = start_run(here, "write-piece", {"topic": "A fine topic"}, trigger=ASKED.trigger())
        first = carry_on(here, run, stage=Stage.AGENT, spread=Spread(3, 3))
        assert (first.spread, first.stage) == ("dig", "agent")
        assert carry_on(here, run, stage=Stage.AGENT, spread=Spread(ITEMS, 3)).stage == "propose"
