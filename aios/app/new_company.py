"""Founding a company, with what git knows of the operator."""

from __future__ import annotations

from pathlib import Path

from aios.app.company import Company, utc_now
from aios.errors import RefusedError


def found_company(root: Path, *, name: str, email: str, example: bool) -> Company:
    """Make a company in `root`. Raises RefusedError where git does not know the operator or files are in the way."""
    from aios.founding import found

    known_name, known_email = _git_identity(root)
    if example:
        from aios.example import OPERATOR

        operator = OPERATOR
    else:
        address = email or known_email
        if not address:
            raise RefusedError("git does not know who you are", "add --email you@example.com")
        operator = (known_name or address.split("@", maxsplit=1)[0], address)
    root.mkdir(parents=True, exist_ok=True)
    title = name or root.resolve().name.replace("-", " ").title()
    git = found(root.resolve(), name=title, operator=operator, example=example, now=utc_now())
    return Company(git)


def _git_identity(folder: Path) -> tuple[str, str]:
    """Name and e-mail as git knows them at or above a folder that may not exist yet."""
    import subprocess

    place = next(each for each in (folder, *folder.resolve().parents) if each.is_dir())
    found = []
    for key in ("user.name", "user.email"):
        asked = subprocess.run(["git", "config", key], cwd=place, capture_output=True, text=True, check=False)
        found.append(asked.stdout.strip())
    return found[0], found[1]
