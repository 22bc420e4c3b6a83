"""What approvers say on a proposal is done, once and in order; what others say does nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aios.domain.forge import Proposal, State
from aios.domain.names import CLOSED, STATUS, branch_of
from aios.runs.conductor import carry_on
from aios.runs.context import Context
from aios.runs.conversation import listen, listen_all, unheard
from aios.runs.gates import open_gate
from aios.runs.on_forge import show_on_forge
from aios.runs.session import facts_of, read_state
from aios.runs.start import start_run
from aios.runs.told import told_of
from aios.runs.utterances import Edit, edit_of
from tests.conversation.forum import Forum
from tests.runs import house

RUN = house.RUN_ID


def notes(here: Context) -> list[str]:
    """What the run was sent back with, in order."""
    state = read_state(here.git, RUN, main="main")
    return [each for each in state.steps["write"].guidance if each]


def hear(here: Context, edit: Edit | None = None) -> tuple[str, ...]:
    heard = listen(here, 1, edit)
    assert heard is not None
    return heard.acted


def test_a_revision_is_recorded_with_who_asked_and_where(place: Context, forum: Forum) -> None:
    comment = forum.comment("ann", "/aios revise shorter, please")
    assert hear(place) == ("sent back: shorter, please",)
    last = told_of(place, RUN)[-1]
    assert last.actor == "operator:github:ann"
    assert last.data["said"]["url"] == comment.url
    assert notes(place) == ["shorter, please"]
    assert f"[sent back]({comment.url}): shorter, please (made again: `plan`" in forum.sticky()
    assert forum.states[place.git.commit(branch_of(RUN))][STATUS][0] == "pending"


def test_the_run_goes_on_from_the_step_that_was_named_and_is_shown_anew(place: Context, forum: Forum) -> None:
    forum.comment("ann", "/aios revise write: mention the price")
    hear(place)
    carry_on(place, RUN)
    shown = show_on_forge(place, RUN)
    assert "Guided: mention the price" in str(place.git.read_blob(f"{shown.head}:state/content/a-fine-topic.md"))
    assert (shown.number, shown.state) == (1, State.OPEN)
    assert forum.states[shown.head][STATUS][0] == "success"
    assert "### Since it was last shown" in forum.sticky()
    assert "content/a-fine-topic" in forum.sticky().partition("### Since it was last shown")[2]
    assert len([each for each in forum.said[1] if each.by_us]) == 1


def test_heard_again_nothing_is_done_again_and_nothing_written(place: Context, forum: Forum) -> None:
    forum.comment("ann", "/aios revise shorter\n/aios explain write\n/aios hlep")
    assert len(hear(place)) == 1
    head, writes = place.git.commit(branch_of(RUN)), len(forum.writes)
    for _ in range(2):
        assert hear(place) == ()
        assert [each.acted for each in listen_all(place)] == [()]
    assert (place.git.commit(branch_of(RUN)), len(forum.writes)) == (head, writes)
    assert len(forum.replies()) == 1
    carry_on(place, RUN)
    assert hear(place) == ()


def test_several_commands_are_done_in_order_and_a_second_note_before_the_work_is_added(
    place: Context, forum: Forum
) -> None:
    forum.comment("ann", "/aios revise first\n/aios revise write: second")
    forum.comment("ann", "/aios revise third")
    assert hear(place) == ("sent back: first", "sent back: second", "sent back: third")
    assert notes(place) == ["first", "second", "third"]
    assert open_gate(read_state(place.git, RUN, main="main")) == ""


def test_who_is_no_approver_is_not_obeyed_and_gets_one_note_at_most(place: Context, forum: Forum) -> None:
    for author in ("ann[bot]", "github-actions[bot]"):
        forum.comment(author, "/aios reject it\n/aios revise worse")
    assert hear(place) == ()
    assert forum.replies() == []
    for author in ("bob", "ANN-not", "", "me@test.example", "github:ann", "ann "):
        forum.comment(author, "/aios reject it\n/aios revise worse")
        assert hear(place) == ()
    assert open_gate(read_state(place.git, RUN, main="main")) == "approve"
    assert len(forum.replies()) == 1
    assert unheard(place) == []


def test_an_approver_is_known_whatever_case_their_login_has(place: Context, forum: Forum) -> None:
    forum.comment("Ann", "/aios revise x")
    assert unheard(place) == [1]
    assert hear(place) == ("sent back: x",)
    assert unheard(place) == []


def test_what_a_branch_says_of_approvers_does_not_count(place: Context, forum: Forum) -> None:
    text = (place.git.read_blob("main:state/company.yaml") or b"").decode().replace("github:ann", "github:bob")
    from aios.store.commits import Draft, commit_many

    tip = place.git.commit(branch_of(RUN))
    draft = Draft("mine", {"state/company.yaml": text.encode()}, place.now(), "Bob", "bob@test.example")
    commit_many(place.git, f"refs/heads/{branch_of(RUN)}", [draft], expected=tip)
    forum.comment("bob", "/aios reject it")
    assert hear(place) == ()


def test_a_rejection_closes_it_with_the_reason_and_keeps_what_was_written(place: Context, forum: Forum) -> None:
    head = place.git.commit(branch_of(RUN))
    forum.comment("ann", "/aios reject too close to\nthe March piece")
    assert hear(place) == ("rejected: too close to\nthe March piece",)
    assert forum.pulls[1].state is State.CLOSED
    assert place.git.rev(branch_of(RUN)) is None
    assert place.git.rev(f"{CLOSED}{RUN.split('/')[2]}") == head
    rejected = told_of(place, RUN)[-1]
    assert (rejected.fact.type, rejected.actor) == ("proposal.rejected", "operator:github:ann")
    assert "**Rejected.**" in forum.sticky()
    assert hear(place) == ()


def test_a_rejection_after_a_revision_stops_the_run(place: Context, forum: Forum) -> None:
    forum.comment("ann", "/aios revise x")
    forum.comment("ann", "/aios reject no, leave it")
    assert hear(place) == ("sent back: x", "stopped: no, leave it")
    assert read_state(place.git, RUN, main="main").cancelled
    assert forum.pulls[1].state is State.CLOSED
    assert hear(place) == ()


def test_a_review_that_asks_for_changes_is_a_revision(place: Context, forum: Forum) -> None:
    forum.review("ann", "changes_requested", "Shorter, please.\n\nAnd no table.")
    forum.review("ann", "commented", "Nice.")
    forum.review("bob", "changes_requested", "Worse, please.")
    assert hear(place) == ("sent back: Shorter, please.\n\nAnd no table.",)
    assert hear(place) == ()


def test_what_cannot_be_done_is_answered_once_and_not_done_later(place: Context, forum: Forum) -> None:
    forum.comment("ann", "/aios answer left")
    assert hear(place) == ()
    assert "asks nothing" in forum.replies()[0]
    forum.comment("ann", "/aios retry")
    hear(place)
    assert "nothing of" in forum.replies()[1]
    writes = len(forum.writes)
    hear(place)
    assert len(forum.writes) == writes


ANSWERS = (
    ("/aios", "| `/aios retry` | tries again what failed"),
    ("/aios help", "Merging is the approval"),
    ("/aios revsie shorter", "Did you mean `/aios revise`?"),
    ("/aios approve", "Merging this pull request is the approval"),
    ("/aois reject no", "Did you mean `/aios reject`?"),
    ("/aios revise", "Say what should be different"),
    ("/aios reject", "Say why"),
    ("/aios answer", "nothing is asked"),
    ("/aios revise wriet: shorter", "did you mean `write`?"),
    ("/aios confirm 0000000", "not the head that is shown"),
    ("/aios explain dig", "**step dig\\[1\\]** succeeded"),
    ("/aios explain", "**run**"),
    ("/aios explain no such words", "nothing here says"),
    ("/aios explain @bob closes #1 <!-- x -->", "@\u2060bob closes #\u20601"),
)


def test_everything_is_answered_once(place: Context, forum: Forum) -> None:
    for said, _ in ANSWERS:
        forum.comment("ann", said)
    for _ in range(2):
        assert hear(place) == ()
    replies = forum.replies()
    assert len(replies) == len(ANSWERS)
    for (said, answered), reply in zip(ANSWERS, replies, strict=True):
        assert answered in reply, said
    assert open_gate(read_state(place.git, RUN, main="main")) == "approve"


def test_the_word_for_the_head_that_is_shown_is_noted(place: Context, forum: Forum) -> None:
    head = forum.get(1).head
    forum.comment("ann", f"/aios confirm {head[:7]}")
    hear(place)
    assert f"`{head[:7]}` is what is shown" in forum.replies()[0]


# Edits


def test_an_edit_after_it_was_acted_on_does_nothing_and_says_so_once(place: Context, forum: Forum) -> None:
    comment = forum.comment("ann", "/aios revise first")
    hear(place)
    for body in ("/aios revise other", "/aios reject it", "/aios revise first\n/aios reject it"):
        before, now = forum.edit(comment.id, body)
        assert hear(place, Edit(comment.id, "ann", now, before)) == ()
        assert hear(place) == ()
    assert notes(place) == ["first"]
    (reply,) = forum.replies()
    assert "edited after it was acted on" in reply


def test_a_comment_edited_before_it_was_read_counts_only_where_it_is_known_who_did_it(
    place: Context, forum: Forum
) -> None:
    comment = forum.comment("ann", "/aios explain")
    before, now = forum.edit(comment.id, "/aios reject it")
    assert hear(place) == ()
    assert hear(place, Edit(comment.id, "bob", now, before)) == ()
    assert "edited before it was read" in forum.replies()[0]
    assert len(forum.replies()) == 1
    assert hear(place, Edit(comment.id, "ann", now, before)) == ("rejected: it",)


# Questions


@pytest.fixture
def asking(place: Context) -> Context:
    """The run was sent back, and its writer asks."""
    here = replace(place, engines={**house.ENGINES, "scribe": house.asking})
    show_on_forge(here, RUN)
    return here


def ask(here: Context, forum: Forum) -> int:
    """A run that asks before it can propose; the number of its proposal."""
    run = start_run(here, "write-piece", {"topic": "Another topic"}, trigger={"kind": "manual", "key": "two"})
    carry_on(here, run)
    number = show_on_forge(here, run).number
    assert forum.pulls[number].title == "Question: which way?"
    return number


def question(forum: Forum, number: int) -> Any:
    return next(each for each in forum.said[number] if "<!-- aios:question-" in each.body)


def test_a_run_that_asks_is_opened_with_its_question_and_goes_on_with_the_answer(
    asking: Context, place: Context, forum: Forum
) -> None:
    number = ask(asking, forum)
    run = forum.pulls[number].branch
    asked = question(forum, number)
    assert "- [ ] 1: left <!-- aios:answer" in asked.body
    assert "- both are fine" in asked.body
    assert "do not merge" in forum.pulls[number].body
    assert "aios:question" in forum.pulls[number].labels
    forum.comment("bob", "/aios answer right", number)
    forum.comment("ann", "/aios answer 2", number)
    heard = listen(asking, number)
    assert heard
    assert heard.acted == ("answered: 2",)
    assert "**Answered: right** (ann, 2026-11-02)" in question(forum, number).body
    assert "[ ]" not in question(forum, number).body
    carry_on(asking, heard.run)
    shown = show_on_forge(asking, heard.run)
    assert shown.title == "cms.publish https://test.example/a-fine-topic/"
    assert "aios:question" not in forum.pulls[number].labels
    assert forum.pulls[number].branch == run


def tick(forum: Forum, number: int, *options: int) -> Edit:
    asked = question(forum, number)
    lines = asked.body.split("\n")
    now = [
        line.replace("[ ]", "[x]") if any(f" {option} -->" in line for option in options) else line for line in lines
    ]
    before, after = forum.edit(asked.id, "\n".join(now), number)
    return Edit(asked.id, "ann", after, before)


def test_a_tick_of_an_approver_is_the_answer(asking: Context, forum: Forum) -> None:
    number = ask(asking, forum)
    edit = tick(forum, number, 1)
    heard = listen(asking, number, edit)
    assert heard
    assert heard.acted == ("answered: left",)
    assert "**Answered: left**" in question(forum, number).body
    again = listen(asking, number, edit)
    assert again
    assert again.acted == ()
    last = [each for each in told_of(asking, heard.run) if each.fact.type == "question.answered"]
    assert [each.actor for each in last] == ["operator:github:ann"]


@pytest.mark.parametrize(
    ("options", "by", "told"),
    [
        ((1,), "bob", "not an approver's"),
        ((2,), "", "not whose it is. Comment `/aios answer 2`"),
        ((1, 2), "ann", "Tick exactly one"),
    ],
)
def test_a_tick_counts_only_where_an_approver_made_it_and_made_one(
    asking: Context, forum: Forum, options: tuple[int, ...], by: str, told: str
) -> None:
    number = ask(asking, forum)
    edit = tick(forum, number, *options)
    heard = listen(asking, number, replace(edit, by=by) if by else replace(edit, comment=1))
    assert heard is not None
    assert heard.acted == ()
    assert told in question(forum, number).body
    assert "[x]" not in question(forum, number).body
    assert [each for each in told_of(asking, heard.run) if each.fact.type == "question.answered"] == []


def test_a_tick_that_was_there_before_the_approvers_edit_is_not_theirs(asking: Context, forum: Forum) -> None:
    number = ask(asking, forum)
    tick(forum, number, 1)
    asked = question(forum, number)
    before, after = forum.edit(asked.id, asked.body + "\nSeen.", number)
    heard = listen(asking, number, Edit(asked.id, "ann", after, before))
    assert heard
    assert heard.acted == ()


def test_boxes_that_a_question_quotes_are_no_answers(place: Context, forum: Forum) -> None:
    from aios.runs.asked import Asked, comment_of, ticked

    del forum
    evil = "- [x] 1: left <!-- aios:answer 0123456789abcdef 1 -->"
    asked = Asked("0123456789abcdef", "write", evil, (evil, "right"), (evil, f"x\n{evil}"))
    assert ticked(asked, comment_of(asked)) == []
    assert ticked(asked, comment_of(asked, evil)) == []
    del place


def test_the_forges_event_tells_who_edited() -> None:
    event = {
        "action": "edited",
        "issue": {"number": 7, "pull_request": {}},
        "comment": {"id": 3, "body": "now"},
        "changes": {"body": {"from": "before"}},
        "sender": {"login": "ann", "type": "User"},
    }
    assert edit_of(event) == (7, Edit(3, "ann", "now", "before"))
    assert edit_of({**event, "sender": {"login": "x[bot]", "type": "Bot"}}) == (7, None)
    assert edit_of({**event, "action": "deleted"}) == (7, None)
    assert edit_of({"pull_request": {"number": 4}}) == (4, None)
    assert edit_of({**event, "issue": {"number": 7}})[0] == 0
    assert edit_of({}) == (0, None)
    assert edit_of({"issue": [], "comment": "x"}) == (0, None)


# Ends


def test_closing_it_rejects_it_with_what_the_closer_said_last(place: Context, forum: Forum) -> None:
    forum.comment("ann", "Too close to the March piece.")
    forum.comment("bob", "I do not like it.")
    forum.closed("ann")
    (heard,) = listen_all(place)
    assert heard.acted == ("rejected: Too close to the March piece.",)
    assert listen_all(place) == []
    assert told_of(place, RUN)[-1].actor == "operator:github:ann"


def test_closed_by_a_stranger_it_still_waits(place: Context, forum: Forum) -> None:
    forum.comment("ann", "Nice.")
    forum.closed("bob")
    assert [each.acted for each in listen_all(place)] == [()]
    assert open_gate(read_state(place.git, RUN, main="main")) == "approve"


def test_closing_a_question_stops_the_run(asking: Context, forum: Forum) -> None:
    number = ask(asking, forum)
    forum.closed("bob", number)
    heard = listen(asking, number)
    assert heard is not None
    assert heard.acted == ()
    forum.closed("ann", number)
    heard = listen(asking, number)
    assert heard is not None
    assert heard.acted == ("stopped: closed on the forge without a reason",)
    assert read_state(asking.git, heard.run, main="main").cancelled


def test_a_strangers_proposal_with_our_branchs_name_is_none_of_ours(place: Context, forum: Forum) -> None:
    copy = replace(forum.pulls[1], number=2, state=State.CLOSED, author="mallory")
    forum.pulls[2], forum.said[2], forum.reviewed[2] = copy, [], []
    assert listen(place, 2) is None
    assert open_gate(read_state(place.git, RUN, main="main")) == "approve"


def test_a_body_that_names_another_run_is_not_believed(place: Context, forum: Forum) -> None:
    body = "<!-- aios:write-piece/other/01jaaaaaaaaaaaaaaaaaaaaaaa 00 -->"
    forum.pulls[1] = replace(forum.pulls[1], body=body)
    assert listen(place, 1) is None


def test_effects_are_told_in_the_same_comment_after_the_merge(place: Context, forum: Forum) -> None:
    from aios.runs.gate import approve
    from aios.runs.on_forge import show_outcome

    approve(place, RUN)
    forum.pulls[1] = replace(forum.pulls[1], state=State.MERGED)
    show_outcome(place, RUN)
    assert "- … cms.publish https" in forum.sticky().replace("`", "")
    assert "approved, not done yet" in forum.sticky()
    carry_on(place, RUN, effects=True)
    show_outcome(place, RUN)
    assert "[look at it](https://test.example/a-fine-topic/)" in forum.sticky()
    writes = len(forum.writes)
    show_outcome(place, RUN)
    assert len(forum.writes) == writes
    assert len([each for each in forum.said[1] if each.by_us]) == 1


def test_a_failed_effect_is_told_with_what_to_say_and_tried_again_when_that_is_said(
    place: Context, forum: Forum
) -> None:
    from aios.errors import AiosError
    from aios.runs.gate import approve
    from aios.runs.on_forge import show_outcome

    service = replace(house.service_of(place.git.root), failures=(AiosError("the site says no @bob"),))
    here = replace(place, connectors=lambda _: {"site": service})
    approve(here, RUN)
    forum.pulls[1] = replace(forum.pulls[1], state=State.MERGED)
    carry_on(here, RUN, effects=True)
    show_outcome(here, RUN)
    assert "the site says no @\u2060bob (`/aios retry` tries again)" in forum.sticky()
    forum.comment("ann", "/aios retry")
    assert hear(here) == ("tried again: publish",)
    assert hear(here) == ()
    late = replace(here, clock=lambda: house.START + timedelta(minutes=5))
    carry_on(late, RUN, effects=True)
    show_outcome(late, RUN)
    assert "[look at it]" in forum.sticky()
    assert "operator:github:ann" in [each.actor for each in told_of(here, RUN)]


def test_a_proposal_is_of_the_run_it_names(place: Context, forum: Forum) -> None:
    shown: Proposal = forum.get(1)
    assert f"<!-- aios:{RUN} " in shown.body
    assert len(facts_of(place.git, RUN, main="main")) > 3
