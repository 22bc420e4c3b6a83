"""What git says of a remote that did not do as it was asked, as errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from subprocess import CompletedProcess

from aios.domain.event import one_line
from aios.errors import AiosError, CredentialsError, MovedError, RefusedError, TransientError
from aios.store.launch import failure

_DENIED = re.compile(
    rb"Authentication failed|could not read (?:Username|Password)|Permission(?: to \S+)? denied|error: 40[13]"
    rb"|repository '[^']*' not found|Repository not found|invalid credentials|Host key verification failed",
    re.IGNORECASE,
)
# Nobody was reached, so nothing was sent.
_UNREACHED = re.compile(
    rb"Could not resolve|Failed to connect|Couldn't connect|Connection refused|No route to host"
    rb"|Network is unreachable",
    re.IGNORECASE,
)
_NETWORK = re.compile(
    rb"Connection (?:reset|timed out|was closed)|timed out|Operation too slow|early EOF|hung up|RPC failed"
    rb"|error: (?:429|5\d\d)|Empty reply|unexpected disconnect|remote failure|failed to report status"
    rb"|SSL_ERROR_SYSCALL|transfer closed|invalid server response|expected flush after",
    re.IGNORECASE,
)
# A reason in brackets that tells of a ref that is not where it was expected.
_MOVED = re.compile(
    rb"stale info|fetch first|non-fast-forward|needs force|cannot lock ref|failed to (?:update|lock) ref"
    rb"|failed to lock|reference already exists|remote ref does not exist|incorrect old value",
    re.IGNORECASE,
)
_RACED = re.compile(
    rb"cannot lock ref|but expected|reference already exists|unable to resolve reference", re.IGNORECASE
)
_SIBLING = re.compile(rb"atomic (?:push|transaction) fail", re.IGNORECASE)  # said of a ref because of another one
_WHICH_TOKEN = "there is no token, or it may not; `aios doctor --github` says which, and where to make one"
_CREDENTIALS_IN_URL = re.compile(r"(?<=//)[^/@\s]+@")


def asked_in_vain(name: str, args: Sequence[str], done: CompletedProcess[bytes]) -> AiosError:
    """Why a fetch or a look failed."""
    return _of_the_way(name, args[0], done.stderr) or _other(args, done.stderr, done.returncode)


def pushed_in_vain(name: str, branches: Sequence[str], done: CompletedProcess[bytes]) -> AiosError:
    """Why a push failed. What is said of each ref goes before what is said around it."""
    shown = ", ".join(branches)
    refused = [line.split(b"\t")[-1] for line in done.stdout.splitlines() if line.startswith(b"!\t")]
    reasons = [_reason(line) for line in refused]
    own = [reason for reason in reasons if not _SIBLING.search(reason)]
    if any(map(_MOVED.search, own)) or (reasons and not own and _RACED.search(done.stderr)):
        return MovedError(f"`{shown}` moved at {name} meanwhile", "nothing was pushed; fetch and try again")
    declined = [line for line, reason in zip(refused, reasons, strict=True) if reason in own and b"remote rej" in line]
    if declined:
        said = one_line("; ".join([_plain(_reason(line)) for line in declined][:2]), 200)
        told = one_line(" ".join(_remote_lines(done.stderr)), 300)
        return RefusedError(
            f"{name} refuses `{shown}`: {said}" + (f" ({told})" if told else ""),
            "a rule or protection of the repository there; its settings say who may push",
        )
    return _of_the_way(name, "push", done.stderr + done.stdout) or _other(("push",), done.stderr, done.returncode)


def _of_the_way(name: str, what: str, said: bytes) -> AiosError | None:
    if _DENIED.search(said):
        return CredentialsError(f"{name} does not let us {what}", _WHICH_TOKEN)
    if _UNREACHED.search(said):
        return TransientError(f"{name} cannot be reached", "look at the network; nothing is lost", sent=False)
    if _NETWORK.search(said):
        return TransientError(f"{name} broke off", "look at the network; nothing is lost")
    return None


def _other(args: Sequence[str], said: bytes, code: int) -> AiosError:
    return failure(args, _CREDENTIALS_IN_URL.sub("", said.decode(errors="replace")).encode(), code)


def _reason(summary: bytes) -> bytes:
    """`[remote rejected] (hook declined)` → `hook declined`."""
    _, bracket, rest = summary.partition(b"(")
    return rest.rpartition(b")")[0] if bracket else summary


def _plain(text: bytes) -> str:
    return _CREDENTIALS_IN_URL.sub("", text.decode(errors="replace"))


def _remote_lines(stderr: bytes) -> list[str]:
    """What the other side itself said."""
    lines = [
        _plain(line).removeprefix("remote:").strip() for line in stderr.splitlines() if line.startswith(b"remote:")
    ]
    return [line for line in lines if line][:6]
