"""Front matter back into data: what `aios.domain.front_matter` renders, read with dates and `on` left as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

from aios.domain.front_matter import CORE_BOOL, split


@lru_cache(maxsize=1)
def _loader() -> Any:
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class RecordLoader(base):  # type: ignore[misc]
        """The safe loader without YAML 1.1's dates and its `yes`/`on`."""

        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
            first: [(tag, pattern) for tag, pattern in found if not tag.endswith((":timestamp", ":bool"))]
            for first, found in base.yaml_implicit_resolvers.items()
        }

    RecordLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(rf"{CORE_BOOL}\Z"), list("tTfF"))
    return RecordLoader


def load_yaml(text: str) -> Mapping[str, Any]:
    """A mapping; empty where the text is not one or cannot be read."""
    import yaml

    try:
        data = yaml.load(text, Loader=_loader())  # noqa: S506 (a safe loader of ours)
    except yaml.YAMLError:
        return {}
    return data if isinstance(data, dict) else {}


def load(text: str) -> tuple[dict[str, Any], str, int]:
    """Data, body, and the line of the file (from 1) where the body starts."""
    head, body, line = split(text)
    return dict(load_yaml(head)) if head else {}, body, line
