"""The repository as GitHub knows it: its name of today, its default branch, and who we are there."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from aios.connectors.http import segment
from aios.errors import AiosError, RefusedError
from aios.forge.github.client import Client
from aios.forge.github.shapes import text

ACTIONS_BOT = "github-actions[bot]"


class Repository:
    """What all requests about one repository have in common. Asked once for each process."""

    def __init__(self, client: Client) -> None:
        self.client = client

    @cached_property
    def told(self) -> Mapping[str, Any]:
        """GitHub's own object. Follows a rename: `name` is the one of today."""
        owner, _, name = self.client.repository.partition("/")
        if not owner or not name or "/" in name:
            raise RefusedError(f"`{self.client.repository}` is no repository", "write owner/name in `forge.repository`")
        found = self.client.look(f"/repos/{segment(owner)}/{segment(name)}", f"show {self.client.repository}")
        if not text(found, "full_name"):
            raise AiosError("GitHub's answer is no repository", "is `forge.api` the address of its API?")
        return found

    @property
    def name(self) -> str:
        """owner/name, as it is called today."""
        return text(self.told, "full_name")

    @property
    def owner(self) -> str:
        return self.name.partition("/")[0]

    @property
    def default_branch(self) -> str:
        return text(self.told, "default_branch") or "main"

    def path(self, *parts: str) -> str:
        """An address of this repository; each part is quoted."""
        owner, _, name = self.name.partition("/")
        return "/".join(["/repos", *(segment(part) for part in (owner, name, *parts))])

    @cached_property
    def viewer(self) -> str:
        """The login that the token acts as. GitHub tells an App's only by its other API."""
        if self.client.acts_as_bot:
            return self.client.bot() or ACTIONS_BOT
        return text(self.client.look("/user", "say whose token this is"), "login")
