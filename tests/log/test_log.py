"""The log tells what git knows: every commit once, in an order that stands, whatever messages and paths look like."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aios.domain.event import Event
from aios.errors import CorruptError, UsageError
from aios.store.git import Git
from aios.store.log import LogFilter, newest_events, read_events
from tests.conftest import commit_all
from tests.projections.histories import HISTORIES, Step, grow
from tests.projections.histories import company as empty_company


def plumb(
    git: Git, message: bytes, *, parents: tuple[str, ...] = (), tree: str = "", at: str = "1767600000 +0100"
) -> str:
    """A commit object exactly as given: what git's own porcelain would clean up stays."""
    tree = tree or git.run("mktree", input=b"").decode().strip()
    head = f"tree {tree}\n" + "".join(f"parent {parent}\n" for parent in parents)
    who = f"Olga <olga@acme.example> {at}"
    content = f"{head}author {who}\ncommitter {who}\n\n".encode() + message
    return git.run("hash-object", "-t", "commit", "-w", "--stdin", "--literally", input=content).decode().strip()


def only(git: Git, commit: str) -> Event:
    (event,) = read_events(git, until=commit)
    return event


@settings(deadline=None, max_examples=25)
@given(HISTORIES)
def test_what_was_told_stays_told_and_what_comes_is_its_tail(history: list[list[Step]]) -> None:
    with empty_company() as (git, _):
        told: list[Event] = []
        for steps in history:
            before = git.rev("main")
            grow(git, steps)
            told += read_events(git, since=before, until="main")
        assert list(read_events(git, until="main")) == told
        assert sorted(event.commit for event in told) == sorted(git.text("rev-list", "main").split())
        backwards = list(newest_events(git, "main", LogFilter(), limit=10_000))
        assert backwards == told[::-1]


def test_the_newest_are_read_in_parts_without_a_gap(git: Git) -> None:
    grow(git, [Step((("state/customers/acme.yaml", f"name: {n}\n"),), True, n % 7 == 0) for n in range(300)])
    every = [event.commit for event in read_events(git, until="main")][::-1]
    assert [event.commit for event in newest_events(git, "main", LogFilter(), limit=len(every))] == every
    assert [event.commit for event in newest_events(git, "main", LogFilter(), limit=3)] == every[:3]


MESSAGES = [
    b"",
    b"\n\n\n",
    b"One line, no end",
    b"Subject\n\nAios-Event: a.b\n",
    b"Subject\n\nProse.\n\nAios-Event: a.b\nAios-Run: x\n\n\n",
    b"Subject\n\nAios-Event: a.b\n\nProse behind it.\n",
    b"Subject\n\nAios-Event: a.b\nnot a trailer at all\nnor this\nAios-Run: r\n",
    b"Subject\n\nSigned-off-by: A <a@b>\nAios-Event:folded\n  over lines\n",
    b"Aios-Event: in.the-subject\n",
    b"Subject\n\nAios-Event : spaced\nAios-Event: a.b\n",
    b"Subject\n\nAios-Event: \xff\xfe\n",
    b"Subject\r\n\r\nAios-Event: a.b\r\n",
    b"Subject\n\n---\nAios-Event: below.a-divider\n",
    b"Subject\n\nKey: v\x00Aios-Event: a.b\n",
    b"x" * 70_000 + b"\n\nAios-Event: a.b\n",
    "Subject\n\nAios-Actor: \u202eagent:writer\n".encode(),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_trailers_are_those_that_git_sees(git: Git, message: bytes) -> None:
    event = only(git, plumb(git, message))
    wanted = git.run("show", "-s", "--format=%(trailers:only,unfold)", event.commit).decode(errors="replace")
    assert [(name, value) for name, values in event.trailers.items() for value in values] == sorted(
        [(line.partition(":")[0].strip(), line.partition(":")[2].strip()) for line in wanted.splitlines() if line],
        key=lambda pair: [*event.trailers].index(pair[0]),
    )


WORDS = st.sampled_from(["Aios-Event", "Signed-off-by", "a", "A-b", " ", "  ", ":", ": ", "#", "---", "é", "\t", "x=y"])
LINES = st.lists(st.lists(WORDS, max_size=5).map("".join), max_size=8).map("\n".join)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, min_size=1, max_size=6))
def test_trailers_are_those_that_git_parses_from_the_message_alone(git: Git, texts: list[str]) -> None:
    """`git interpret-trailers` is the reference, but for what it takes for the end of a message in a mail (`---`)."""
    for text in texts:
        message = f"Subject\n\n{text}\n"
        event = only(git, plumb(git, message.encode()))
        parsed = git.run("interpret-trailers", "--parse", "--no-divider", input=message.encode()).decode()
        wanted: dict[str, list[str]] = {}
        for line in parsed.splitlines():
            name, _, value = line.partition(":")
            wanted.setdefault(name.strip(), []).append(value.strip())
        assert {name: list(values) for name, values in event.trailers.items()} == wanted


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=120), min_size=1, max_size=8))
def test_no_message_is_too_odd_and_none_hides_another(git: Git, messages: list[bytes]) -> None:
    parents: tuple[str, ...] = ()
    commits = []
    for message in messages:
        commits.append(plumb(git, message.replace(b"\0", b"?"), parents=parents))
        parents = (commits[-1],)
    assert [event.commit for event in read_events(git, until=commits[-1])] == commits


def test_hand_edits_are_understood_from_their_diff(company: Path, git: Git) -> None:
    (company / "state/customers/acme.yaml").rename(company / "state/customers/acme-ltd.yaml")
    commit_all(company, "Acme is a Ltd now")
    (company / "state/customers/brick.yaml").unlink()
    (company / "state/customers/new.yaml").write_text("schema: customer.v1\nname: New\n")
    (company / "state/company.yaml").write_text("schema: company.v1\nname: Acme Ltd\n")
    commit_all(company, "Tidy up")
    (company / "notes.txt").write_text("x")
    commit_all(company, "Nothing of ours")
    renamed, tidied, other = list(read_events(git, until="main"))[-3:]
    assert renamed.types == ("record.renamed",)
    assert renamed.records == ("customers/acme-ltd", "customers/acme")
    assert sorted(zip(tidied.types, tidied.records, strict=True)) == [
        ("record.created", "customers/new"),
        ("record.deleted", "customers/brick"),
        ("record.updated", "company"),
    ]
    assert (other.types, other.records, other.actor, other.author) == (("commit",), (), "operator", "Olga Operator")


def test_odd_paths_links_and_submodules_are_told(company: Path, git: Git) -> None:
    odd = os.fsdecode(b'state/customers/\xff "quoted"\tt\xc3\xa4b.yaml')
    (company / odd).write_text("name: x\n")
    (company / "state/customers/brick.yaml").unlink()
    (company / "state/customers/brick.yaml").symlink_to("acme.yaml")
    head = git.rev("main")
    subprocess.run(["git", "add", "-A"], cwd=company, check=True)
    subprocess.run(["git", "update-index", "--add", "--cacheinfo", f"160000,{head},sub"], cwd=company, check=True)
    subprocess.run(["git", "commit", "-q", "-m", "Odd"], cwd=company, check=True)
    changes = {change.path: change for change in list(read_events(git, until="main"))[-1].changes}
    assert changes[odd].mode == ""
    assert changes["state/customers/brick.yaml"].mode == "120000"
    assert changes["sub"].mode == "160000"


def test_a_link_in_a_records_place_is_the_end_of_the_record_and_no_version_of_it(company: Path, git: Git) -> None:
    record = company / "state/customers/brick.yaml"
    text = record.read_text()
    record.unlink()
    record.symlink_to("acme.yaml")
    (company / "state/customers/link.yaml").symlink_to("acme.yaml")
    commit_all(company, "Link it")
    record.unlink()
    record.write_text(text)
    commit_all(company, "No link after all")
    linked, back = list(read_events(git, until="main"))[-2:]
    assert (linked.types, back.types) == (("record.deleted",), ("record.created",))
    assert back.changes[0].before == ""


@pytest.mark.parametrize("at", ["99999999999999 +0000", "garbage", "-5 +0000", "1700000000 +9999"])
def test_a_date_that_nobody_can_read_is_nobodys_mistake(git: Git, at: str) -> None:
    event = only(git, plumb(git, b"When?\n", at=at))
    assert "%" not in event.at
    assert list(newest_events(git, event.commit, LogFilter(), limit=5)) == [event]
    assert list(newest_events(git, event.commit, LogFilter(since="2026-01-01"), limit=5)) == []


def test_other_encodings_are_read_as_they_say(git: Git) -> None:
    tree = git.run("mktree", input=b"").strip()
    who = b"J\xf6rg <o@x> 1767600000 +0100"
    head = b"tree %s\nauthor %s\ncommitter %s\nencoding ISO-8859-1\n\n" % (tree, who, who)
    commit = git.run("hash-object", "-t", "commit", "-w", "--stdin", input=head + b"\xdcber alles\n").decode().strip()
    assert (only(git, commit).subject, only(git, commit).author) == ("Über alles", "Jörg")


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(1, 6), max_size=4, unique=True), min_size=1, max_size=14))
def test_any_graph_is_told_in_an_order_that_stands(git: Git, graph: list[list[int]]) -> None:
    """Octopus merges, criss-cross merges, several beginnings: `graph` names parents by how far back they are."""
    commits: list[str] = []
    for number, back in enumerate(graph):
        parents = tuple(commits[number - each] for each in back if each <= number)
        commits.append(plumb(git, b"%d\n" % number, parents=parents))
    tip = commits[-1]
    whole = list(read_events(git, until=tip))
    place = {event.commit: number for number, event in enumerate(whole)}
    assert sorted(place) == sorted(git.text("rev-list", tip).split())
    assert all(place[parent] < place[event.commit] for event in whole for parent in event.parents)
    chain = git.text("rev-list", "--first-parent", tip).split()
    assert [event.commit for event in whole if event.mainline] == chain[::-1]
    for since in chain:
        assert list(read_events(git, since=since, until=tip)) == whole[place[since] + 1 :]


def test_a_merge_is_told_after_what_it_brought_in(git: Git) -> None:
    base = grow(git, [Step((("state/customers/acme.yaml", "name: A\n"),), True, False)])
    grow(git, [Step((("state/customers/brick.yaml", "name: B\n"),), False, True)])
    side, merge = list(read_events(git, since=base, until="main"))
    assert (side.mainline, merge.mainline, merge.type) == (False, True, "proposal.approved")
    assert merge.parents[1] == side.commit


def test_a_shallow_clone_is_read_as_far_as_it_goes(company: Path, git: Git, tmp_path: Path) -> None:
    for number in range(4):
        (company / "state/company.yaml").write_text(f"schema: company.v1\nname: A{number}\n")
        commit_all(company, f"Change {number}")
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth=2", f"file://{company}", str(shallow)], check=True)
    with Git(shallow) as clone:
        assert [event.subject for event in read_events(clone, until="main")] == ["Change 2", "Change 3"]


def test_a_commit_that_git_cannot_read_is_an_error_with_a_hint(git: Git) -> None:
    broken = plumb(git, b"It names a tree that is not there\n", tree="1" * 40)
    with pytest.raises(CorruptError) as caught:
        list(read_events(git, until=broken))
    assert "fsck" in caught.value.hint


def test_the_filter_asks_for_actors_as_they_are_written(git: Git) -> None:
    grow(git, [Step((("state/customers/acme.yaml", "name: A\n"),), False, False)])

    def found(**asked: str) -> int:
        return len(list(newest_events(git, "main", LogFilter(**asked), limit=99)))

    whole = len(list(read_events(git, until="main")))
    assert [found(actor=text) for text in ("agent", "agent:writer", "agent:writer@1", "agent:write")] == [1, 1, 1, 0]
    assert found(actor="olga@acme.example") == whole
    assert (found(type="content.drafted"), found(record="customers/acme"), found(until="2020-01-01")) == (1, 2, 0)
    assert found(since="2026-01-05", until="2026-03-02") == whole
    with pytest.raises(UsageError, match="is no date"):
        LogFilter(since="yesterday")
