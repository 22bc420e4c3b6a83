"""A command is a line that begins with `/aios`, and nothing that somebody quoted or showed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios.runs.commands import NAMES, Command, commands, step_of


def said(comment: str) -> list[tuple[str, str]]:
    return [(each.name, each.text) for each in commands(comment)]


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("/aios revise shorter", [("revise", "shorter")]),
        ("  /AIOS Revise  shorter  ", [("revise", "shorter")]),
        ("Thanks!\n\n/aios retry\n", [("retry", "")]),
        ("/aios revise shorter;\ndrop it\r\n\r\nand the table", [("revise", "shorter;\ndrop it\n\nand the table")]),
        ("/aios revise a\n/aios reject b", [("revise", "a"), ("reject", "b")]),
        ("/aios revise: a", [("revise", "a")]),
        ("/aios", [("", "")]),
        ("> /aios reject it", []),
        ("   > /aios reject it\n\nNo.", []),
        ("```\n/aios reject it\n```", []),
        ("~~~~\n/aios reject it\n~~~\n/aios reject it\n~~~~\n/aios help", [("help", "")]),
        ("```\n/aios reject it", []),
        ("    /aios reject it", []),
        ("\t/aios reject it", []),
        ("`/aios reject it`", []),
        ("please /aios reject it", []),
        ("<!-- /aios reject it -->", []),
        ("<!--\n/aios reject it\n-->\n/aios help", [("help", "")]),
        ("<!--\n/aios reject it", []),
        ("/aios revise so:\n```\n/aios reject it\n```\nok", [("revise", "so:\n```\n/aios reject it\n```\nok")]),
        ("/aios revise as he said:\n> /aios reject it", [("revise", "as he said:\n> /aios reject it")]),
        ("/aiosrevise x", []),
        ("/etc/passwd", []),
        ("/approve", []),
    ],
)  # fmt: skip
def test_lines_that_command_and_lines_that_do_not(comment: str, expected: list[tuple[str, str]]) -> None:
    assert said(comment) == expected


@pytest.mark.parametrize(
    ("comment", "meant"),
    [("/aios revsie x", "revise"), ("/aios expalin", "explain"), ("/aois reject x", "reject"), ("/aios dance", "")],
)
def test_a_typo_is_noticed_and_what_was_meant_is_known(comment: str, meant: str) -> None:
    (found,) = commands(comment)
    assert not found.known
    assert found.meant == meant


@given(st.text(alphabet=st.sampled_from("/aiosrevise >`~\n\t<!-x"), max_size=80))
def test_whatever_is_written_is_read(comment: str) -> None:
    for each in commands(comment):
        assert isinstance(each, Command)
        assert each.text == each.text.strip()


@given(st.sampled_from(NAMES), st.text(max_size=40))
def test_what_is_quoted_never_commands(name: str, text: str) -> None:
    lines = f"/aios {name} {text}".replace("\r", "\n").splitlines()
    assert commands("\n".join(f"> {line}" for line in lines)) == []


def test_a_step_is_named_before_a_colon_where_there_is_such_a_step() -> None:
    steps = ["plan", "dig", "write"]
    assert step_of("write: shorter", steps) == ("write", "shorter", "")
    assert step_of("wriet: shorter", steps) == ("", "wriet: shorter", "write")
    assert step_of("Note: shorter", steps) == ("", "Note: shorter", "")
    assert step_of("shorter: drop it", steps) == ("", "shorter: drop it", "")
