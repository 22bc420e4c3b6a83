"""The hub does to commits and events what GitHub does."""

from __future__ import annotations

import pytest

from tests.actions.conftest import OLGA
from tests.actions.hub import Hub
from tests.actions.hub.hub import RefusedError
from tests.actions.hub.tokens import Token

pytestmark = pytest.mark.peer("actions")  # for what describes GitHub's answers


@pytest.fixture
def olga(hub: Hub) -> Token:
    return hub.token(OLGA)


def proposed(hub: Hub, olga: Token, branch: str = "aios/w/s", *, path: str = "a") -> int:
    """A pull request of two commits, opened by a job."""
    if not hub.bare.tip("main"):
        hub.commit("main", {"a": "1\n", "b": "1\n"}, "Begin", olga)
    hub.bare.git("update-ref", f"refs/heads/{branch}", hub.bare.tip("main") or "")
    for number in (2, 3):
        hub.commit(branch, {path: f"{number}\n"}, f"Make it {number}", olga)
    return hub.open("A title", "", branch, "main", hub.token(hub.bot, {}, job="propose")).number


def shown(hub: Hub, commit: str) -> list[str]:
    return hub.bare.git("show", "-s", "--format=%an <%ae>%n%cn <%ce>%n%P%n%B", commit).split("\n")


def test_a_merge_has_both_parents_and_is_committed_by_github(hub: Hub, olga: Token) -> None:
    number = proposed(hub, olga)
    base, head = hub.bare.tip("main"), hub.pull(number).head
    commit = hub.merge(number, "merge", olga)
    told = ["Olga Operator <77+olga@users.noreply.github.com>", "GitHub <noreply@github.com>", f"{base} {head}"]
    assert shown(hub, commit)[:5] == [*told, f"Merge pull request #{number} from olga/aios/w/s", ""]
    assert hub.bare.git("show", "main:a") == "3"


def test_a_squash_is_one_commit_of_who_proposed(hub: Hub, olga: Token) -> None:
    number = proposed(hub, olga)
    base = hub.bare.tip("main")
    commit = hub.merge(number, "squash", olga)
    author = "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>"
    assert shown(hub, commit)[:4] == [author, "GitHub <noreply@github.com>", base, f"A title (#{number})"]
    assert "* Make it 2" in shown(hub, commit)


def test_a_rebase_makes_each_commit_anew_by_who_merged(hub: Hub, olga: Token) -> None:
    number = proposed(hub, olga)
    hub.commit("main", {"b": "2\n"}, "Elsewhere", olga)
    before = hub.bare.git("rev-list", "main..aios/w/s").split()
    commit = hub.merge(number, "rebase", olga)
    assert hub.bare.git("log", "-3", "--format=%s", "main").split("\n") == ["Make it 3", "Make it 2", "Elsewhere"]
    assert shown(hub, commit)[1] == "Olga Operator <77+olga@users.noreply.github.com>"
    assert commit not in before
    assert hub.pull(number).merge_commit == commit


def test_what_does_not_go_together_is_not_merged(hub: Hub, olga: Token) -> None:
    number = proposed(hub, olga)
    hub.commit("main", {"a": "9\n"}, "Elsewhere", olga)
    before = hub.bare.refs()
    for method in ("merge", "squash", "rebase"):
        with pytest.raises(RefusedError, match="conflict"):
            hub.merge(number, method, olga)
    assert hub.bare.refs() == before
    with pytest.raises(RefusedError, match="modified"):
        hub.merge(number, "merge", olga, head="0" * 40)


def test_a_push_that_holds_a_proposal_merges_it_and_a_deleted_branch_closes_its_own(hub: Hub, olga: Token) -> None:
    first, second = proposed(hub, olga), proposed(hub, olga, "aios/w/t", path="b")
    with hub.pushing(olga):
        hub.bare.git("update-ref", "refs/heads/main", hub.pull(first).head)
        hub.bare.git("update-ref", "-d", "refs/heads/aios/w/t")
    assert [hub.pull(first).merged_by, hub.pull(first).merge_commit] == [OLGA, hub.pull(first).head]
    assert [hub.pull(second).state, hub.pull(second).merged] == ["closed", None]


def test_events_of_a_jobs_own_token_start_nothing_but_dispatches(hub: Hub, olga: Token) -> None:
    number = proposed(hub, olga)
    hub.commit("main", {".github/workflows/x.yml": "on: workflow_dispatch\n"}, "A workflow", olga)
    hub.events.clear()
    job = hub.token(hub.bot, {"contents": "write"}, job="x")
    hub.comment(number, "hello", job)
    hub.close(number, job)
    with hub.pushing(job):
        hub.bare.git("update-ref", "refs/heads/more", hub.bare.tip("main") or "")
    assert hub.events == []
    hub.dispatch("x.yml", "main", {}, job)
    hub.repository_dispatch("more", {}, job)
    assert [each.name for each in hub.events] == ["workflow_dispatch", "repository_dispatch"]
    hub.comment(number, "hello", olga)
    assert hub.events[-1].payload["comment"]["author_association"] == "OWNER"


def test_a_job_may_not_propose_where_the_setting_is_off(hub: Hub, olga: Token) -> None:
    hub.actions_may_propose = False
    with pytest.raises(RefusedError, match="not permitted to create"):
        proposed(hub, olga)
