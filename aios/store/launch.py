"""How git is launched, and what its failures mean.

A scrubbed environment: no variables of a calling git, no prompts, no pager, no hooks, literal paths, one language.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from aios.errors import AiosError, BusyError, RefusedError, UsageError

OLDEST = (2, 38)
# What of the caller's GIT_* variables is the operator's own wish rather than a calling git's state.
_KEPT = re.compile(
    r"GIT_(CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|EXEC_PATH|CEILING_DIRECTORIES|SSH.*|ASKPASS|SSL_.*|"
    r"HTTP_.*|PROXY_.*|(AUTHOR|COMMITTER)_(NAME|EMAIL))"
)
_SETTINGS = (
    "core.fsmonitor=false",
    "core.quotePath=false",
    "color.ui=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "log.showSignature=false",
    "submodule.recurse=false",
    "advice.detachedHead=false",
)
NO_HOOKS = "core.hooksPath=/dev/null"
DURABLE = "core.fsync=all"


class LockedError(BusyError):
    """A lock file of git, at `path`, stands in the way."""

    def __init__(self, path: Path) -> None:
        hint = f"Another git is at work, or one was killed: then delete {path}."
        super().__init__("The repository is locked by another git.", hint)
        self.path = path


@lru_cache(maxsize=1)
def require_version() -> tuple[int, ...]:
    """Git's version; RefusedError where it is too old to be told to sync what it writes."""
    try:
        printed = subprocess.run(["git", "version"], capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise RefusedError("git is not installed or does not start.", "Install git 2.38 or newer.") from error
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", printed)
    version = tuple(int(part) for part in found.groups() if part) if found else (0,)
    if version < OLDEST:
        raise RefusedError(f"{printed.strip()} is too old.", "Install git 2.38 or newer.")
    return version


def command_line(args: Sequence[str]) -> list[str]:
    """The whole command for git's `args`, with the settings that every call gets."""
    return ["git", "--no-pager", *(word for setting in _SETTINGS for word in ("-c", setting)), *args]


def launch(
    args: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    input: bytes | None = None,  # noqa: A002
    held: Sequence[int] = (),
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            command_line(args),
            cwd=cwd,
            env=dict(env),
            input=input or b"",
            capture_output=True,
            check=False,
            pass_fds=held,
        )
    except FileNotFoundError as error:
        if not cwd.is_dir():
            raise AiosError(f"The directory {cwd} is gone.") from error
        raise RefusedError("git is not installed.", "Install git 2.38 or newer.") from error


def scrubbed(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_") or _KEPT.fullmatch(name)}
    return kept | {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_MERGE_AUTOEDIT": "no",
        "GIT_EDITOR": "true",
        "GIT_ADVICE": "0",
    }


def failure(args: Sequence[str], stderr: bytes, code: int = 1, where: Path | None = None) -> AiosError:
    """The error that fits what git said, in one line with a hint."""
    said = stderr.decode(errors="replace").strip()
    if code == 129:
        require_version()
    if "not a git repository" in said:
        return UsageError(f"{where or 'This directory'} is in no git repository", "`aios init` makes a company")
    if "dubious ownership" in said:
        command = next((line.strip() for line in said.splitlines() if "--add safe.directory" in line), "")
        return RefusedError(
            "Git refuses this repository, for it belongs to another user.", f"If you trust it: {command}"
        )
    locked = re.search(r"Unable to create '([^']*\.lock)': File exists", said)
    if locked:
        return LockedError(Path(locked[1]))
    if "No space left" in said or "Disk quota" in said or "File too large" in said:
        return AiosError(f"git {args[0]}: the disk is full.", "Free some space; nothing acknowledged was lost.")
    end = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    lines = [line.strip() for line in said.splitlines() if line.strip()] or [end]
    told = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0])
    return AiosError(f"git {args[0]}: {told.removeprefix('fatal: ').removeprefix('error: ')}")
