"""The editor in the browser, set up for a company."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aios.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from aios.app.company import Company
    from aios.domain.finding import Finding
    from aios.domain.tree import Changeset, Tree
    from aios.editing.server import EditorServer

_PAGES = ("index.html", "config.yml")
_EDITORS = "editors"  # where packages lie, below .aios/


def open_editor(here: Company, port: int, archive: Path | None) -> EditorServer:
    """A server that is bound and not serving yet. Raises RefusedError where the port is taken."""
    from aios.editing.config import config
    from aios.editing.desk import Desk
    from aios.editing.package import DECAP, installed
    from aios.editing.page import page, settings
    from aios.editing.server import EditorServer
    from aios.store.schemas import Schemas

    files = installed(DECAP, here.local / _EDITORS, archive)
    name = str(((record := here.company_record()) and record.get("name")) or here.root.name)
    tree = here.tree()

    def pages(address: str) -> Mapping[str, str]:
        backend = {"name": "proxy", "proxy_url": f"{address}api/v1", "branch": here.main}
        told = config(Schemas.from_tree(tree)[0], tree, backend)
        return {
            "index.html": page(f"{name} – editor", f"editor/{DECAP.script}"),
            "config.yml": settings(told),
        }

    desk = Desk(here.tree, lambda tree: _findings(here, tree), lambda *edit: _commit(here, *edit), name)
    try:
        return EditorServer(port, secrets.token_urlsafe(16), pages, files, desk)
    except OSError as error:
        raise RefusedError(f"the port {port} cannot be used: {error.strerror}", "leave --port out") from error


def write_editor(here: Company, out: Path, archive: Path | None) -> Path:
    """The pages for GitHub Pages; the first of them. Raises UsageError where the company is not on GitHub."""
    from aios.editing.config import config
    from aios.editing.package import SVELTIA, installed
    from aios.editing.page import page, settings
    from aios.forge.settings import API
    from aios.store.schemas import Schemas

    forge = here.forge_settings
    if forge is None:
        raise UsageError("state/company.yaml names no forge", "`aios init --github owner/name` sets one up")
    if out.is_dir() and (strange := sorted({each.name for each in out.iterdir()} - {*_PAGES, SVELTIA.script})):
        raise RefusedError(f"{out} holds something else: {strange[0]}", "name an empty folder for the editor")
    files = installed(SVELTIA, here.local / _EDITORS, archive)
    backend = {"name": "github", "repo": forge.repository, "branch": here.main}
    backend |= {"api_root": forge.api} if forge.api != API else {}
    tree = here.tree()
    told = config(Schemas.from_tree(tree)[0], tree, backend, commented=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.yml").write_text(settings(told), encoding="utf-8")
    shutil.copyfile(files / SVELTIA.script, out / SVELTIA.script)
    name = str(((record := here.company_record()) and record.get("name")) or here.root.name)
    index = out / "index.html"
    index.write_text(page(f"{name} – editor", SVELTIA.script, connect=f"'self' {forge.api}"), encoding="utf-8")
    return index


def _findings(here: Company, tree: Tree) -> list[Finding]:
    from aios.runs.checking import check_company

    return check_company(tree, cache=here.local / "check.sqlite", connectors=here.load_connectors)


def _commit(here: Company, message: str, changes: Changeset, seen: Tree) -> None:
    """A commit of the operator's on main, as by hand; pushed where main is shared.

    Raises RefusedError where uncommitted edits are in the way, or a file is not any more what was `seen`.
    """
    from aios.runs.shared_main import land
    from aios.store.commits import commit_object

    who, git = here.identity, here.git

    def make(tip: str) -> str:
        now = here.tree(tip)
        if any(now.blob(path) != seen.blob(path) for path in changes):
            raise RefusedError("it was changed in this moment", "save it once more")
        at = here.context.now()
        return commit_object(git, parent=tip, changes=changes, message=message, at=at, author=who.name, email=who.email)

    land(here.context, make, name="edit")
