"""A git server with authentication: what is pushed by compare-and-swap, what its answers mean, where a token is."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from aios.errors import AiosError, CredentialsError, MovedError, RefusedError, TransientError
from aios.store.commits import commit_object
from aios.store.git import Git
from aios.store.remote import Move, Remote
from tests.remote.hub import AFTER, BEFORE, DROP, TOKEN, Hub, git, hook, running

AT = "2026-03-02T09:00:00Z"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with running(tmp_path / "hub") as started:
        started.make()
        yield started


def copy(hub: Hub, name: str, token: str = TOKEN) -> tuple[Git, Remote]:
    place = hub.root.parent / name
    Git.init(place).close()
    git(place, "remote", "add", "origin", hub.url("company"))
    opened = Git(place)
    return opened, Remote(opened, token=lambda: token)


def commit(here: Git, name: str, parent: str | None = None) -> str:
    return commit_object(
        here, parent=parent, changes={name: name.encode()}, message=name, at=AT, author="x", email="x@x.example"
    )


def test_what_is_pushed_is_there_and_a_second_copy_gets_it(hub: Hub) -> None:
    (a, there), (_, other) = copy(hub, "a"), copy(hub, "b")
    first = commit(a, "one")
    there.push([Move("main", first, None), Move("aios/x/y", first, None)])
    assert other.fetch() == {"aios/x/y": first, "main": first}
    assert (other.head_branch(), other.fetch_ref("refs/heads/main"), other.fetch_ref("refs/pull/1/head")) == (
        "main",
        first,
        None,
    )
    there.push([Move("aios/x/y", None, first)])
    assert (there.tracked("aios/"), other.fetch("main", "aios/x/y")) == ({}, {"main": first})
    there.push([Move("aios/x/y", None, first)])  # it is gone already: as wanted


def test_a_ref_that_moved_meanwhile_stops_all_of_a_push(hub: Hub) -> None:
    (a, here), (b, other) = copy(hub, "a"), copy(hub, "b")
    first = commit(a, "one")
    here.push([Move("main", first, None)])
    other.fetch()
    theirs, ours = commit(b, "theirs", first), commit(a, "ours", first)
    other.push([Move("main", theirs, first)])
    with pytest.raises(MovedError, match="`aios/x/y, main` moved at origin meanwhile"):
        here.push([Move("aios/x/y", ours, None), Move("main", ours, first)])
    with pytest.raises(MovedError):
        here.push([Move("main", ours, None)])
    assert here.fetch() == {"main": theirs}
    with pytest.raises(RefusedError, match="would lose what origin has"):
        here.push([Move("main", ours, theirs)])
    here.push([Move("main", ours, theirs, rewrites=True)])
    assert other.fetch() == {"main": ours}
    assert other.is_set_back("main")


def test_of_many_that_push_at_once_each_succeeds_on_what_the_one_before_made(hub: Hub) -> None:
    (a, first), (b, _) = copy(hub, "a"), copy(hub, "b")
    start = commit(a, "start")
    first.push([Move("main", start, None)])
    failures: list[AiosError] = []

    def add(root: Path, name: str) -> None:
        with Git(root) as here:
            remote = Remote(here, token=lambda: TOKEN)
            for _ in range(50):
                tip = remote.fetch("main")["main"]
                try:
                    remote.push([Move("main", commit(here, name, tip), tip)])
                except MovedError:
                    continue
                except AiosError as error:
                    failures.append(error)
                return

    threads = [threading.Thread(target=add, args=(each.root, f"{each.root.name}{n}")) for each in (a, b) for n in "123"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    names = git(hub.root / "company.git", "ls-tree", "--name-only", "main").split()
    assert names == ["a1", "a2", "a3", "b1", "b2", "b3", "start"]


@pytest.mark.parametrize("token", ["", "another"])
def test_without_the_right_token_nothing_is_let_through_and_none_is_told(hub: Hub, token: str) -> None:
    a, here = copy(hub, "a", token)
    for act in (here.fetch, lambda: here.push([Move("main", commit(a, "one"), None)])):
        with pytest.raises(CredentialsError, match=r"origin does not let us (fetch|push)") as caught:
            act()
        assert "another" not in str(caught.value)
    (hub.root / "company.git").rename(hub.root / "moved.git")
    with pytest.raises(CredentialsError):  # as GitHub says of a repository that one may not see
        copy(hub, "b")[1].fetch()


def test_a_dead_server_is_told_and_that_nothing_reached_it(hub: Hub) -> None:
    a, here = copy(hub, "a")
    hub.stop()
    for act in (here.fetch, lambda: here.push([Move("main", commit(a, "one"), None)])):
        with pytest.raises(TransientError, match="origin cannot be reached") as caught:
            act()
        assert caught.value.sent is False


def test_a_server_that_dies_in_the_middle_leaves_it_unknown_and_the_same_push_settles_it(hub: Hub) -> None:
    a, here = copy(hub, "a")
    for name, fails in (("x", BEFORE), ("y", AFTER)):
        move = Move(name, commit(a, name), None)
        hub.fails.append(fails)
        with pytest.raises(TransientError, match="origin broke off") as caught:
            here.push([move])
        assert caught.value.sent
        here.push([move])
        assert here.tracked()[name] == move.new
    hub.fails.append(DROP)  # the library of git sends it again, and finds it done
    here.push([Move("z", commit(a, "z"), None)])


@pytest.mark.parametrize("name", ["pre-receive", "update"])
def test_a_rule_of_the_server_is_told_in_its_own_words(hub: Hub, name: str) -> None:
    a, here = copy(hub, "a")
    hook(hub.root / "company.git", name, 'echo "GH006: Protected branch update failed." >&2; exit 1')
    with pytest.raises(RefusedError, match=r"origin refuses `main`: .*declined \(GH006: Protected branch") as caught:
        here.push([Move("main", commit(a, "one"), None)])
    assert not isinstance(caught.value, MovedError | CredentialsError)


def test_the_token_stands_in_no_argument_no_file_and_no_message(hub: Hub) -> None:
    a, here = copy(hub, "a")
    seen = hub.root / "arguments"
    hook(hub.root / "company.git", "pre-receive", f"cat /proc/[0-9]*/cmdline >> {seen}; exit 0")
    here.push([Move("main", commit(a, "one"), None)])
    told = seen.read_bytes()
    assert b"--force-with-lease" in told  # the client was looked at while it pushed
    encoded = base64.b64encode(f"x-access-token:{TOKEN}".encode())
    for secret in (TOKEN.encode(), encoded):
        assert secret not in told
        assert all(secret not in file.read_bytes() for file in a.dir.rglob("*") if file.is_file())


def test_the_token_goes_to_its_own_host_alone_and_never_unencrypted_to_another(hub: Hub) -> None:
    a, _ = copy(hub, "a")
    git(a.root, "remote", "set-url", "origin", "http://git.example/x.git")
    with pytest.raises(RefusedError, match="not encrypted"):
        Remote(Git(a.root), token=lambda: TOKEN).fetch()
    git(a.root, "remote", "set-url", "origin", hub.url("company"))
    git(a.root, "config", f"http.{hub.url('')[:-5]}/.extraHeader", "Authorization: Basic bGVmdDpiZWhpbmQ=")
    Remote(Git(a.root), token=lambda: TOKEN).fetch()  # instead of what a checkout left
    with pytest.raises(RefusedError, match="no remote `elsewhere`"):
        Remote(Git(a.root), "elsewhere").fetch()


def test_the_token_follows_the_shared_copy_to_no_other_address(hub: Hub) -> None:
    """Git itself sends it along, once it was led somewhere."""
    seen: list[str] = []

    class Leading(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(301)
            self.send_header("Location", hub.url("company") + self.path.partition("/company.git")[2])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            seen.append(self.headers.get("Authorization", ""))

    with ThreadingHTTPServer(("127.0.0.1", 0), Leading) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        a, here = copy(hub, "a")
        git(a.root, "remote", "set-url", "origin", f"http://127.0.0.1:{server.server_address[1]}/company.git")
        with pytest.raises(RefusedError, match="leads to another address"):
            here.fetch()
        server.shutdown()
    assert len(seen) == 1
    assert seen[0].startswith("Basic ")
