"""What is judged without a repository: links, secrets, messages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aios.domain.event import EventNote, render_message
from aios.runs.verifying.contents import links, secrets
from aios.runs.verifying.messages import LIMIT, as_git_reads_it, note_of

KEY = "sk_live_9876543210abcdefgh"


def never(_: str) -> bool:
    return False


def always(_: str) -> bool:
    return True


def told(text: str, *, exists: Callable[[str], bool], known: Callable[[str], bool] = never, before: str = "") -> str:
    return " ".join(each.message for each in links("memory/notes/x.md", before, text, exists, known))


@pytest.mark.parametrize(
    "text",
    [
        "[a](javascript:alert(1))",
        "[a](JavaScript:alert(1))",
        "[a](java&#9;script:alert(1))",
        "[a](JAVASCRIPT&colon;alert)",
        "[a](javascript%3Aalert(1))",
        "[a](data:text/html;base64,AAAA)",
        "[a]: vbscript:x\n\n[a]",
        "<javascript:alert(1)>",
        "![a](javascript:alert(1))",
        '<a href="file:///etc/passwd">x</a>',
        '<a href="java&#115;cript:x">x</a>',
        "x <a href=javascript:x>y</a>",
        "|a|\n|-|\n|[b](javascript:x)|",
    ],
)
def test_what_may_run_is_told_even_where_a_source_shows_it(text: str) -> None:
    assert "may run" in told(text, exists=always, known=always)
    assert told(text, exists=never, before=text) == ""


@pytest.mark.parametrize("text", ["![a](https://e.example/p.png?d=1)", '<img src="//e.example/p.png">'])
def test_what_is_loaded_from_elsewhere_is_told_unless_a_source_shows_it(text: str) -> None:
    assert "loaded from elsewhere" in told(text, exists=always)
    assert told(text, exists=never, known=always) == ""


@pytest.mark.parametrize("text", ["[a](no.md)", "[a](../../../no.md)", "[a](..\\\\no.md)", '<a href="no.md">x</a>'])
def test_what_leads_nowhere_is_told_unless_a_source_shows_it(text: str) -> None:
    assert "no such file" in told(text, exists=never)
    assert told(text, exists=never, known=always) == ""


@pytest.mark.parametrize(
    "text",
    [
        "[a](HTTP://x.example) [b](mailto:a@b.example) [c](#d) [d](/e)",
        "[a](y%20z.md#b)",
        "[a](y%20z.md?b)",
        "![a](y%20z.md)",
    ],
)
def test_what_leads_somewhere_is_not_told(text: str) -> None:
    assert told(text, exists=lambda path: path == "memory/notes/y z.md") == ""


def test_a_source_is_quoted_as_it_is_written() -> None:
    assert told("[a](\u00dcbung.html)", exists=never, known=lambda text: text == "\u00dcbung.html") == ""
    assert links("state/x.yaml", "", "[a](javascript:x)", never, never) == []


def test_only_a_new_secret_is_told() -> None:
    assert [each.rule for each in secrets("x.md", "", KEY, never)] == ["handoff.secret"]
    assert secrets("x.md", KEY, f"{KEY} x", never) == []
    assert secrets("x.md", "", KEY, always) == []


NOTE = EventNote("step.failed", "t", body="b", run="r", item=2, attempt=1, actor="a", key="k", usage={"usd": 1})


@pytest.mark.parametrize(
    ("old", "new"),
    [("Item: 2", "Item: -1"), ('{"usd":1}', "[1]"), ("\n\nb\n\n", f"\n\n{'x' * LIMIT}\n\n"), ("b\n\n", "b\0\n\n")],
    ids=lambda text: repr(text)[:20],
)
def test_a_message_that_no_note_gives(old: str, new: str) -> None:
    message = render_message(NOTE)
    assert note_of(message) == NOTE
    assert old in message
    assert note_of(message.replace(old, new)) is None


def test_what_git_reads_otherwise_is_told() -> None:
    message = render_message(NOTE)
    lines = (line.partition(": ") for line in message.rstrip().rpartition("\n\n")[2].split("\n"))
    trailers = {name: [value] for name, _, value in lines}
    assert as_git_reads_it(trailers, message)
    assert not as_git_reads_it({**trailers, "Aios-Run": ["r", "r"]}, message)
    assert not as_git_reads_it({}, message)
