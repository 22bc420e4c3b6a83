"""What a company's record says of its forge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

API = "https://api.github.com"


@dataclass(frozen=True, slots=True)
class Settings:
    """`repository` is owner/name; `token_env` and `token_keyring` name where a token is, one of them or neither."""

    repository: str
    remote: str = "origin"
    api: str = API
    token_env: str = ""
    token_keyring: str = ""
    fan_out_above: int = 40
    fan_out_jobs: int = 8

    @property
    def web(self) -> str:
        """Where the repository is shown to people: beside the API on an own server, at its own address else."""
        host = "https://github.com" if self.api == API else self.api.removesuffix("/api/v3")
        return f"{host}/{self.repository}"


def read(company: Mapping[str, Any]) -> Settings | None:
    """The settings of a company record's `forge`; None where proposals are branches alone."""
    told = company.get("forge")
    if not isinstance(told, Mapping) or told.get("use") != "github" or not told.get("repository"):
        return None
    token = told.get("token") if isinstance(told.get("token"), Mapping) else {}
    spread = told.get("fan_out") if isinstance(told.get("fan_out"), Mapping) else {}
    return Settings(
        repository=str(told["repository"]),
        remote=str(told.get("remote") or "origin"),
        api=str(told.get("api") or API).rstrip("/"),
        token_env=str((token or {}).get("env") or ""),
        token_keyring=str((token or {}).get("keyring") or ""),
        fan_out_above=int((spread or {}).get("above") or 40),
        fan_out_jobs=int((spread or {}).get("jobs") or 8),
    )
