"""A company on GitHub: its workflow files kept in line with it, and the way there."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aios import __version__
from aios.app.company import Company
from aios.app.installed import is_requirement, requirement
from aios.domain.event import EventNote
from aios.domain.forge import LOGIN
from aios.domain.names import COMPANY
from aios.domain.tree import Tree
from aios.domain.workflow import Workflow
from aios.errors import RefusedError, UsageError
from aios.runs.on_actions.files import Synced, Wish, requirement_of, synced, wish

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}\Z")
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}\Z")
_ADDRESS = re.compile(r"(?:\A|@|//)github\.com[:/](?P<repository>[^/\s]+/[^/\s]+?)(?:\.git)?/?\Z")


@dataclass(frozen=True, slots=True)
class Looked:
    """The files as they should be, why, and by which workflows. `there` counts the files that we have, `installable`
    says whether jobs know where to have aios from."""

    there: int
    installable: bool
    synced: Synced
    wish: Wish
    workflows: Mapping[str, Workflow]


def look(company: Company, tree: Tree, *, source: str = "", found: bool = False) -> Looked:
    """Compare a tree's files below `.github/` with what its workflows, connectors and tiers ask for.

    `source` is where jobs are to have aios from, by default where this one is from. Raises UsageError for what pip
    would not understand.
    """
    from aios.example import github_files
    from aios.runs.definitions import check_workflows
    from aios.runs.on_actions.keys import needed
    from aios.store.trees import OverlayTree

    _require_requirement(source)
    connectors, _ = company.load_connectors(tree)
    workflows, _ = check_workflows(tree, connectors)
    keys = needed(tree, connectors)
    wished = wish(
        tree, workflows.values(), keys, main=company.main, requirement=source or requirement(), forced=bool(source)
    )
    files = github_files()
    done = synced(tree, files, wished, version=__version__, found=found)
    installable = bool(requirement_of(OverlayTree(tree, {path: text.encode() for path, text in done.changed.items()})))
    return Looked(len(files), installable, done, wished, workflows)


def write(root: Path, files: Mapping[str, str]) -> None:
    """Each file appears whole, or stays as it is. Nothing is committed."""
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.aios")
        try:
            fresh.write_text(text, encoding="utf-8", newline="")
            if file.exists():
                fresh.chmod(stat.S_IMODE(file.stat().st_mode))
            fresh.replace(file)
        finally:
            fresh.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class SetUp:
    """What setting up did. `commit` is empty where nothing had to change, `remote` what was told git of it."""

    repository: str
    commit: str
    written: tuple[str, ...]
    remote: str
    looked: Looked


def repository_of(company: Company, given: str) -> str:
    """owner/name: as given, as the company's record says, or as git's `origin` does. Raises UsageError."""
    settings = company.forge_settings
    return named(given or (settings.repository if settings else "") or _in_address(_remote(company, "origin")))


def named(given: str) -> str:
    """owner/name, from that or from an address of GitHub's. Raises UsageError."""
    repository = (_in_address(given) or given).removesuffix(".git")
    if not _REPOSITORY.match(repository):
        said = f"`{given[:80]}` is no repository" if given else "which repository on GitHub is it?"
        raise UsageError(said, "aios init --github OWNER/NAME, as in github.com/OWNER/NAME")
    return repository


def asked_for(repository: str, login: str, source: str) -> tuple[str, str]:
    """What setting up is asked for, looked at before anything is made. Raises UsageError."""
    _require_account(login)
    _require_requirement(source)
    return named(repository), login


def _require_account(login: str) -> None:
    if not _LOGIN.match(login):
        raise UsageError(f"`{login[:60]}` is no account on GitHub", "aios init --github OWNER/NAME --login ACCOUNT")


def _require_requirement(source: str) -> None:
    if source and not is_requirement(source):
        hint = "such as `aios==1.2.3`, `aios @ git+https://HOST/REPOSITORY@COMMIT`, or a wheel in this repository"
        raise UsageError(f"pip does not find aios by `{source[:80]}`", hint)


def set_up(company: Company, *, repository: str, login: str, source: str = "") -> SetUp:
    """Write the workflow files, say in the company's record where it is reviewed and that `login` approves, and tell
    git its address: one commit as the operator, and none where all of it is so already.

    Raises RefusedError, with nothing changed, where the record names another repository, or git another address.
    """
    from aios.runs.main_branch import commit_to_main

    _require_account(login)
    remote = _remote_to_add(company, repository)
    looked, changes = _to_write(company, company.tree(), repository, login, source)
    commit = ""
    if changes:
        note = EventNote(
            type="company.equipped",
            title=f"Work with GitHub: {repository}",
            body="Workflow files, where proposals are reviewed, and who approves there.",
            actor=f"operator:{company.identity.email}",
        )
        # Read at the tip that is built on: main may have moved since.
        commit = commit_to_main(
            company.context,
            note,
            lambda tip: _to_write(company, company.tree(tip), repository, login, source)[1],
            as_operator=True,
        )
    if remote:
        company.git.run("remote", "add", "origin", remote)
    return SetUp(repository, commit, tuple(sorted(changes)), remote, looked)


def _to_write(
    company: Company, tree: Tree, repository: str, login: str, source: str
) -> tuple[Looked, dict[str, bytes | None]]:
    """What setting up makes of a tree: the files that differ."""
    from aios.store.trees import OverlayTree

    record = _record(tree, repository, login)
    looked = look(company, OverlayTree(tree, {COMPANY: record}), source=source, found=True)
    changes: dict[str, bytes | None] = {path: text.encode() for path, text in looked.synced.changed.items()}
    if record != tree.read(COMPANY):
        changes[COMPANY] = record
    return looked, changes


def _record(tree: Tree, repository: str, login: str) -> bytes:
    """The company's record with its forge and this approver; comments stay."""
    from aios.store.documents import parse
    from aios.store.edit import edit

    content = tree.read(COMPANY) or b""
    document, findings = parse(COMPANY, content)
    if document is None:
        raise RefusedError(f"{COMPANY} cannot be read: {findings[0].message}", "`aios check` says where")
    forge, approvers = document.data.get("forge"), document.data.get("approvers")
    named = forge.get("repository") if isinstance(forge, Mapping) else None
    if named and str(named).casefold() != repository.casefold():
        hint = f"change `forge.repository` in {COMPANY} and commit, where it moved"
        raise RefusedError(f"{COMPANY} names the repository {str(named)[:80]}, not {repository}", hint)
    changes: dict[Any, Any] = {}
    if not named:
        changes["forge"] = {"use": "github", "repository": repository}
    listed = [str(each) for each in approvers] if isinstance(approvers, list) else []
    if f"{LOGIN}{login}".casefold() not in {each.casefold() for each in listed}:
        changes["approvers", len(listed)] = f"{LOGIN}{login}"
    return edit(content.decode(), changes).encode() if changes else content


def _remote(company: Company, name: str) -> str:
    return company.git.config(f"remote.{name}.url") or ""


def _remote_to_add(company: Company, repository: str) -> str:
    """The address that git has to be told; empty where it knows one. Raises RefusedError where that is another's."""
    known = _remote(company, "origin")
    there = _in_address(known)
    if there and there.casefold() != repository.casefold():
        hint = f"git remote set-url origin https://github.com/{repository}.git"
        raise RefusedError(f"git's `origin` is {there}, not {repository}", hint)
    return "" if known else f"https://github.com/{repository}.git"


def _in_address(address: str) -> str:
    """owner/name within an address of GitHub's; empty for any other text."""
    found = _ADDRESS.search(address)
    return found["repository"] if found else ""
