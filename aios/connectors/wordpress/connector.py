"""WordPress as a connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.connectors.cms import offered
from aios.connectors.posts.acts import Acts
from aios.connectors.posts.connector import PostSite
from aios.connectors.posts.sites import base_of
from aios.connectors.surroundings import Surroundings
from aios.connectors.wordpress.api import api_of
from aios.connectors.wordpress.settings import SETTINGS
from aios.connectors.wordpress.site import WordPress
from aios.domain.effect import Capability

__all__ = ["CAPABILITIES", "SETTINGS", "connect"]

CAPABILITIES: Mapping[str, Capability] = offered(
    lookup="Every post carries a mark that names its record and the acts done to it; the site is searched for it.",
    transient=("408", "425", "429", "500", "502", "503", "504", "timeout", "connection"),
    posts=True,
)


def connect(name: str, settings: Mapping[str, Any], surroundings: Surroundings) -> PostSite:
    base = base_of(settings)
    posts = WordPress(name, base, settings, api_of(name, base, settings, surroundings))
    return PostSite(name, Acts(posts, surroundings.root), CAPABILITIES, surroundings.clock)
