"""Another client, written by nobody here, reads back what the forge wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.forge.places import draft
from tests.peers.github import OWNERS, emulated, on_emulate

BRANCH = "aios/publish/hello"


@pytest.mark.peer("github")
def test_pygithub_reads_what_was_written(tmp_path: Path) -> None:
    from github import Auth, Github

    with emulated(tmp_path) as api, on_emulate(api, "acme") as place:
        head = place.push(BRANCH, {"state/content/hello.md": "Hello.\n"})
        opened = place.forge.open(draft(labels=("aios", "risk: high")))
        place.forge.say(opened.number, "status", "It runs.")
        place.forge.close(opened.number, "Not now.")

        reader = Github(base_url=place.api, auth=Auth.Token(OWNERS), retry=None, seconds_between_writes=0)
        found = reader.get_repo(place.repository).get_pull(opened.number)
        assert (found.title, found.head.ref, found.head.sha, found.base.ref) == ("Publish hello", BRANCH, head, "main")
        assert (found.state, found.merged) == ("closed", False)
        assert found.body.startswith(draft().body)
        assert {each.name for each in found.labels} == {"aios", "risk: high"}
        assert [each.body.split("\n")[0] for each in found.get_issue_comments()] == ["It runs.", "Not now."]
        reader.close()
