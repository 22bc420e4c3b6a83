"""What holds for every forge: one suite, run on each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from aios.domain.forge import Draft, State
from aios.errors import AiosError, RefusedError
from tests.forge.places import Place, draft, on_hub, one_machine

BRANCH = "aios/publish/hello"
FILES = {"state/content/hello.md": "Hello.\n", "memory/notes/a.md": "A.\n"}


_COUNT = count(1)


@pytest.fixture(scope="module")
def emulate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from tests.peers.github import emulated

    with emulated(tmp_path_factory.mktemp("emulate")) as api:
        yield api


@pytest.fixture(params=["one machine", "hub", pytest.param("emulate", marks=pytest.mark.peer("github"))])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "emulate":
        from tests.peers.github import on_emulate

        with on_emulate(request.getfixturevalue("emulate"), f"acme-{next(_COUNT)}") as found:
            yield found
    else:
        with (one_machine if request.param == "one machine" else on_hub)(tmp_path) as here:
            yield here


def _opened(place: Place, branch: str = BRANCH, **changes: object) -> Draft:
    place.push(branch, FILES)
    return draft(branch, **changes)


def test_a_proposal_is_opened_with_all_that_was_drafted(place: Place) -> None:
    head = place.push(BRANCH, FILES)
    found = place.forge.open(draft(labels=("aios", "risk: high")))
    assert (found.branch, found.base, found.head, found.state) == (BRANCH, "main", head, State.OPEN)
    assert (found.title, found.author) == ("Publish hello", place.forge.viewer())
    assert found.body == draft().body
    assert set(found.labels) == {"aios", "risk: high"}
    assert place.forge.get(found.number) == found


def test_opening_again_finds_the_open_one_and_brings_it_up_to_date(place: Place) -> None:
    first = place.forge.open(_opened(place))
    place.push(BRANCH, {"state/content/hello.md": "Hello!\n"})
    again = place.forge.open(draft(title="Publish hello!", body="New.", labels=("aios",)))
    assert again.number == first.number
    assert (again.title, again.body, again.labels) == ("Publish hello!", "New.", ("aios",))
    assert len(place.forge.proposals()) == 1


def test_a_refresh_that_changes_nothing_writes_nothing(place: Place) -> None:
    first = place.forge.open(_opened(place, labels=("aios",)))
    assert place.forge.refresh(first.number, draft(labels=("aios",))) == first
    assert place.forge.get(first.number).updated == first.updated


def test_a_refresh_takes_no_label_off(place: Place) -> None:
    first = place.forge.open(_opened(place, labels=("aios",)))
    place.forge.label(first.number, add=("held",))
    assert set(place.forge.refresh(first.number, draft(labels=("aios",))).labels) == {"aios", "held"}


def test_a_branch_that_is_not_there_cannot_be_proposed(place: Place) -> None:
    if "checks" in place.lacks:
        assert place.forge.open(draft("aios/publish/missing")).number  # it makes the branch by itself
        return
    with pytest.raises(RefusedError, match="aios/publish/missing"):
        place.forge.open(draft("aios/publish/missing"))


def test_a_branch_without_a_commit_of_its_own_proposes_nothing(place: Place) -> None:
    place.push(BRANCH, FILES)
    place.merge(place.forge.open(draft()).number, "merge")
    if "checks" in place.lacks:
        assert place.forge.open(draft()).number == 2
        return
    with pytest.raises(RefusedError, match=r"[Nn]o commits between.*nothing to propose"):
        place.forge.open(draft())


def test_it_is_found_by_branch_an_open_one_first(place: Place) -> None:
    closed = place.forge.open(_opened(place))
    place.forge.close(closed.number, "no")
    found = place.forge.find(BRANCH)
    assert found is not None
    assert (found.number, found.state) == (closed.number, State.CLOSED)
    opened = place.forge.open(draft(title="Again"))
    assert opened.number > closed.number
    found = place.forge.find(BRANCH)
    assert found is not None
    assert found.number == opened.number
    place.forge.close(opened.number, "no")
    found = place.forge.find(BRANCH)
    assert found is not None
    assert found.number == opened.number  # the newest


def test_it_is_found_by_its_fingerprint_where_the_branch_was_renamed(place: Place) -> None:
    opened = place.forge.open(_opened(place, "aios/publish/old-name"))
    found = place.forge.find("aios/publish/new-name", fingerprint="f1n6er")
    assert found is not None
    assert found.number == opened.number
    assert place.forge.find("aios/publish/new-name", fingerprint="another") is None
    assert place.forge.find("aios/publish/new-name") is None


def test_proposals_are_listed_by_state_newest_first_and_only_ours(place: Place) -> None:
    numbers = [place.forge.open(_opened(place, f"aios/publish/{name}")).number for name in "abc"]
    place.push("feature/mine", {"x": "x\n"})
    place.forge.open(draft("feature/mine"))
    place.forge.close(numbers[0], "no")
    place.merge(numbers[1], "merge")
    assert [each.number for each in place.forge.proposals()] == [numbers[2]]
    assert [each.number for each in place.forge.proposals(state=State.CLOSED)] == [numbers[0]]
    assert [each.number for each in place.forge.proposals(state=State.MERGED)] == [numbers[1]]
    assert [each.number for each in place.forge.proposals(state=None)] == numbers[::-1]


def test_the_paths_that_it_changes_are_told(place: Place) -> None:
    number = place.forge.open(_opened(place)).number
    expected = [] if "files" in place.lacks else sorted(FILES)
    assert list(place.forge.files(number)) == expected
    place.merge(number, "merge")
    assert list(place.forge.files(number)) == expected


def test_there_is_one_comment_for_each_marker(place: Place) -> None:
    number = place.forge.open(_opened(place)).number
    place.comment(number, "I have a question")
    first = place.forge.say(number, "status", "It runs.")
    again = place.forge.say(number, "status", "It is done.")
    place.forge.say(number, "questions", "Which one?")
    assert (again.id, again.by_us) == (first.id, True)
    told = place.forge.comments(number)
    assert [(each.body.split("\n")[0], each.by_us) for each in told] == [
        ("I have a question", False),
        ("It is done.", True),
        ("Which one?", True),
    ]
    assert all(each.author and each.at for each in told)


def test_saying_the_same_again_writes_nothing(place: Place) -> None:
    number = place.forge.open(_opened(place)).number
    first = place.forge.say(number, "status", "It runs.")
    assert place.forge.say(number, "status", "It runs.\n") == first
    assert place.forge.comments(number) == [first]


def test_a_persons_comment_with_our_marker_is_none_of_ours(place: Place) -> None:
    number = place.forge.open(_opened(place)).number
    place.comment(number, "Mine!\n\n<!-- aios:status -->")
    place.forge.say(number, "status", "Ours.")
    assert [each.body.split("\n")[0] for each in place.forge.comments(number)] == ["Mine!", "Ours."]


def test_labels_are_made_added_and_removed_and_twice_does_nothing(place: Place) -> None:
    number = place.forge.open(_opened(place)).number
    for _ in range(2):
        place.forge.label(number, add=("held", "risk: high"))
    assert set(place.forge.get(number).labels) == {"held", "risk: high"}
    for _ in range(2):
        place.forge.label(number, add=("ready",), remove=("held", "never there"))
    assert set(place.forge.get(number).labels) == {"risk: high", "ready"}


def test_closing_tells_the_reason_once(place: Place) -> None:
    number = place.forge.open(_opened(place)).number
    for _ in range(2):
        place.forge.close(number, "Not now.")
    assert place.forge.get(number).state is State.CLOSED
    assert place.forge.merged(number) is None
    assert [each.body.split("\n")[0] for each in place.forge.comments(number)] == ["Not now."]


def test_who_closed_it_is_told(place: Place) -> None:
    number = place.forge.open(_opened(place)).number
    if "closed_by" in place.lacks:
        with pytest.raises(RefusedError):  # there a pull request is no issue
            place.forge.closed_by(number)
        return
    assert place.forge.closed_by(number) == ""
    place.forge.close(number, "Not now.")
    assert place.forge.closed_by(number) == place.forge.viewer()


def test_what_is_merged_cannot_be_closed(place: Place) -> None:
    number = place.forge.open(_opened(place)).number
    place.merge(number, "merge")
    with pytest.raises(RefusedError, match=r"is merged.*aios revert"):
        place.forge.close(number, "Not now.")
    assert place.forge.comments(number) == []


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
@pytest.mark.parametrize("commits", [1, 2])
def test_a_merge_is_told_with_its_commit_its_head_and_how(place: Place, method: str, commits: int) -> None:
    number = place.forge.open(_opened(place)).number
    for turn in range(1, commits):
        place.push(BRANCH, {"state/content/hello.md": f"Hello {turn}.\n"}, f"Change {turn}")
    place.push("main", {"elsewhere.md": "Main moves on.\n"})
    assert place.forge.merged(number) is None
    head = place.forge.get(number).head
    commit = place.merge(number, method)
    place.push("main", {"elsewhere.md": "And on.\n"})
    told = place.forge.merged(number)
    assert told is not None
    assert (told.commit, told.head) == (commit, head)
    assert told.by
    assert told.at
    expected = "squash" if "rebase" in place.lacks and method == "rebase" else method
    assert told.method == expected
    assert place.forge.get(number).state is State.MERGED


def test_a_merge_stays_told_when_the_branch_is_gone(place: Place) -> None:
    number = place.forge.open(_opened(place)).number
    head, commit = place.forge.get(number).head, place.merge(number, "squash")
    place.delete(BRANCH)
    told = place.forge.merged(number)
    assert told is not None
    assert (told.commit, told.head) == (commit, head)


def test_who_deletes_the_branch_of_an_open_proposal_closes_it(place: Place) -> None:
    number = place.forge.open(_opened(place)).number
    place.delete(BRANCH)
    expected = State.OPEN if "checks" in place.lacks else State.CLOSED
    assert place.forge.get(number).state is expected
    assert place.forge.merged(number) is None


def test_the_newest_status_of_each_context_counts(place: Place) -> None:
    head = place.push(BRANCH, FILES)
    if "statuses" in place.lacks:
        with pytest.raises(RefusedError):
            place.forge.status(head, "aios/proposal", "pending", "It is looked at")
        return
    assert place.forge.statuses(head) == {}
    place.forge.status(head, "aios/proposal", "pending", "It is looked at")
    place.forge.status(head, "aios/proposal", "success", "It holds", "https://acme.example/run/1")
    place.forge.status(head, "other", "failure", "It does not hold. " * 20)
    assert place.forge.statuses(head) == {"aios/proposal": "success", "other": "failure"}


def test_nothing_is_reviewed_at_first(place: Place) -> None:
    assert list(place.forge.reviews(place.forge.open(_opened(place)).number)) == []


def test_a_workflow_is_started_only_where_it_is(place: Place) -> None:
    if "dispatch" not in place.lacks:
        place.push("main", {".github/workflows/aios-apply.yml": "name: apply\non: workflow_dispatch\njobs: {}\n"})
        place.forge.dispatch("aios-apply.yml", {"reason": "auto"})
    with pytest.raises(RefusedError):
        place.forge.dispatch("missing.yml", {})


@pytest.mark.parametrize("ask", ["get", "files", "merged", "comments", "reviews"])
def test_a_proposal_that_is_not_there_is_refused(place: Place, ask: str) -> None:
    with pytest.raises(AiosError):
        list(getattr(place.forge, ask)(99))


def test_those_of_one_branch_or_changed_of_late_are_listed_alone(place: Place) -> None:
    first, second = (place.forge.open(_opened(place, f"aios/publish/{name}")) for name in "ab")
    for each in (first, second):
        place.forge.close(each.number, "no")
    listed = [place.forge.proposals(state=State.CLOSED, branch=each.branch) for each in (first, second)]
    assert [[each.number for each in found] for found in listed] == [[first.number], [second.number]]
    moment = place.forge.get(second.number).updated
    late = place.forge.proposals(state=State.CLOSED, since=moment)
    assert second.number in [each.number for each in late]
    assert all(each.updated >= moment for each in late)
    assert list(place.forge.proposals(state=State.CLOSED, since="2099-01-01T00:00:00Z")) == []
