"""What GitHub knows of a repository besides its proposals; what a token may not see is empty or told, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aios.domain.forge import Facts, Guard, Host
from aios.errors import CredentialsError
from aios.forge.local import Local
from tests.connectors.stands.serving import Asked, Said
from tests.forge.places import JOB, OnHub, draft, on_hub
from tests.forge.scripted import AT, FINE_GRAINED, error, repository_told, scripted

BRANCH = "aios/publish/hello"
ALL = {**JOB, "administration": "read", "secrets": "read", "actions_variables": "read", "pages": "read"}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[OnHub]:
    with on_hub(tmp_path, ALL) as here:
        yield here


def host(place: OnHub) -> Host:
    assert place.forge.host is not None
    return place.forge.host


def test_the_facts_of_a_repository_are_told(place: OnHub) -> None:
    place.hub.actions_may_propose = False
    found = host(place).facts()
    assert isinstance(found, Facts)
    assert (found.repository, found.default_branch, found.private) == ("olga/acme", "main", True)
    assert found.methods == ("merge", "squash", "rebase")
    assert (found.actions, found.default_permissions, found.may_propose) == (True, "read", False)


def test_settings_that_a_token_may_not_see_are_unknown_and_not_off(tmp_path: Path) -> None:
    with on_hub(tmp_path) as place:
        found = host(place).facts()
    assert (found.actions, found.default_permissions, found.may_propose) == (None, "", None)


def test_the_plan_is_told_to_the_owner_alone() -> None:
    def answer(asked: Asked) -> Said | None:
        if asked.path == "/user":
            return Said(
                {
                    "login": "olga",
                    "user_view_type": "private",
                    "two_factor_authentication": True,
                    "plan": {"name": "free"},
                }
            )
        return Said(repository_told()) if asked.path == AT else None

    with scripted(answer, token=FINE_GRAINED, in_job=False) as place:
        assert place.forge.host.facts().plan == "free"


def test_what_an_account_may_do_is_told_and_nothing_for_who_is_not_there(place: OnHub) -> None:
    assert host(place).permission("olga") == "admin"
    assert host(place).permission("nobody-at-all") == "none"


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_the_proposal_that_a_commit_came_in_by_is_found(place: OnHub, method: str) -> None:
    place.push(BRANCH, {"state/content/hello.md": "Hello.\n"})
    number = place.forge.open(draft()).number
    place.push("main", {"elsewhere.md": "Main moves on.\n"})
    commit = place.merge(number, method)
    assert [each.number for each in host(place).proposals_of(commit)] == [number]
    aside = place.push("main", {"elsewhere.md": "And on.\n"})
    assert list(host(place).proposals_of(aside)) == []


def test_who_moved_a_branch_is_told_newest_first(place: OnHub) -> None:
    one = place.push("main", {"a.md": "a\n"})
    two = place.push("main", {"a.md": "b\n"})
    found = host(place).activity("main")
    assert [(each.after, each.by, each.ref) for each in found] == [
        (two, "olga", "refs/heads/main"),
        (one, "olga", "refs/heads/main"),
    ]
    assert [each.after for each in host(place).activity("main", limit=1)] == [two]


def test_the_heartbeat_is_read_from_the_runs_of_a_workflow_file(place: OnHub) -> None:
    found = host(place).runs("aios-run.yml", limit=3)
    assert [(each.id, each.event, each.conclusion) for each in found] == [
        (100, "schedule", ""),
        (99, "schedule", ""),
        (98, "schedule", ""),
    ]
    assert list(host(place).runs("never-there.yml")) == []
    assert [(each.path, each.state) for each in host(place).workflows()] == [
        (".github/workflows/aios-run.yml", "disabled_inactivity")
    ]


def test_names_of_secrets_variables_and_environments_are_told(place: OnHub) -> None:
    assert host(place).secrets() == {"OPENAI_API_KEY"}
    assert host(place).variables() == {"AIOS_TIER": "small"}
    assert host(place).environments() == {"github-pages": frozenset({"branch_policy"})}


def test_a_site_is_told_where_there_is_one(place: OnHub) -> None:
    assert host(place).pages() is None
    place.hub.pages = "https://olga.acme.example/"
    assert host(place).pages() == "https://olga.acme.example/"


def test_a_plan_without_rules_guards_nothing_and_is_no_error(place: OnHub) -> None:
    assert host(place).guard("main") == Guard(protected=False, rules=None)


def test_secrets_that_a_token_may_not_list_are_refused_and_not_empty(tmp_path: Path) -> None:
    with on_hub(tmp_path) as place, pytest.raises(CredentialsError, match=r"lacks secrets=read"):
        host(place).secrets()


def test_a_bot_is_called_by_the_name_that_githubs_other_api_tells() -> None:
    def answer(asked: Asked) -> Said | None:
        return Said({"data": {"viewer": {"login": "acme-app[bot]"}}}) if asked.path == "/graphql" else None

    with scripted(answer) as place:
        assert place.forge.viewer() == "acme-app[bot]"
    with scripted(lambda _: error(404, "Not Found")) as place:
        assert place.forge.viewer() == "github-actions[bot]"


def test_one_machine_has_no_host() -> None:
    assert Local.host is None
