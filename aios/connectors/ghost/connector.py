"""Ghost as a connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.connectors.cms import offered
from aios.connectors.ghost.api import api_of
from aios.connectors.ghost.settings import SETTINGS
from aios.connectors.ghost.site import Ghost
from aios.connectors.posts.acts import Acts
from aios.connectors.posts.connector import PostSite
from aios.connectors.posts.sites import base_of
from aios.connectors.surroundings import Surroundings
from aios.domain.effect import Capability

__all__ = ["CAPABILITIES", "SETTINGS", "connect"]

CAPABILITIES: Mapping[str, Capability] = offered(
    lookup="Every post carries a mark that names its record and the acts done to it; those of ours are listed by tag.",
    transient=("408", "425", "429", "500", "502", "503", "504", "timeout", "connection"),
    posts=True,
)


def connect(name: str, settings: Mapping[str, Any], surroundings: Surroundings) -> PostSite:
    base = base_of(settings)
    admin = base_of({"url": settings.get("admin", base)})
    posts = Ghost(name, base, admin, settings, api_of(name, admin, settings["key"], surroundings))
    return PostSite(name, Acts(posts, surroundings.root), CAPABILITIES, surroundings.clock)
