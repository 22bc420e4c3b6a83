"""Founding a company: the repository, its machinery, its first commit. Refuses to overwrite anything."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from aios.domain.event import EventNote, render_message
from aios.domain.names import LOCAL
from aios.errors import RefusedError
from aios.store.commits import Draft, commit_many
from aios.store.git import Git

GITIGNORE = """# Derived by aios, always rebuildable.
.aios/
# Published by the static-site connector: the world has it.
/public/
# Read by the access-log connector.
/logs/
"""
GITATTRIBUTES = """# Records merge field by field (`aios init` registers the driver; `aios doctor` checks it).
state/**/*.yaml merge=aios
state/**/*.md merge=aios
memory/**/*.md merge=aios
* text=auto eol=lf
"""
DRIVER = "aios merge-driver %O %A %B %P"


def found(root: Path, *, name: str, operator: tuple[str, str], example: bool, now: datetime) -> Git:
    """Make a company in `root` and give its repository.

    `operator` is (name, e-mail) as git should know them here. With `example` it is the example company with its whole
    history. Raises RefusedError where a file of the company's is there already.
    """
    from aios.example import NAME, company_files, machinery, operator_readme, starter_files

    existing = (root / ".git").exists()
    files = company_files() if example else machinery(company_files())
    files |= {
        ".gitignore": GITIGNORE.encode(),
        ".gitattributes": GITATTRIBUTES.encode(),
        "README.md": operator_readme(NAME if example else name).encode(),
    }
    if not example:
        files |= starter_files(name, operator[1]) | {"memory/.gitkeep": b""}
    files |= _editor_files(files)
    _refuse_existing(root, files)
    git = Git(root) if existing else Git.init(root)
    _register(git, operator)
    branch = git.default_branch()
    if example and git.rev(branch) is None:
        from aios.example.history import build

        build(git, branch)
    _commit(git, branch, files, operator, now)
    git.run("checkout", "-q", "-f" if not existing else "--merge", branch)
    if example:
        from aios.example.site import publish_earlier
        from aios.store.trees import CommitTree

        publish_earlier(CommitTree(git, branch), root, local=root / LOCAL, now=now)
    return git


def _refuse_existing(root: Path, files: dict[str, bytes]) -> None:
    there = [
        path
        for path, content in sorted(files.items())
        if (root / path).is_file() and (root / path).read_bytes() != content
    ]
    if there:
        more = f" and {len(there) - 3} more" if len(there) > 3 else ""
        raise RefusedError(
            f"{', '.join(there[:3])}{more} would be overwritten in {root}", "choose an empty folder, or move them away"
        )


def _register(git: Git, operator: tuple[str, str]) -> None:
    """Tell git how records merge, and who works here where it does not know."""
    settings = {
        "merge.aios.name": "merge records field by field",
        "merge.aios.driver": DRIVER,
        "user.name": operator[0],
        "user.email": operator[1],
    }
    for key, value in settings.items():
        if git.config(key) != value:
            git.run("config", key, value)


def _editor_files(files: dict[str, bytes]) -> dict[str, bytes]:
    """Editors learn from the schemas what belongs where."""
    from aios.store.editor import editor_settings
    from aios.store.schemas import Schemas
    from aios.store.trees import EmptyTree, OverlayTree

    schemas, _ = Schemas.from_tree(OverlayTree(EmptyTree(), files))
    return {path: text.encode() for path, text in editor_settings(schemas).items()}


def _commit(git: Git, branch: str, files: dict[str, bytes], operator: tuple[str, str], now: datetime) -> None:
    tip = git.rev(branch)
    if tip is not None:
        files = {path: content for path, content in files.items() if git.read_blob(f"{tip}:{path}") != content}
    if not files:
        return
    note = EventNote(
        type="company.founded" if tip is None else "company.equipped",
        title=f"{len(files)} files of machinery",
        body="Schemas, agents, policies, connectors and workflows: what you see is what runs.",
        actor=f"operator:{operator[1]}",
    )
    draft = Draft(render_message(note), files, now.isoformat(timespec="seconds"), *operator)
    commit_many(git, branch, [draft], expected=tip)
