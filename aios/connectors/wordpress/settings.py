"""What the operator says of their WordPress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.connectors.posts.sites import LANGUAGE, PERMALINKS, SECRET, URL

SETTINGS: Mapping[str, Any] = {
    "type": "object",
    "required": ["url", "username", "password"],
    "additionalProperties": False,
    "properties": {
        "url": URL,
        "username": {"type": "string", "minLength": 1, "pattern": "^[^:]+$", "description": "Who publishes."},
        "password": {**SECRET, "description": "An application password of that user: Users → Profile."},
        "permalinks": PERMALINKS,
        "author": {"type": "string", "minLength": 1, "description": "Whose posts they are; the user's where left out."},
        "tags": {"type": "boolean", "description": "Are our tags to be theirs? Missing ones are made."},
        "categories": {
            "type": "object",
            "additionalProperties": {"type": "string", "minLength": 1},
            "description": "Our tag → their category, by name or slug; `*` for every post. Set at first, then theirs.",
        },
        "language": LANGUAGE,
    },
}
