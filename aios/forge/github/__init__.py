"""Proposals as pull requests, over GitHub's REST API."""

from __future__ import annotations

from collections.abc import Callable

from aios.forge.github.client import Client
from aios.forge.github.forge import GitHub
from aios.forge.settings import Settings

__all__ = ["Client", "GitHub", "opened"]


def opened(
    settings: Settings, *, token: Callable[[], str], pause: Callable[[float], None], in_job: bool = False
) -> GitHub:
    """The forge that a company's settings name. Nothing is asked yet."""
    return GitHub(Client(settings.repository, api=settings.api, token=token, pause=pause, in_job=in_job))
