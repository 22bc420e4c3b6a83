"""While a model answers, a terminal shows that it does; a file gets one line a step, as ever."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.example.test_own_agent import ANSWER, aios, company, configure
from tests.llm.server import Says, serving

__all__ = ["company"]  # the fixture
RUN = ("run", "read-churn", "--input", "subject=churn")


def on_a_terminal(root: Path, *args: str) -> str:
    """What a command writes to the terminal that its stderr is."""
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "aios", *args], cwd=root, stdout=subprocess.DEVNULL, stderr=theirs
        ) as process:
            os.close(theirs)
            seen = b""
            try:
                while piece := os.read(ours, 4_096):
                    seen += piece
            except OSError:  # how Linux says that nobody writes there any more
                pass
            assert process.wait() is not None
    finally:
        os.close(ours)
    return seen.decode()


def test_a_terminal_sees_the_tier_the_model_and_how_much_it_said(company: Path) -> None:
    with serving([Says(ANSWER)]) as service:
        configure(company, service.url)
        seen = on_a_terminal(company, *RUN)
    assert "small tier (tiny): the lowest that may do it" in seen
    assert "small tier, tiny: " in seen
    assert "characters" in seen
    last = seen.split("\n")[0].rpartition("\x1b[K")[2]
    assert "What is said about churn" in seen
    assert "characters" not in last


def test_a_pipe_sees_none_of_it(company: Path) -> None:
    with serving([Says(ANSWER)]) as service:
        configure(company, service.url)
        done = aios(company, *RUN)
    assert "What is said about churn" in done.stderr
    assert "characters" not in done.stderr
    assert "\x1b" not in done.stderr
