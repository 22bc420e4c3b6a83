"""How GitHub is asked: limits are waited for, what is safe is repeated, nothing is done twice, nothing is lost."""

from __future__ import annotations

import time

import pytest

from aios.errors import AiosError, CredentialsError, RefusedError, TransientError
from aios.forge.github.client import VERSION
from tests.connectors.stands.serving import Asked, Said
from tests.connectors.web import Answer, serving
from tests.forge.places import draft, github
from tests.forge.scripted import AT, FINE_GRAINED, NAME, error, pages, pull, repository_told, scripted, sent


def test_every_request_says_which_version_of_the_api_is_meant_and_who_asks() -> None:
    with scripted(Said(pull())) as place:
        place.forge.get(1)
        headers = place.requests[0].headers
        assert headers["x-github-api-version"] == VERSION
        assert headers["accept"] == "application/vnd.github+json"
        assert headers["user-agent"].startswith("aios")
        assert headers["authorization"].startswith("Bearer ghs_")


# Limits


def test_a_primary_limit_is_waited_for_until_it_begins_anew() -> None:
    limit = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int(time.time()) + 90)}
    with scripted(error(403, "API rate limit exceeded for installation", **limit), Said(pull())) as place:
        assert place.forge.get(1).number == 1
        assert place.waits == [pytest.approx(91, abs=2)]


@pytest.mark.parametrize("status", [403, 429])
def test_a_secondary_limit_is_waited_for_as_long_as_it_says(status: int) -> None:
    said = error(status, "You have exceeded a secondary rate limit", retry_after="7")
    with scripted(said, said, Said(pull())) as place:
        place.forge.get(1)
        assert place.waits == [7, 7]


def test_a_secondary_limit_that_says_no_time_is_waited_for_a_minute() -> None:
    with scripted(error(403, "You have exceeded a secondary rate limit."), Said(pull())) as place:
        place.forge.get(1)
        assert place.waits == [60]


def test_a_limit_that_lasts_longer_than_our_patience_is_told_and_not_waited_for() -> None:
    limit = {"x_ratelimit_remaining": "0", "x_ratelimit_reset": str(int(time.time()) + 2400)}
    with (
        scripted(error(403, "API rate limit exceeded", **limit)) as place,
        pytest.raises(TransientError, match="limit of requests is used up for about 40 min") as told,
    ):
        place.forge.get(1)
    assert place.waits == []
    assert not told.value.sent
    assert told.value.retry_after == pytest.approx(2401, abs=2)


def test_waiting_has_an_end_in_all() -> None:
    with (
        scripted(error(429, "secondary rate limit", retry_after="50")) as place,
        pytest.raises(TransientError, match="used up"),
    ):
        place.forge.get(1)
    assert sum(place.waits) <= 120
    assert len(place.asked) == len(place.waits) + 1


def test_a_write_that_met_a_limit_was_not_done_and_is_repeated() -> None:
    opened = pull(body="x")
    with scripted(
        Said([]), error(403, "secondary rate limit", retry_after="3"), Said(opened, 201), Said(opened)
    ) as place:
        place.forge.open(draft())
        assert [each.split()[0] for each in place.asked[:3]] == ["GET", "POST", "POST"]
        assert place.waits == [3]


# Failures that pass


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_question_is_asked_again_where_github_fails(status: int) -> None:
    with scripted(error(status, "Server Error"), error(status, "Server Error"), Said(pull())) as place:
        assert place.forge.get(1).number == 1
        assert place.waits == [1, 2]


def test_a_question_is_given_up_after_some_failures() -> None:
    with scripted(error(502, "Server Error")) as place, pytest.raises(TransientError, match="does not show #1: 502"):
        place.forge.get(1)
    assert len(place.asked) == 4


def test_a_pull_request_whose_making_broke_off_is_found_and_not_made_again() -> None:
    made = pull(7, body="x")
    with scripted(Said([]), error(502, "Server Error"), Said([made]), Said(made)) as place:
        assert place.forge.open(draft()).number == 7
        assert [each.split()[0] for each in place.asked] == ["GET", "POST", "GET", "PATCH"]


def test_a_pull_request_whose_making_came_to_nothing_is_made_the_second_time() -> None:
    made = pull(7, body="x")
    with scripted(Said([]), error(502, "Server Error"), Said([]), Said(made, 201), Said(made)) as place:
        assert place.forge.open(draft()).number == 7
        assert [each.split()[0] for each in place.asked] == ["GET", "POST", "GET", "POST", "PATCH"]


def test_a_pull_request_that_appears_after_the_second_making_is_found() -> None:
    twice = error(
        422,
        "Validation Failed",
        {
            "resource": "PullRequest",
            "code": "custom",
            "message": "A pull request already exists for olga:aios/publish/hello.",
        },
    )
    made = pull(7, body="x")
    with scripted(Said([]), error(502, "Server Error"), Said([]), twice, Said([made]), Said(made)) as place:
        assert place.forge.open(draft()).number == 7


def test_a_comment_whose_making_broke_off_is_found_and_not_made_again() -> None:
    said = {"id": 5, "body": "It runs.\n\n<!-- aios:status -->", "user": {"login": "github-actions[bot]"}}
    with scripted(Said([]), error(502, "Server Error"), Said([said])) as place:
        assert place.forge.say(1, "status", "It runs.").id == 5
        assert sum(each.startswith("POST /repos") for each in place.asked) == 1


def test_a_comment_whose_making_is_unknown_is_left_for_the_next_time() -> None:
    with (
        scripted(Said([]), error(502, "Server Error"), Said([])) as place,
        pytest.raises(TransientError, match="does not take a comment on #1"),
    ):
        place.forge.say(1, "status", "It runs.")
    assert sum(each.startswith("POST /repos") for each in place.asked) == 1


def test_two_of_the_same_comment_from_a_race_become_one() -> None:
    said = [
        {"id": each, "body": "It runs.\n\n<!-- aios:status -->", "user": {"login": "github-actions[bot]"}}
        for each in (5, 6)
    ]
    with scripted(Said(said), Said(None, 204)) as place:
        assert place.forge.say(1, "status", "It runs.").id == 5
        assert place.asked[-1] == f"DELETE {AT}/issues/comments/6"


def test_nobody_there_is_told_as_something_that_may_pass() -> None:
    with serving(Answer()) as site:
        gone = site.url
    waits: list[float] = []
    with pytest.raises(TransientError, match="cannot be reached") as told:
        github(gone, NAME, "ghs_x", waits.append).get(1)
    assert not told.value.sent
    assert waits == [1, 2, 4]


def test_an_answer_that_is_no_json_names_the_address() -> None:
    with (
        serving(Answer(b"<html>hello</html>")) as site,
        pytest.raises(AiosError, match="is the address that of its API"),
    ):
        github(site.url, NAME, "ghs_x").get(1)


# Pages


def test_all_pages_of_comments_are_read() -> None:
    many = [{"id": each, "body": f"{each}", "user": {"login": "paula"}} for each in range(253)]

    def answer(asked: Asked) -> Said | None:
        return pages(many, asked, place.url) if asked.path.endswith("/comments") else None

    with scripted(answer) as place:
        assert [each.id for each in place.forge.comments(1)] == list(range(253))
        assert sum(each.startswith(f"GET {AT}/issues") for each in place.asked) == 3


def test_our_comment_is_found_on_the_last_page() -> None:
    many = [{"id": each, "body": f"{each}", "user": {"login": "paula"}} for each in range(253)]
    many.append({"id": 999, "body": "It runs.\n\n<!-- aios:status -->", "user": {"login": "github-actions[bot]"}})

    def answer(asked: Asked) -> Said | None:
        return pages(many, asked, place.url) if asked.path.endswith("/comments") else None

    with scripted(answer) as place:
        assert place.forge.say(1, "status", "It runs.").id == 999
        assert not any(each.startswith(("POST /repos", "PATCH")) for each in place.asked)


def test_all_pages_of_pull_requests_are_read() -> None:
    many = [pull(each) for each in range(260, 0, -1)]

    def answer(asked: Asked) -> Said | None:
        return pages(many, asked, place.url) if asked.path.endswith("/pulls") else None

    with scripted(answer) as place:
        assert [each.number for each in place.forge.proposals()] == list(range(260, 0, -1))


def test_no_page_of_older_ones_is_asked_for() -> None:
    many = [
        pull(each) | {"updated_at": f"2026-01-01T00:{each // 60:02d}:{each % 60:02d}Z"} for each in range(260, 0, -1)
    ]

    def answer(asked: Asked) -> Said | None:
        return pages(many, asked, place.url) if asked.path.endswith("/pulls") else None

    with scripted(answer) as place:
        found = place.forge.proposals(since="2026-01-01T00:02:40Z")
        assert [each.number for each in found] == list(range(260, 159, -1))
        assert len([each for each in place.asked if each.partition("?")[0].endswith("/pulls")]) == 2


def test_a_page_that_leads_elsewhere_is_not_followed_with_our_token() -> None:
    link = {"Link": '<https://elsewhere.example/x?page=2>; rel="next"'}
    with (
        scripted(Said([], headers=link)) as place,
        pytest.raises(RefusedError, match=r"elsewhere\.example.*not its API"),
    ):
        place.forge.proposals()


# What changed since


def test_what_did_not_change_is_not_sent_again() -> None:
    def answer(asked: Asked) -> Said | None:
        if not asked.path.endswith("/pulls/1"):
            return None
        same = asked.headers.get("if-none-match") == '"one"'
        return Said(None, 304) if same else Said(pull(), headers={"ETag": '"one"'})

    with scripted(answer) as place:
        first = place.forge.get(1)
        assert place.forge.get(1) == first
        assert place.requests[-1].headers["if-none-match"] == '"one"'


# Repositories that moved


def test_a_renamed_repository_is_followed_and_called_by_its_new_name() -> None:
    def answer(asked: Asked) -> Said | None:
        if asked.path == AT:
            return Said({"message": "Moved Permanently"}, 301, {"Location": f"{place.url}/repositories/7"})
        if asked.path == "/repositories/7":
            return Said(repository_told("olga/renamed"))
        return Said(pull()) if asked.path == "/repos/olga/renamed/pulls/1" else None

    with scripted(answer) as place:
        assert place.forge.get(1).number == 1


def test_a_write_follows_a_repository_that_is_renamed_just_now() -> None:
    def answer(asked: Asked) -> Said | None:
        if asked.path == f"{AT}/statuses/{'a' * 40}":
            return Said({"message": "Temporary Redirect"}, 307, {"Location": f"{place.url}/repositories/7/statuses/x"})
        if asked.path == "/repositories/7/statuses/x":
            return Said({}, 201)
        return Said([]) if asked.path.endswith("/statuses") else None

    with scripted(answer) as place:
        place.forge.status("a" * 40, "aios/proposal", "success", "It holds")
        assert sent(place.requests[-1])["state"] == "success"
        assert place.asked[-1] == "POST /repositories/7/statuses/x"


def test_a_redirect_to_elsewhere_gets_no_token() -> None:
    away = Said({}, 301, {"Location": "https://elsewhere.example/repositories/7"})
    with scripted(lambda _: away) as place, pytest.raises(RefusedError, match=r"elsewhere\.example"):
        place.forge.get(1)
    assert len(place.asked) == 1


def test_redirects_without_an_end_are_refused() -> None:
    def answer(asked: Asked) -> Said:
        return Said({}, 301, {"Location": f"{place.url}/repositories/7"})

    with scripted(answer) as place, pytest.raises(RefusedError, match="leads from one place to the next"):
        place.forge.get(1)


# The token


@pytest.mark.parametrize("status", [401, 403, 404, 422, 500])
def test_the_token_is_in_no_error_even_where_github_repeats_it(status: int) -> None:
    token = FINE_GRAINED
    said = error(status, f"Bad credentials: {token}")
    with scripted(said, token=token) as place, pytest.raises(AiosError) as told:
        place.forge.get(1)
    assert token not in f"{told.value} {told.value!r} {told.value.__cause__!r} {vars(told.value)}"
    assert token not in f"{place.forge!r} {place.forge.host!r} {vars(place.forge)}"


def test_a_token_that_is_not_accepted_is_told_with_where_to_get_one() -> None:
    with (
        scripted(error(401, "Bad credentials"), token=FINE_GRAINED, in_job=False) as place,
        pytest.raises(CredentialsError, match=r"does not accept the token.*settings/personal-access-tokens"),
    ):
        place.forge.get(1)
