"""Work in a child process, so that a timeout really stops it.

The runner has one thread and forks a child for each attempt; the child answers with one JSON value over a pipe and
ends. What it has to tell before that comes as lines over the same pipe. A child that overruns its deadline is killed
with everything it started.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aios.errors import AiosError, TransientError


@dataclass(frozen=True, slots=True)
class Result:
    """How a piece of work ended: a `value`, or an `error` line with a hint; `bug` holds our own traceback, `usage` what
    models cost until it failed."""

    value: Any = None
    error: str = ""
    hint: str = ""
    transient: bool = False
    bug: str = ""
    usage: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(slots=True)
class _Child:
    key: Any
    pid: int
    pipe: int
    deadline: float
    started: float
    timeout: float
    received: bytearray = field(default_factory=bytearray)


class Workers:
    """Children at work, each known by a key. Use as a context manager: leaving it kills what still runs.

    `heard(key, told)` is called with what a child tells while it works.
    """

    def __init__(self, heard: Callable[[Any, Mapping[str, Any]], None] = lambda _, __: None) -> None:
        self._heard = heard
        self._selector = selectors.DefaultSelector()
        self._children: dict[Any, _Child] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for child in list(self._children.values()):
            self._kill(child)
            self._forget(child)
        self._selector.close()

    @property
    def keys(self) -> frozenset[Any]:
        return frozenset(self._children)

    def start(self, key: Any, work: Callable[[], Any], *, timeout: float) -> None:
        """Fork a child that runs `work`, which returns a JSON value. `timeout` is in seconds."""
        # Python ignores what is raised while it forks: an interrupt in that moment would be lost. It waits its turn.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            read_end, write_end = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(read_end)
                _child_main(work, write_end)  # does not return
            os.close(write_end)
            os.set_blocking(read_end, False)
            now = time.monotonic()
            child = _Child(key, pid, read_end, now + timeout, now, timeout)
            self._children[key] = child
            self._selector.register(read_end, selectors.EVENT_READ, child)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def wait(self, limit: float | None = None) -> Iterator[tuple[Any, Result]]:
        """Wait until at least one child ended, or `limit` seconds went by; give those that ended."""
        ended: list[tuple[Any, Result]] = []
        until = None if limit is None else time.monotonic() + limit
        while self._children and not ended:
            soonest = min(child.deadline for child in self._children.values())
            pause = max(0.0, min(soonest, until if until is not None else soonest) - time.monotonic())
            for key, _ in self._selector.select(pause):
                result = self._advance(key.data)
                if result is not None:
                    ended.append((key.data.key, result))
            ended += self._overdue()
            if until is not None and time.monotonic() >= until:
                break
        yield from ended

    def _advance(self, child: _Child) -> Result | None:
        try:
            while chunk := os.read(child.pipe, 1 << 16):
                child.received += chunk
        except BlockingIOError:
            self._listen(child)
            return None
        self._listen(child)
        seconds = time.monotonic() - child.started
        status = self._forget(child)
        if not child.received:
            return Result(error=f"the worker ended without an answer ({status})", seconds=seconds)
        try:
            answer = json.loads(child.received)
        except ValueError:
            return Result(error=f"the worker's answer is cut off ({status})", seconds=seconds)
        return Result(**answer, seconds=seconds)

    def _listen(self, child: _Child) -> None:
        """Pass on the whole lines that came in; the answer is what no line break follows."""
        *lines, rest = child.received.split(b"\n")
        for line in lines:
            self._heard(child.key, json.loads(line))
        child.received[:] = rest

    def _overdue(self) -> list[tuple[Any, Result]]:
        now = time.monotonic()
        late = [child for child in self._children.values() if child.deadline <= now]
        for child in late:
            self._kill(child)
            self._forget(child)
        message = "stopped: it took longer than its timeout of {:g} s"
        return [(child.key, Result(error=message.format(child.timeout), seconds=child.timeout)) for child in late]

    def _kill(self, child: _Child) -> None:
        for kill in (os.killpg, os.kill):
            try:
                kill(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # the group may not exist yet, the child may be gone

    def _forget(self, child: _Child) -> str:
        self._selector.unregister(child.pipe)
        os.close(child.pipe)
        del self._children[child.key]
        _, status = os.waitpid(child.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        return f"exit code {code}" if code >= 0 else f"signal {-code}"


_pipe = -1  # of the process that this is, where it is a child at work


def tell(told: Mapping[str, Any]) -> None:
    """Tell the parent something while the work goes on; nothing where there is no parent to hear it."""
    if _pipe >= 0:
        os.write(_pipe, json.dumps(dict(told)).encode() + b"\n")


def _child_main(work: Callable[[], Any], write_end: int) -> None:
    """The child's whole life. It never returns, never runs the parent's exit handlers, never prints."""
    global _pipe  # noqa: PLW0603  one child, one pipe
    try:
        _pipe = write_end
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        answer = _answer(work)
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(answer)
    finally:
        os._exit(0)


def _answer(work: Callable[[], Any]) -> bytes:
    try:
        answer: dict[str, Any] = {"value": work()}
        return json.dumps(answer).encode()
    except AiosError as error:
        answer = {
            "error": error.message or type(error).__name__,
            "hint": error.hint,
            "transient": isinstance(error, TransientError),
        }
        answer |= {"usage": dict(error.usage)} if error.usage else {}
    except Exception as error:  # noqa: BLE001  the boundary of the child: a bug becomes a failed attempt with its traceback
        answer = {"error": f"{type(error).__name__}: {error}", "bug": traceback.format_exc()}
    return json.dumps(answer).encode()
