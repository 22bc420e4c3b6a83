"""Where people see what a proposal speaks of: the repository's pages, and the lines that its sources stand on."""

from __future__ import annotations

from aios.domain.front_matter import split
from aios.domain.names import COMPANY
from aios.domain.tree import Tree
from aios.forge.settings import read
from aios.runs.context import Context
from aios.runs.standing import Standing
from aios.store.documents import parse


def web_of(context: Context) -> str:
    """The address of the repository's pages, as main's company record tells it; empty where there is no forge."""
    content = context.git.read_blob(f"{context.main}:{COMPANY}") or b""
    document = parse(COMPANY, content)[0] if b"forge" in content else None
    settings = read(document.data) if document else None
    return settings.web if settings else ""


def places_of(tree: Tree, stands: Standing) -> dict[str, str]:
    """For each source (`path:start-end`, characters of its body) and each unverified sentence: `path#L3-L5`."""
    texts: dict[str, tuple[str, int]] = {}
    found = dict(stands.lines)
    for _, source in stands.cited:
        path, _, span = source.rpartition(":")
        start, dash, end = span.partition("-")
        if not (dash and start.isdigit() and end.isdigit()):
            continue
        if path not in texts:
            texts[path] = split((tree.read(path) or b"").decode(errors="replace"))[1:]
        body, first = texts[path]
        lines = [first + body.count("\n", 0, int(place)) for place in (start, max(int(end) - 1, int(start)))]
        if body:
            found[source] = f"{path}#L{lines[0]}" + (f"-L{lines[1]}" if lines[1] > lines[0] else "")
    return found
