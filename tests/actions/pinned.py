"""The actions that our workflows pin, as far as they use them: what each does for a job, and what it refuses.

Anything that is asked of them beyond that fails the test: an input that is unknown here would go unnoticed.
"""

from __future__ import annotations

import base64
import fnmatch
import shutil
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.actions.hub.hub import Hub
from tests.actions.hub.tokens import Token
from tests.actions.place import Place


class FailedError(Exception):
    """The step fails, as it would on GitHub."""


@dataclass
class Shelf:
    """What jobs of one run leave for one another, and what runs leave for one another.

    Artifacts by name and attempt: another attempt may bring the same name again. `cache` is read only where `warm`.
    """

    folder: Path
    artifacts: dict[str, dict[int, Path]] = field(default_factory=dict)
    cache: dict[str, Path] = field(default_factory=dict)
    warm: bool = True


@dataclass
class Step:
    """One use of an action. `later` are what it does after the job's steps."""

    hub: Hub
    place: Place
    shelf: Shelf
    token: Token
    github: Mapping[str, Any]
    inputs: Mapping[str, str]
    environment: str
    attempt: int
    later: list[Callable[[], None]]

    def on(self, name: str) -> bool:
        return self.inputs.get(name, "").lower() == "true"


def checkout(step: Step) -> dict[str, str]:
    hub, place, github, git = step.hub, step.place, step.github, _git(step)
    token = step.inputs.get("token") or step.token.value
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    header = f"http.{hub.url}/.extraheader=AUTHORIZATION: basic {basic}"
    git("init", "-q", str(place.workspace))
    git("remote", "add", "origin", hub.clone_url)
    asked, sha = step.inputs.get("ref", ""), ""
    if not asked:
        asked, sha = str(github["ref"]), str(github["sha"])
    depth = int(step.inputs.get("fetch-depth") or 1)
    branch = asked.removeprefix("refs/heads/") if not asked.startswith("refs/pull/") else ""
    place_of = f"refs/remotes/origin/{branch}" if branch else asked.replace("refs/", "refs/remotes/", 1)
    one = f"+{sha or (f'refs/heads/{branch}' if branch else asked)}:{place_of}"
    if depth == 0:
        git(
            "-c",
            header,
            "fetch",
            "-q",
            "--prune",
            "origin",
            "+refs/heads/*:refs/remotes/origin/*",
            "+refs/tags/*:refs/tags/*",
        )
        if (sha and hub.bare.refs(asked).get(asked) != sha) or not branch:
            git("-c", header, "fetch", "-q", "origin", one)
    else:
        git("-c", header, "fetch", "-q", "--no-tags", f"--depth={depth}", "origin", one)
    git("checkout", "-q", "--force", *(("-B", branch, place_of) if branch else ("--detach", place_of)))
    if step.inputs.get("persist-credentials", "true").lower() == "true":
        git("config", *header.split("=", 1))
    return {"ref": asked, "commit": sha}


def setup_python(step: Step) -> dict[str, str]:
    step.place.set_up_python()
    return {"python-version": step.inputs.get("python-version", ""), "cache-hit": ""}


def upload_artifact(step: Step) -> dict[str, str]:
    name = step.inputs.get("name") or "artifact"
    files = _found(step.inputs["path"], hidden=step.on("include-hidden-files"))
    if not files:
        match step.inputs.get("if-no-files-found", "warn"):
            case "error":
                raise FailedError(f"No files were found with the provided path: {step.inputs['path']}")
            case _:
                return {}
    attempts = step.shelf.artifacts.setdefault(name, {})
    if step.attempt in attempts and not step.on("overwrite"):
        raise FailedError(f"an artifact with the name {name} already exists on the workflow run")
    kept = step.shelf.folder / f"{name}-{step.attempt}"
    shutil.rmtree(kept, ignore_errors=True)
    for inside, file in files.items():
        _copied(file, kept / inside)
    attempts[step.attempt] = kept
    return {"artifact-id": str(step.hub.next_id())}


def download_artifact(step: Step) -> dict[str, str]:
    name, pattern = step.inputs.get("name", ""), step.inputs.get("pattern", "")
    there = Path(step.inputs.get("path") or step.place.workspace)
    shelf = {each: found[max(found)] for each, found in step.shelf.artifacts.items()}
    if name:
        if name not in shelf:
            raise FailedError(f"Unable to download artifact(s): Artifact not found for name: {name}")
        shutil.copytree(shelf[name], there, dirs_exist_ok=True)
        return {"download-path": str(there)}
    for each in fnmatch.filter(shelf, pattern or "*"):
        shutil.copytree(shelf[each], there if step.on("merge-multiple") else there / each, dirs_exist_ok=True)
    return {"download-path": str(there)}


def cache(step: Step) -> dict[str, str]:
    """Kept where every step was well and the key is new; restored by key, else by the newest that begins with one."""
    key, shelf = step.inputs["key"], step.shelf
    wanted = [key, *step.inputs.get("restore-keys", "").split()]
    found = (
        next((name for each in wanted for name in reversed(shelf.cache) if name.startswith(each)), "")
        if shelf.warm
        else ""
    )
    if found:
        shutil.copytree(shelf.cache[found], step.place.workspace, dirs_exist_ok=True)

    def keep() -> None:
        if key in shelf.cache:
            return
        kept = shelf.folder.parent / f"cache-{len(shelf.cache)}"
        for path in step.inputs["path"].split():
            place = step.place.workspace / path
            for inside, file in _found(str(place), hidden=True).items() if place.exists() else ():
                _copied(file, kept / path / inside if place.is_dir() else kept / path)
        if kept.exists():
            shelf.cache[key] = kept

    step.later.append(keep)
    return {
        "cache-hit": str(found == key).lower() if found else "",
        "cache-primary-key": key,
        "cache-matched-key": found,
    }


def upload_pages_artifact(step: Step) -> dict[str, str]:
    there = Path(step.inputs.get("path", "_site/"))
    if not there.is_dir() or not any(there.iterdir()):
        raise FailedError(f"{there}: no files to publish")
    kept = step.shelf.folder / f"github-pages-{step.attempt}"
    kept.mkdir()
    with tarfile.open(kept / "artifact.tar", "w", dereference=True) as tar:
        tar.add(there, ".", filter=lambda each: None if each.name.startswith(("./.git", "./.github")) else each)
    step.shelf.artifacts.setdefault("github-pages", {})[step.attempt] = kept
    return {"artifact_id": str(step.hub.next_id())}


def deploy_pages(step: Step) -> dict[str, str]:
    if step.environment != "github-pages":
        raise FailedError("deployment is not allowed outside of the environment github-pages")
    lacking = [scope for scope in ("pages", "id_token") if not step.token.may(scope, "write")]
    if lacking:
        raise FailedError(f"the job lacks the permission {lacking}")
    found = step.shelf.artifacts.get("github-pages")
    if not found:
        raise FailedError("no artifact named github-pages was found for this workflow run")
    site = step.shelf.folder.parent / "site"
    shutil.rmtree(site, ignore_errors=True)
    with tarfile.open(found[max(found)] / "artifact.tar") as tar:
        tar.extractall(site, filter="data")
    step.hub.pages = str(site)
    return {"page_url": f"https://{step.hub.owner.login}.github.io/"}


def create_github_app_token(step: Step) -> dict[str, str]:
    app = step.hub.app
    if app is None or step.inputs.get("private-key") != app.key or step.inputs.get("client-id") != app.client_id:
        raise FailedError("the App's key is not accepted")
    prefix = "permission-"
    asked = {
        name.removeprefix(prefix).replace("-", "_"): level
        for name, level in step.inputs.items()
        if name.startswith(prefix)
    }
    made = step.hub.token(app.person, asked or app.permissions, job=step.token.job, app=True)
    step.later.append(lambda: setattr(made, "alive", False))
    return {"token": made.value, "app-slug": app.person.login.removesuffix("[bot]"), "installation-id": "1"}


_PERMISSIONS = ("contents", "pull-requests", "statuses", "issues", "actions")
KNOWN: Mapping[str, tuple[Callable[[Step], dict[str, str]], frozenset[str]]] = {
    "actions/checkout": (checkout, frozenset({"ref", "token", "fetch-depth", "persist-credentials"})),
    "actions/setup-python": (setup_python, frozenset({"python-version"})),
    "actions/upload-artifact": (
        upload_artifact,
        frozenset({"name", "path", "if-no-files-found", "retention-days", "include-hidden-files", "overwrite"}),
    ),
    "actions/download-artifact": (download_artifact, frozenset({"name", "path", "pattern", "merge-multiple"})),
    "actions/cache": (cache, frozenset({"path", "key", "restore-keys"})),
    "actions/upload-pages-artifact": (upload_pages_artifact, frozenset({"path", "retention-days"})),
    "actions/deploy-pages": (deploy_pages, frozenset()),
    "actions/create-github-app-token": (
        create_github_app_token,
        frozenset({"client-id", "private-key", *(f"permission-{each}" for each in _PERMISSIONS)}),
    ),
}


def _git(step: Step) -> Callable[..., None]:
    def git(*args: str) -> None:
        code = step.place.run(["git", *args], {"GIT_TERMINAL_PROMPT": "0"})
        if code:
            raise FailedError(f"git {args[0]}: {step.place.log[-1]}")

    return git


def _found(told: str, *, hidden: bool) -> dict[str, Path]:
    """The files of an artifact by their place in it: folders that are empty do not come along."""
    places = [Path(each.strip()) for each in told.splitlines() if each.strip()]
    assert len(places) == 1, "an artifact of several paths is not interpreted here"
    place = places[0]
    assert not set(str(place)) & set("*?["), "patterns are not interpreted here"
    if place.is_file():
        return {place.name: place}
    files = [each for each in place.rglob("*") if each.is_file()]
    inside = {str(each.relative_to(place)): each for each in files}
    return {
        name: each
        for name, each in inside.items()
        if hidden or not any(part.startswith(".") for part in Path(name).parts)
    }


def _copied(file: Path, there: Path) -> None:
    """As an archive keeps it: what it holds, and no mode."""
    there.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, there)
