"""What a connector may know of the machine it works on, handed in by whoever makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aios.errors import RefusedError

if TYPE_CHECKING:
    from aios.connectors.http import Answer


def _nobody(_: str, __: Answer) -> None:
    return


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`root` is the company's directory, `local` the one for what can be rebuilt, `secret` gives a secret by the name
    of its environment variable, `pause` waits so many seconds, `hear` is told what services answer, by connector."""

    root: Path
    local: Path
    clock: Callable[[], datetime]
    secret: Callable[[str], str | None]
    pause: Callable[[float], None]
    hear: Callable[[str, Answer], None] = _nobody

    def told(self, name: str) -> Callable[[Answer], None]:
        """What a connector of that name gives to `Service(told=…)`: quotas stand in the headers of answers."""
        return lambda answer: self.hear(name, answer)

    def path(self, text: str) -> Path:
        """A path of the settings: `~` is the home directory, a relative one starts at the company's root.

        Raises RefusedError for what is no path.
        """
        try:
            return (self.root / Path(text).expanduser()).resolve()
        except (RuntimeError, ValueError, OSError) as error:
            raise RefusedError(
                f"`{text[:60]}` is no path: {error}", "see `settings.path`; a relative one starts at the company"
            ) from error

    def need(self, setting: Mapping[str, Any]) -> str:
        """The secret that `{env: NAME}` names. Raises RefusedError where it is not set."""
        name = str(setting.get("env", ""))
        value = self.secret(name) if name else None
        if not value:
            raise RefusedError(f"the secret {name or '?'} is not set", f"export {name}=…")
        return value
