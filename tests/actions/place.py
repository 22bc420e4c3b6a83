"""Where a job runs: folders of its own, and an environment that holds what GitHub sets and nothing else."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).parents[2]
SYSTEM = "/usr/local/bin:/usr/bin:/bin"
# What `setup-python` puts on the PATH: this Python, whose pip gives this aios where a requirement names one.
_PYTHON = """#!/bin/bash
if [ "$1 $2" = "-m pip" ]; then shift 2; exec pip "$@"; fi
exec {python} "$@"
"""
_PIP = """#!/bin/bash
# Installs aios, and only where what it was given names it.
[ "$1" = install ] || { echo "pip: only install is known here" >&2; exit 2; }
shift
for each in "$@"; do
  case "$before" in -r|--requirement) named=$(grep -v '^ *#' "$each") ;; *) named=$each ;; esac
  case "$named" in aios*|*/aios*) ln -sf "$(dirname "$0")/.aios" "$(dirname "$0")/aios" ;; esac
  before=$each
done
"""
_AIOS = """#!/bin/bash
PYTHONPATH={top} exec {python} -P -m aios "$@"
"""


class KilledError(Exception):
    """The machine of the job is gone."""


@dataclass
class Place:
    """Folders of one job. `kill` is how many seconds the step that matters may take; then the machine is gone."""

    folder: Path
    repository: str
    kill: float | None = None
    paths: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    took: float = 0.0
    _files: int = 0

    def __post_init__(self) -> None:
        for each in (self.workspace, self.temp, self.home, self.tools):
            each.mkdir(parents=True)

    @property
    def workspace(self) -> Path:
        name = self.repository.rpartition("/")[2]
        return self.folder / "work" / name / name

    @property
    def temp(self) -> Path:
        return self.folder / "work/_temp"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def tools(self) -> Path:
        return self.folder / "tools"

    @property
    def summary(self) -> Path:
        return self.temp / "summary.md"

    def file(self, name: str) -> Path:
        """An empty file for a step to write into."""
        self._files += 1
        made = self.temp / f"{name}-{self._files}"
        made.touch()
        return made

    def set_up_python(self) -> None:
        names = {"python": shlex.quote(sys.executable), "top": shlex.quote(str(TOP))}
        scripts = {
            "python": _PYTHON.format(**names),
            "python3": _PYTHON.format(**names),
            "pip": _PIP,
            ".aios": _AIOS.format(**names),
        }
        for name, text in scripts.items():
            (self.tools / name).write_text(text)
            (self.tools / name).chmod(0o755)
        self.paths.insert(0, str(self.tools))

    def end(self) -> None:
        """The machine is gone, with whatever still runs on it in the background."""
        home = f"HOME={self.home}".encode()
        for each in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if home in each.read_bytes().split(b"\0"):
                    os.kill(int(each.parent.name), signal.SIGKILL)
        for _ in range(50):
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                return
            time.sleep(0.02)  # what was killed lets go
        raise AssertionError(f"{self.folder} cannot be removed")

    def run(self, command: list[str], environment: Mapping[str, str], cwd: Path | None = None) -> int:
        """Run it with exactly this environment. Raises KilledError where the machine is gone before it ends."""
        whole = {"HOME": str(self.home), "LANG": "C.UTF-8", **environment, "PATH": ":".join([*self.paths, SYSTEM])}
        began = time.monotonic()
        where = cwd or self.workspace
        out = self.file("log")
        with out.open("wb") as said:
            process = subprocess.Popen(
                command,
                cwd=where,
                env=whole,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = process.wait(self.kill if self.kill is not None else 300)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                self.log.append(out.read_text(errors="replace"))
                if self.kill is None:
                    raise AssertionError(f"{command} does not end:\n{self.log[-1]}") from None
                raise KilledError(" ".join(command)) from None
        self.log.append(out.read_text(errors="replace"))
        self.took = time.monotonic() - began
        return code
