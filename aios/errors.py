"""What can go wrong, as kinds with a hint and an exit code.

A mistake in the operator's files is a `Finding` and is collected; an `AiosError` stops the command. Only `aios.cli`
turns one into text and an exit code.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes, documented in `aios --help`."""

    OK = 0
    FINDINGS = 1  # the command worked and what it looked at is not in order
    USAGE = 2  # the command line is wrong (click's own code)
    REFUSED = 3  # not done, because a rule, a lock or a state of things forbids it
    WAITING = 4  # stopped on purpose; something waits for the operator or for time
    FAILED = 5  # tried and failed: a step, a service, the disk, git
    BUG = 70  # our mistake
    INTERRUPTED = 130


class AiosError(Exception):
    """An expected failure: one line for the operator, with a hint of what to do.

    `message` says what is wrong, `hint` what to do about it (may be empty).
    """

    exit_code = Exit.FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.usage: Mapping[str, object] = {}  # what models cost until it went wrong

    def __str__(self) -> str:
        return f"{self.message} Hint: {self.hint}" if self.hint else self.message


class UsageError(AiosError):
    """The request itself is wrong: an unknown id, a missing input."""

    exit_code = Exit.USAGE


class RefusedError(AiosError):
    """A rule, a lock, a conflict or an uncommitted edit forbids it; nothing was changed."""

    exit_code = Exit.REFUSED


class CredentialsError(RefusedError):
    """A service does not accept who we say we are: a key is missing, wrong, expired, or may not do this. Nothing was
    done."""


class HeldError(RefusedError):
    """Ours to allow, and not allowed now: a switch, a mode, a policy or a cap holds it back. Nothing was sent, and no
    service refused anything. `until` is ISO 8601 UTC, empty where nobody knows."""

    def __init__(self, message: str, hint: str = "", *, until: str = "") -> None:
        super().__init__(message, hint)
        self.until = until


class BusyError(RefusedError):
    """Another process holds the run or the file."""


class OverBudgetError(RefusedError):
    """More would be spent than was granted. Nothing was sent; whoever may grant more can be asked."""


class MovedError(RefusedError):
    """A ref is no longer where the caller saw it (a lost compare-and-swap)."""


class InvalidError(AiosError):
    """The operator's files have findings that make the request impossible; `findings` tells them."""

    exit_code = Exit.FINDINGS

    def __init__(self, message: str, hint: str = "", *, findings: tuple[object, ...] = ()) -> None:
        super().__init__(message, hint)
        self.findings = findings


class TransientError(AiosError):
    """A service or a provider says that trying again later may work. The only error that is retried.

    `retry_after` is in seconds. `sent` is False only where it is certain that nothing reached the service: an act that
    may have arrived is looked up, never repeated.
    """

    def __init__(self, message: str, hint: str = "", *, retry_after: float | None = None, sent: bool = True) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after
        self.sent = sent


class CorruptError(AiosError):
    """Something on disk that we wrote ourselves cannot be read back."""
