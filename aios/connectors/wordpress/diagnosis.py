"""What keeps a WordPress from being published at, for `aios doctor`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from aios.connectors.wordpress.api import Api
from aios.domain.event import one_line
from aios.domain.finding import Finding, Severity

_NEEDED = {
    "publish_posts": "publish",
    "edit_published_posts": "change what is published",
    "upload_files": "upload pictures",
}


def diagnose(name: str, api: Api, settings: Mapping[str, Any], address: Callable[[str], str]) -> Sequence[Finding]:
    """Asks only. Raises AiosError where the site cannot be asked at all."""
    place = f"state/connectors/{name}.yaml"
    return [
        Finding(place, 0, 0, rule, message, hint, severity)
        for rule, message, hint, severity in _problems(api, settings, address)
    ]


def _problems(
    api: Api, settings: Mapping[str, Any], address: Callable[[str], str]
) -> Iterator[tuple[str, str, str, Severity]]:
    about = api.ask("GET", "/").data
    if "wp/v2" not in (about.get("namespaces") or ()):
        hint = "WordPress 5.6 or newer is needed, and no plugin that takes it away"
        yield "wordpress-api", "its REST API does not offer wp/v2", hint, Severity.ERROR
        return
    if not about.get("authentication"):
        hint = "WordPress 5.6 or newer offers them where the site has https; a plugin may turn them off"
        yield "wordpress-passwords", "it takes no application passwords", hint, Severity.ERROR
    me = api.ask("GET", "/wp/v2/users/me", params={"context": "edit"}).data
    may = me.get("capabilities") or {}
    for right, what in _NEEDED.items():
        if not may.get(right):
            hint = "give the user the role Author or Editor: Users → All Users"
            yield "wordpress-rights", f"{api.user} may not {what} there", hint, Severity.ERROR
    query = {"context": "edit", "status": "any", "per_page": 1, "_fields": "permalink_template"}
    posts = api.ask("GET", "/wp/v2/posts", params=query).data
    if posts:
        shown = str(posts[0].get("permalink_template", ""))
        pattern = "[^/]+".join(map(re.escape, re.split(r"%\w+%", address("%postname%"))))
        if not re.fullmatch(pattern, shown):
            message = f"posts are found at {one_line(shown, 120)} there, not at {address('%postname%')}"
            hint = "set `permalinks` (and `url`) to what the site shows, or Settings → Permalinks to “Post name”"
            yield "wordpress-permalinks", message, hint, Severity.ERROR
    if "categories" in settings:
        there = list(api.every("/wp/v2/categories", 1_000, {"_fields": "name,slug"}))
        known = {str(each[field]).casefold() for each in there for field in ("name", "slug")}
        for wanted in dict.fromkeys(settings["categories"].values()):
            if str(wanted).casefold() not in known:
                message = f"there is no category “{one_line(str(wanted), 60)}”"
                yield "wordpress-category", message, "make it at the site: Posts → Categories", Severity.ERROR
