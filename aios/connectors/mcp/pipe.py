"""A server that is a program: JSON-RPC by lines over its standard input and output.

Whatever the program does, no read waits longer than its deadline or keeps more than its bound, and in the end its whole
process group is gone.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

from aios.connectors.quoting import quoted
from aios.domain.event import one_line
from aios.domain.keys import canonical_json
from aios.domain.outside import json_of
from aios.errors import AiosError, RefusedError, TransientError

_CHUNK = 65_536
_KEPT = 2_000  # bytes of what it said last on its standard error
_GOES = 2.0  # seconds to leave after its input was closed, as the protocol asks; then it is told to, then ended


class Pipe:
    """One run of a server's program. Raises RefusedError where there is no such program."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, limit: int
    ) -> None:
        self._name = name
        self._limit = limit
        self._read = 0
        self._lines = bytearray()
        self._said = bytearray()
        self._noise = ""
        self._keys = tuple(environment.values())
        path = os.pathsep.join(os.get_exec_path())
        program = shutil.which(command[0], path=path)
        if program is None and not (folder / command[0]).is_file():
            raise RefusedError(f"{name}: there is no program `{one_line(command[0], 80)}`", "is it installed?")
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                [program or str(folder / command[0]), *command[1:]],
                bufsize=0,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                cwd=folder,
                # What the settings name and where programs are; nothing else of ours is any of its business.
                env={"PATH": path, **environment},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise RefusedError(f"{name}: `{one_line(command[0], 80)}` cannot be started: {error}", "") from error
        self._in, self._out, self._err = (
            cast("IO[bytes]", each) for each in (self._process.stdin, self._process.stdout, self._process.stderr)
        )
        for stream in (self._in, self._out, self._err):
            os.set_blocking(stream.fileno(), False)

    def exchange(self, message: Mapping[str, Any], deadline: float, hear: Callable[[Any], bool]) -> None:
        """Send a request and give `hear` every message that the server writes, until it has enough.

        Raises TransientError where it is too late or the server is gone, AiosError where it says too much.
        """
        self.notify(message, deadline)
        while True:
            line = self._line(deadline)
            if line.strip() and self._heard(line, hear):
                return

    def notify(self, message: Mapping[str, Any], deadline: float) -> None:
        """Send a message. What the server writes meanwhile is kept, so that neither waits for the other."""
        left = memoryview(canonical_json(message).encode() + b"\n")
        while left:
            if not self._wait(deadline, writing=True):
                continue
            try:
                left = left[os.write(self._in.fileno(), left[:_CHUNK]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._gone() from error

    def close(self) -> None:
        """End the process group, however the server takes it."""
        with contextlib.suppress(OSError):
            self._in.close()
        if not self._leaves():
            self._signal(signal.SIGTERM)
            self._leaves()
        # Not reaped yet: its number is nobody else's, so that the group which is ended is its own.
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._out.close()
        self._err.close()

    def _leaves(self) -> bool:
        until = time.monotonic() + _GOES
        while not (ended := _ended(self._process.pid)) and time.monotonic() < until:
            time.sleep(0.005)  # a process is no file: nothing that every system has could be waited for
        return ended

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _line(self, deadline: float) -> bytes:
        seen = 0
        while (end := self._lines.find(b"\n", seen)) < 0:
            seen = len(self._lines)
            self._wait(deadline)
        line = bytes(self._lines[:end])
        del self._lines[: end + 1]
        return line

    def _heard(self, line: bytes, hear: Callable[[Any], bool]) -> bool:
        try:
            message = json_of(line.decode())
        except ValueError as error:
            if b'"jsonrpc"' in line:
                raise AiosError(f"{self._name} answers with what cannot be read: {error}", "") from error
            # Servers print greetings where they should not: that is noise, and told only where nothing else comes.
            self._noise = self._noise or one_line(line.decode(errors="replace"), 120)
            return False
        return hear(message)

    def _wait(self, deadline: float, *, writing: bool = False) -> bool:
        """Wait until something can be read, or written where asked for; tells the latter. Keeps what was read."""
        with selectors.DefaultSelector() as ready:
            ready.register(self._out, selectors.EVENT_READ)
            if not self._err.closed:
                ready.register(self._err, selectors.EVENT_READ)
            if writing:
                ready.register(self._in, selectors.EVENT_WRITE)
            left = deadline - time.monotonic()
            found = ready.select(left) if left > 0 else []
        if not found:
            more = f"; it said: {self._noise}" if self._noise else ""
            raise TransientError(f"{self._name} did not answer in time{more}", "`timeout` in its settings")
        for key, _ in found:
            if key.fileobj is self._in:
                continue
            content = os.read(key.fd, _CHUNK)
            if key.fileobj is self._err:
                self._said = (self._said + content)[-_KEPT:]
                if not content:
                    self._err.close()
                continue
            if not content:
                raise self._gone()
            self._read += len(content)
            if self._read > self._limit:
                raise AiosError(f"{self._name} writes more than {self._limit} bytes", "`bytes` in its settings")
            self._lines += content
        return any(key.fileobj is self._in for key, _ in found)

    def _gone(self) -> TransientError:
        said = quoted(self._said.decode(errors="replace"), self._keys, 200, end=True)
        return TransientError(f"{self._name} ended before it answered{f': {said}' if said else ''}", "")


def _ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
