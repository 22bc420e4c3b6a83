"""Work in child processes: answers, errors, timeouts that really stop the work."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from aios.errors import AiosError, TransientError
from aios.runs.worker import Result, Workers


def outcomes(workers: Workers) -> dict[Any, Result]:
    found: dict[Any, Result] = {}
    while workers.keys:
        found.update(workers.wait())
    return found


def test_a_worker_answers_with_what_its_work_returns() -> None:
    with Workers() as workers:
        workers.start("a", lambda: {"n": 1}, timeout=10)
        workers.start("b", lambda: [2], timeout=10)
        found = outcomes(workers)
    assert found["a"].value == {"n": 1}
    assert found["b"].value == [2]
    assert not found["a"].error


def test_a_large_answer_arrives_whole() -> None:
    with Workers() as workers:
        workers.start("a", lambda: "x" * 3_000_000, timeout=30)
        assert len(outcomes(workers)["a"].value) == 3_000_000


@pytest.mark.parametrize(("error", "transient"), [(AiosError("no", "do so"), False), (TransientError("later"), True)])
def test_an_expected_error_keeps_its_hint_and_whether_to_retry(error: AiosError, transient: bool) -> None:
    def work() -> None:
        raise error

    with Workers() as workers:
        workers.start("a", work, timeout=10)
        result = outcomes(workers)["a"]
    assert (result.error, result.hint, result.transient) == (error.message, error.hint, transient)
    assert not result.bug


def test_a_bug_is_a_failed_attempt_with_its_traceback() -> None:
    with Workers() as workers:
        workers.start("a", lambda: 1 / 0, timeout=10)
        result = outcomes(workers)["a"]
    assert "ZeroDivisionError" in result.error
    assert "test_worker" in result.bug


def test_a_worker_that_dies_is_told_from_one_that_answers() -> None:
    with Workers() as workers:
        workers.start("a", lambda: os._exit(3), timeout=10)
        assert "exit code 3" in outcomes(workers)["a"].error


def test_a_timeout_stops_the_work_and_what_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def work() -> None:
        child = subprocess.Popen(["sleep", "600"])
        pids.write_text(f"{os.getpid()} {child.pid}")
        child.wait()

    with Workers() as workers:
        workers.start("a", work, timeout=1.0)
        result = outcomes(workers)["a"]
    assert "timeout" in result.error
    for pid in pids.read_text().split():
        assert _is_gone(int(pid)), f"{pid} is still there"


def test_leaving_kills_what_still_runs() -> None:
    with Workers() as workers:
        workers.start("a", lambda: time.sleep(600), timeout=600)
        pid = next(iter(workers._children.values())).pid  # noqa: SLF001
    assert _is_gone(pid)


def _is_gone(pid: int) -> bool:
    """Gone, or a zombie that whoever adopted it has not reaped yet; a killed grandchild needs a moment to get there."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        os.sched_yield()
    return False


INTERRUPTED = """
import os, signal
from aios.runs.worker import Workers

signal.signal(signal.SIGINT, signal.default_int_handler)
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    with Workers() as workers:
        workers.start("one", lambda: 1, timeout=5)
        list(workers.wait())
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_in_the_moment_of_a_fork_is_not_lost() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "interrupted\n", done.stderr
