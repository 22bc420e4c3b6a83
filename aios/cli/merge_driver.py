"""`aios merge-driver`: called by git for records (see .gitattributes)."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(hidden=True)
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("ours", type=click.Path(path_type=Path))
@click.argument("theirs", type=click.Path(path_type=Path))
@click.argument("name")
def command(base: Path, ours: Path, theirs: Path, name: str) -> int:
    """Merge THEIRS into OURS field by field; exit 1 where a field conflicts, as git expects of a merge driver."""
    from aios.store.merge import merge_files

    return 0 if merge_files(base, ours, theirs, name) else 1
