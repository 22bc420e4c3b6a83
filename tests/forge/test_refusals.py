"""What GitHub refuses is told with what it lacks and where to change that, by kind of token."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from aios.errors import AiosError, CredentialsError, RefusedError
from aios.forge.github import bodies
from aios.forge.github.client import Client
from aios.forge.github.refusals import NotFoundError
from aios.forge.github.shapes import from_here
from aios.forge.github.tokens import Kind, kind_of
from tests.connectors.stands.serving import Asked, Said
from tests.forge.places import JOB, draft, on_hub
from tests.forge.scripted import A_JOBS, AT, CLASSIC, FINE_GRAINED, error, pull, scripted, sent

BRANCH = "aios/publish/hello"
NOT_ACCESSIBLE = "Resource not accessible by integration"


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("", Kind.NONE),
        (A_JOBS, Kind.INSTALLATION),
        (FINE_GRAINED, Kind.FINE_GRAINED),
        (CLASSIC, Kind.CLASSIC),
        ("gho_0123", Kind.CLASSIC),
        ("ghu_0123", Kind.OF_A_USER),
        ("0123456789abcdef0123456789abcdef01234567", Kind.UNKNOWN),
    ],
)
def test_a_token_says_by_its_beginning_what_kind_it_is(token: str, kind: Kind) -> None:
    assert kind_of(token) is kind


@pytest.mark.parametrize(
    ("token", "in_job", "headers", "expected"),
    [
        (
            A_JOBS,
            True,
            {"x_accepted_github_permissions": "pull_requests=write"},
            r"pull-requests=write.*`permissions:` of the job",
        ),
        (
            A_JOBS,
            False,
            {"x_accepted_github_permissions": "pull_requests=write"},
            r"pull_requests=write.*settings/installations",
        ),
        (
            FINE_GRAINED,
            False,
            {"x_accepted_github_permissions": "contents=read"},
            r"contents=read.*settings/personal-access-tokens",
        ),
        (CLASSIC, False, {"x_accepted_oauth_scopes": "repo"}, r"lacks repo.*settings/tokens"),
        (A_JOBS, True, {}, r"lacks the permission.*`permissions:` of the job"),
    ],
)
def test_a_missing_permission_is_named_with_where_to_grant_it(
    token: str, in_job: bool, headers: Mapping[str, str], expected: str
) -> None:
    with (
        scripted(error(403, NOT_ACCESSIBLE, **headers), token=token, in_job=in_job) as place,
        pytest.raises(CredentialsError, match=expected) as told,
    ):
        place.forge.get(1)
    assert "does not show #1: 403 Resource not accessible" in told.value.message


@pytest.mark.parametrize(
    ("lacking", "act", "named"),
    [
        ("pull_requests", lambda forge: forge.open(draft()), "pull-requests=read"),
        ("statuses", lambda forge: forge.status("a" * 40, "x", "success", "x"), "statuses=read"),
        ("actions", lambda forge: forge.dispatch("aios-apply.yml", {}), "actions=write"),
    ],
)
def test_each_permission_that_a_job_lacks_is_named(tmp_path: Path, lacking: str, act: object, named: str) -> None:
    rights = {name: level for name, level in JOB.items() if name != lacking}
    with on_hub(tmp_path, rights) as place:
        place.push(BRANCH, {"state/content/hello.md": "Hello.\n"})
        with pytest.raises(CredentialsError, match=f"lacks {named}"):
            act(place.forge)  # type: ignore[operator]


def test_what_a_token_may_not_see_is_told_as_perhaps_not_there() -> None:
    away = error(404, "Not Found", x_accepted_github_permissions="metadata=read")
    with (
        scripted(lambda _: away, token=FINE_GRAINED, in_job=False) as place,
        pytest.raises(
            NotFoundError, match=r"not there, or the token needs metadata=read on olga/acme.*personal-access"
        ),
    ):
        place.forge.get(1)


def test_without_a_token_the_hint_says_where_to_name_one() -> None:
    with (
        scripted(lambda _: error(404, "Not Found"), token="") as place,
        pytest.raises(NotFoundError, match=r"no token was given.*state/company\.yaml"),
    ):
        place.forge.get(1)
    assert "authorization" not in place.requests[0].headers


def test_where_jobs_may_open_no_pull_requests_the_link_to_open_it_by_hand_is_given(tmp_path: Path) -> None:
    with on_hub(tmp_path) as place:
        place.hub.actions_may_propose = False
        place.push(BRANCH, {"state/content/hello.md": "Hello.\n"})
        long = draft(title="Publish “hello” & more", body="Line.\n" * 5000)
        with pytest.raises(RefusedError, match=r"settings/actions") as told:
            place.forge.open(long)
        link = told.value.hint.rpartition(" ")[2]
        assert len(link) < 8000
        parts = urlsplit(link)
        filled = parse_qs(parts.query)
        assert parts.path == f"/olga/acme/compare/main...{BRANCH}"
        assert filled["title"] == ["Publish “hello” & more"]
        assert filled["quick_pull"] == ["1"]
        # What was opened so is ours: nobody edited it.
        opened = bodies.read(filled["body"][0], filled["title"][0])
        assert (opened.stamped, opened.edited, opened.retitled) == (True, False, False)


def test_an_archived_repository_is_told_as_such() -> None:
    said = error(403, "Repository was archived so is read-only.")
    with (
        scripted(Said([]), said) as place,
        pytest.raises(RefusedError, match=r"archived.*unarchive it at http.*/olga/acme/settings"),
    ):
        place.forge.open(draft())


def test_an_organization_that_wants_the_token_authorized_is_told_with_its_page() -> None:
    sso = {"x_github_sso": "required; url=https://github.com/orgs/acme/sso?authorization_request=1"}
    said = error(403, "Resource protected by organization SAML enforcement.", **sso)
    with scripted(said, token=CLASSIC) as place, pytest.raises(CredentialsError, match=r"authorize.*orgs/acme/sso"):
        place.forge.get(1)


def test_a_locked_conversation_takes_no_comment_and_says_so() -> None:
    said = error(403, "Unable to create comment because issue is locked.")
    with scripted(Said([]), said) as place, pytest.raises(RefusedError, match=r"locked.*unlock the conversation"):
        place.forge.say(1, "status", "It runs.")


def test_a_locked_conversation_can_still_be_closed() -> None:
    locked = error(403, "Unable to create comment because issue is locked.")
    with scripted(Said(pull()), Said([]), locked, Said(pull(state="closed"))) as place:
        place.forge.close(1, "Not now.")
        assert place.asked[-1] == f"PATCH {AT}/pulls/1"


@pytest.mark.parametrize(
    ("problem", "hint"),
    [
        (
            {"code": "custom", "message": "No commits between main and aios/publish/hello"},
            "there is nothing to propose",
        ),
        ({"field": "head", "code": "invalid"}, "push aios/publish/hello first"),
        ({"field": "base", "code": "invalid"}, "is there a branch main"),
    ],
)
def test_what_a_pull_request_lacks_is_told_with_what_to_do(problem: Mapping[str, str], hint: str) -> None:
    refused = error(422, "Validation Failed", {"resource": "PullRequest", **problem})
    with scripted(Said([]), refused) as place, pytest.raises(RefusedError, match=hint):
        place.forge.open(draft())


def test_more_files_than_github_lists_is_no_answer() -> None:
    many = [{"filename": f"f{each}"} for each in range(100)]

    def answer(asked: Asked) -> Said | None:
        if not asked.path.endswith("/files"):
            return None
        here = int(asked.query.get("page", 1))
        link = f'<{place.url}{asked.path}?per_page=100&page={here + 1}>; rel="next"'
        return Said(many, headers={"Link": link} if here < 30 else {})

    with scripted(answer) as place, pytest.raises(RefusedError, match="changes 3000 files or more"):
        place.forge.files(1)


@pytest.mark.parametrize("name", ["acme", "", "/acme", "olga/", "olga/acme/x", "olga/.."])
def test_a_repository_that_is_none_is_refused_before_anybody_is_asked(name: str) -> None:
    with (
        scripted(Said([]), repository=name) as place,
        pytest.raises(AiosError, match=r"no repository|part of an address"),
    ):
        place.forge.proposals()
    assert place.asked == []


@pytest.mark.parametrize(
    ("api", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://git.acme.example/api/v3", "https://git.acme.example"),
        ("https://api.acme.ghe.com", "https://acme.ghe.com"),
    ],
)
def test_the_pages_of_the_site_are_where_its_api_belongs_to(api: str, web: str) -> None:
    client = Client("olga/acme", api=api, token=lambda: "", pause=lambda _: None)
    assert client.web == web


def test_a_proposal_follows_a_default_branch_that_was_renamed() -> None:
    old = {**pull()["base"], "ref": "master"}
    with scripted(Said([pull(base=old, body="x")]), Said(pull(body="x"))) as place:
        assert place.forge.open(draft()).base == "main"
        assert sent(place.requests[-1])["base"] == "main"


def test_what_a_stranger_proposes_from_a_copy_is_none_of_ours() -> None:
    copy = {"full_name": "mallory/acme", "owner": {"login": "mallory"}}
    theirs = pull(2, head={"ref": BRANCH, "sha": "c" * 40, "repo": copy}, body="<!-- aios:run-1 f1n6er -->")
    with scripted(Said([theirs])) as place:
        assert place.forge.find(BRANCH, fingerprint="f1n6er") is None
        assert list(place.forge.proposals(state=None)) == []
    gone = {**theirs, "head": {**theirs["head"], "repo": None}}
    assert not from_here(gone)


def test_a_review_is_told_with_what_was_seen(tmp_path: Path) -> None:
    with on_hub(tmp_path) as place:
        seen = place.push(BRANCH, {"state/content/hello.md": "Hello.\n"})
        number = place.forge.open(draft()).number
        with place.hub.lock:
            place.hub.review(number, "APPROVED", "Good.", place.hub.token(place.hub.owner))
        place.push(BRANCH, {"state/content/hello.md": "Hello!\n"})
        assert [(each.author, each.verdict, each.head, each.body) for each in place.forge.reviews(number)] == [
            ("olga", "approved", seen, "Good.")
        ]


def test_what_a_person_reopened_is_closed_again_with_one_reason(tmp_path: Path) -> None:
    with on_hub(tmp_path) as place:
        place.push(BRANCH, {"state/content/hello.md": "Hello.\n"})
        number = place.forge.open(draft()).number
        place.forge.close(number, "Not now.")
        with place.hub.lock:
            place.hub.pull(number).state = "open"
        assert place.forge.open(draft()).number == number
        place.forge.close(number, "Not ever.")
        assert [each.body.split("\n")[0] for each in place.forge.comments(number)] == ["Not ever."]


def test_a_merge_commit_that_the_answer_leaves_out_is_found_among_the_events() -> None:
    merged = pull(state="closed", merged=True, merged_at="2026-01-07T09:00:00Z", merge_commit_sha=None, merged_by=None)
    event = {"event": "merged", "commit_id": "d" * 40, "actor": {"login": "olga"}, "created_at": "2026-01-07T09:00:00Z"}
    commit = {"sha": "d" * 40, "parents": [{"sha": "b" * 40}, {"sha": "a" * 40}], "author": {}, "committer": {}}
    with scripted(Said(merged), Said([event]), Said(commit)) as place:
        told = place.forge.merged(1)
        assert told is not None
        assert (told.commit, told.by, told.method) == ("d" * 40, "olga", "merge")
