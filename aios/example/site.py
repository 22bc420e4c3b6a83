"""The example company's site as it stood before any agent came: what was published by hand lies there already."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from aios.connectors.registry import Sinks, by_capability, load
from aios.domain.effect import Effect
from aios.domain.tree import Tree
from aios.effects.material import Material
from aios.effects.payloads import article
from aios.errors import CorruptError


def publish_earlier(tree: Tree, root: Path, *, local: Path, now: datetime) -> None:
    """Render every published piece of the company in `root` into its site's folder."""
    connectors, _ = load(
        tree, root=root, local=local, secret=lambda _: None, clock=lambda: now, sinks=Sinks(lambda _: None)
    )
    site = by_capability(connectors, "cms.publish")
    if site is None:
        raise CorruptError("the example company has no site")
    material = Material(tree)
    pieces = [piece for piece in material.records("content") if piece.get("status") == "published"]
    for piece in sorted(pieces, key=lambda piece: str(piece.get("published"))):
        payload = article(piece, material)
        site.act(Effect(site.name, "cms.publish", site.target("cms.publish", payload), payload))
