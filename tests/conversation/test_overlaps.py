"""Open proposals that change the same records name each other, with the order in which to merge; what main took over
meanwhile is told field by field. What is said reaches the shared copy, also where somebody pushed there meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from aios.domain.names import branch_of
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.conversation import listen
from aios.runs.gate import approve
from aios.runs.on_forge import show_all, show_on_forge
from aios.runs.overlapping import overlaps_of
from aios.runs.session import read_state
from aios.runs.start import start_run
from aios.runs.told import told_of
from aios.store.commits import Draft, commit_many
from aios.store.git import Git
from aios.store.remote import Move, Remote
from tests.conversation.forum import WEB, Forum
from tests.remote.hub import git
from tests.runs import house

RUN = house.RUN_ID


def second(here: Context) -> str:
    """A run of another topic that writes the same piece, two hours later."""
    from datetime import timedelta

    late = replace(here, clock=lambda: house.START + timedelta(hours=2))
    run = start_run(late, "write-piece", {"topic": "Another topic"}, trigger={"kind": "manual", "key": "two"})
    carry_on(late, run)
    return run


def test_both_name_the_other_and_the_order(place: Context, forum: Forum) -> None:
    shown = show_on_forge(place, second(place))
    older = forum.pulls[1].body
    assert f"overlaps with [#2]({WEB}/pull/2)" in older
    assert "both change `content/a-fine-topic`, `memory/notes/part-1`" in older
    assert "merge this one first, this one is older" in older
    assert f"**Merge [#1]({WEB}/pull/1) first: it is older.**" in shown.body
    assert "aios:overlaps" in forum.pulls[1].labels
    assert "aios:overlaps" in forum.pulls[2].labels
    writes = len(forum.writes)
    show_all(place)
    assert len(forum.writes) == writes


def test_what_main_took_over_meanwhile_is_told_field_by_field(place: Context, forum: Forum) -> None:
    other = second(place)
    show_on_forge(place, other)
    approve(place, RUN)
    show_all(place)
    body = forum.pulls[2].body
    assert "- on main meanwhile: new: content/a-fine-topic “A fine topic”" in body
    assert "(" in body.partition("on main meanwhile: new: content/a-fine-topic")[2].partition("\n")[0]
    assert "cannot be merged by itself: state/content/a-fine-topic.md, title: main has 'A fine topic'" in body
    assert "### Changed on main meanwhile" in forum.sticky(2)
    assert "overlaps with" not in body
    assert "aios:overlaps" not in forum.pulls[2].labels
    assert [each.by_us for each in forum.said[2]].count(True) == 1


def change(here: Context, run: str, files: dict[str, str]) -> None:
    branch = f"refs/heads/{branch_of(run)}"
    texts: dict[str, bytes | None] = {path: text.encode() for path, text in files.items()}
    draft = Draft("by hand", texts, here.now(), "Me", "me@test.example")
    commit_many(here.git, branch, [draft], expected=here.git.rev(branch))


def test_the_one_that_another_refers_to_comes_first_though_it_is_younger(place: Context) -> None:
    other = second(place)
    change(place, other, {"state/customers/new.yaml": "schema: customer.v1\nname: New\nemail: a@b.example\n"})
    change(place, RUN, {"state/products/x.yaml": "schema: product.v1\nname: X\nx-for: customers/new\n"})
    (mine,) = overlaps_of(place, RUN)
    assert mine.earlier
    assert mine.why == "this one refers to customers/new, which it adds"
    (theirs,) = overlaps_of(place, other)
    assert not theirs.earlier
    assert theirs.why == "it refers to customers/new, which this one adds"


def test_a_name_that_only_begins_alike_is_no_reference(place: Context) -> None:
    other = second(place)
    change(place, other, {"state/customers/new.yaml": "schema: customer.v1\nname: New\nemail: a@b.example\n"})
    change(place, RUN, {"state/products/x.yaml": "schema: product.v1\nname: X\nx-for: customers/newer\n"})
    (mine,) = overlaps_of(place, RUN)
    assert (mine.earlier, mine.why) == (False, "this one is older")


# Said, and pushed


@pytest.fixture
def shared(place: Context, tmp_path: Path) -> tuple[Context, Forum, Path]:
    """The same company with a shared copy, and somebody else's clone of it."""
    bare, root = tmp_path / "shared.git", place.git.root
    git(tmp_path, "init", "-q", "--bare", "-b", "main", bare.name)
    git(root, "remote", "add", "origin", str(bare))
    git(root, "push", "-q", "origin", "--all")
    git(tmp_path, "clone", "-q", str(bare), "theirs")
    here = replace(place, remote=Remote(place.git))
    assert here.remote is not None
    here.remote.fetch()
    show_on_forge(here, RUN)
    return here, cast(Forum, here.forge), tmp_path / "theirs"


def there(here: Context, ref: str) -> str:
    return git(here.git.root, "ls-remote", "origin", ref).partition("\t")[0]


def test_what_was_said_is_pushed_and_a_rejected_branch_goes_away_there(shared: tuple[Context, Forum, Path]) -> None:
    here, forum, _ = shared
    forum.comment("ann", "/aios revise shorter")
    listen(here, 1)
    branch = f"refs/heads/{branch_of(RUN)}"
    assert there(here, branch) == here.git.commit(branch_of(RUN))
    head = there(here, branch)
    forum.comment("ann", "/aios reject no")
    listen(here, 1)
    assert there(here, branch) == ""
    assert there(here, f"refs/aios/closed/{RUN.split('/')[2]}") == head


def test_a_commit_that_somebody_pushed_meanwhile_is_kept_and_the_note_is_put_on_it(
    shared: tuple[Context, Forum, Path],
) -> None:
    here, forum, theirs = shared
    git(theirs, "checkout", "-q", branch_of(RUN))
    piece = theirs / "state/content/a-fine-topic.md"
    piece.write_text(piece.read_text() + "\nBy hand.\n")
    git(theirs, "-c", "user.name=Me", "-c", "user.email=me@test.example", "commit", "-qam", "by hand")
    git(theirs, "push", "-q", "origin", branch_of(RUN))
    hand = git(theirs, "rev-parse", "HEAD")
    forum.comment("ann", "/aios revise shorter")
    heard = listen(here, 1)
    assert heard is not None
    assert heard.acted == ("sent back: shorter",)
    assert here.git.is_ancestor(hand, here.git.commit(branch_of(RUN)))
    assert there(here, f"refs/heads/{branch_of(RUN)}") == here.git.commit(branch_of(RUN))
    sent = [each for each in told_of(here, RUN) if each.fact.type == "proposal.revision-requested"]
    assert len(sent) == 1
    assert read_state(here.git, RUN, main="main").steps["write"].guidance == ("shorter",)


def test_another_machine_that_hears_the_same_does_it_no_second_time(
    shared: tuple[Context, Forum, Path], tmp_path: Path
) -> None:
    here, forum, _ = shared
    forum.comment("ann", "/aios revise shorter")
    listen(here, 1)
    git(tmp_path, "clone", "-q", str(tmp_path / "shared.git"), "late")
    git(tmp_path / "late", "checkout", "-q", "-b", branch_of(RUN), f"origin/{branch_of(RUN)}")
    git(tmp_path / "late", "checkout", "-q", "main")
    with Git(tmp_path / "late") as other:
        late = replace(here, git=other, remote=Remote(other))
        heard = listen(late, 1)
    assert heard is not None
    assert heard.acted == ()


def test_what_a_kill_kept_from_the_shared_copy_reaches_it_the_next_time(shared: tuple[Context, Forum, Path]) -> None:
    from tests.conversation.test_once import KilledError

    here, forum, _ = shared
    branch = f"refs/heads/{branch_of(RUN)}"
    for words in ("/aios revise shorter", "/aios reject no"):
        forum.comment("ann", words)

        class Broken(Remote):
            def push(self, moves: Sequence[Move]) -> None:
                if any(move.ref == branch for move in moves):
                    raise KilledError
                super().push(moves)

        with pytest.raises(KilledError):
            listen(replace(here, remote=Broken(here.git)), 1)
        assert there(here, branch) != (here.git.rev(branch) or "")
        heard = listen(here, 1)
        assert heard is not None
        assert heard.acted == ()
        assert there(here, branch) == (here.git.rev(branch) or "")
    assert forum.pulls[1].state.value == "closed"
    assert "rejected" in forum.sticky().casefold() or "stopped" in forum.sticky().casefold()


def test_the_forge_of_one_machine_shows_it_too(place: Context) -> None:
    from aios.forge.local import REF, Local

    here = replace(place, forge=Local(place.git, ("Me", "me@test.example"), place.clock))
    shown = show_on_forge(here, RUN)
    assert shown.body.startswith("**Merging allows one effect")
    assert here.forge is not None
    assert here.forge.statuses(shown.head) == {"aios/proposal": "success"}
    before = place.git.rev(REF)
    assert show_on_forge(here, RUN) == shown
    assert place.git.rev(REF) == before
