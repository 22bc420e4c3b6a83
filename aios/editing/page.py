"""The editor's page: its frame, and the policy that lets it load nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any


def page(title: str, script: str, *, connect: str = "'self'") -> str:
    """`script` is the editor's, relative; `connect` is whom its data may come from."""
    policy = (
        "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: blob:; font-src 'self' data:; connect-src {connect} blob: data:; "
        "worker-src 'self' blob:; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n<meta name="referrer" content="no-referrer">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="data:,">\n'
        '<link rel="cms-config-url" type="text/yaml" href="config.yml">\n</head>\n<body>\n'
        f'<script src="{escape(script)}"></script>\n</body>\n</html>\n'
    )


def settings(config: Mapping[str, Any]) -> str:
    """The settings file: JSON, which every reader of YAML understands."""
    return json.dumps(config, ensure_ascii=False, indent=1) + "\n"
