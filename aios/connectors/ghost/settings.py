"""What the operator says of their Ghost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aios.connectors.posts.sites import LANGUAGE, PERMALINKS, SECRET, URL

SETTINGS: Mapping[str, Any] = {
    "type": "object",
    "required": ["url", "key"],
    "additionalProperties": False,
    "properties": {
        "url": URL,
        "admin": {**URL, "description": "Where its Admin API is asked, if elsewhere than the site."},
        "key": {**SECRET, "description": "The Admin API key of a custom integration: Settings → Integrations."},
        "permalinks": PERMALINKS,
        "author": {
            "type": "string",
            "pattern": "^[^@\\s]+@[^@\\s]+$",
            "description": "Whose posts they are: an e-mail.",
        },
        "tags": {"type": "boolean", "description": "Are our tags to be theirs? Missing ones are made."},
        "language": LANGUAGE,
    },
}
