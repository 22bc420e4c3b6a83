"""This process and its machine: its secrets, its name, and which other workers are alive."""

from __future__ import annotations

import os

from aios.errors import RefusedError


def secret(name: str) -> str | None:
    """A key by the name of a variable, or from the keyring of this machine by `keyring:<service>/<name>`."""
    from aios.llm.settings import KEYRING

    if not name.startswith(KEYRING):
        return os.environ.get(name)
    service, _, user = name.removeprefix(KEYRING).partition("/")
    try:
        import keyring
    except ImportError:
        raise RefusedError("the package `keyring` is not installed", "pip install 'aios[keyring]'") from None
    try:
        found: str | None = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise RefusedError(f"the keyring cannot be read ({type(error).__name__})", "is it unlocked?") from None
    return found


def this_process() -> str:
    import socket

    return f"{socket.gethostname()}:{os.getpid()}"


def works(worker: str) -> bool | None:
    """Is the process `host:pid`, which may be this one, still there? None for another machine's."""
    return worker == this_process() or alive(worker)


def alive(worker: str) -> bool | None:
    """Is the process `host:pid` still there? None for another machine's."""
    import socket

    host, _, pid = worker.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return None
    if int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
