"""A stateful stand-in for GitHub that nobody here wrote: emulate, from npm.

It keeps pull requests, comments and labels as GitHub does. It knows no statuses, no files of a pull request, no
workflow files and no git; it takes a pull request of a branch that is not there, and one without commits.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.forge.places import github
from tests.peers.stripe import emulate

if TYPE_CHECKING:
    from aios.forge.github import GitHub

REPOSITORY = "olga/acme"
OWNERS, STRANGERS = "tok_olga", "tok_paula"
_SEED = """
tokens:
  tok_olga: {login: olga, scopes: [repo, user, workflow]}
  tok_paula: {login: paula, scopes: [repo, user, workflow]}
github:
  users:
    - {login: olga, name: Olga, email: olga@acme.example}
    - {login: paula, name: Paula, email: paula@elsewhere.example}
  repos:
    - {owner: olga, name: acme, auto_init: true, private: false}
"""


@dataclass
class OnEmulate:
    """What people do there they do over its REST API, as nobody of ours would."""

    api: str
    forge: GitHub
    lacks: frozenset[str] = frozenset({"statuses", "files", "checks", "rebase", "dispatch"})

    def push(self, branch: str, files: Mapping[str, str], message: str = "Change") -> str:
        if self.ask("GET", f"branches/{branch}", check=False).status_code == 404:
            main = self.ask("GET", "branches/main").json()["commit"]["sha"]
            self.ask("POST", "git/refs", {"ref": f"refs/heads/{branch}", "sha": main})
        for path, text in files.items():
            there = self.ask("GET", f"contents/{path}?ref={branch}", check=False)
            known = {"sha": there.json()["sha"]} if there.status_code == 200 else {}
            content = base64.b64encode(text.encode()).decode()
            told = {"message": message, "content": content, "branch": branch, **known}
            self.ask("PUT", f"contents/{path}", told)
        return str(self.ask("GET", f"branches/{branch}").json()["commit"]["sha"])

    def delete(self, branch: str) -> None:
        self.ask("DELETE", f"git/refs/heads/{branch}")

    def merge(self, number: int, method: str) -> str:
        return str(self.ask("PUT", f"pulls/{number}/merge", {"merge_method": method}).json()["sha"])

    def comment(self, number: int, text: str) -> None:
        self.ask("POST", f"issues/{number}/comments", {"body": text}, token=STRANGERS)

    def ask(self, method: str, path: str, told: Any = None, *, check: bool = True, token: str = OWNERS) -> Any:
        import httpx2

        address = f"{self.api}/repos/{REPOSITORY}/{path}"
        answer = httpx2.request(method, address, json=told, headers={"Authorization": f"Bearer {token}"})
        assert not check or answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer


@contextmanager
def on_emulate(folder: Path) -> Iterator[OnEmulate]:
    seed = folder / "seed.yaml"
    seed.write_text(_SEED)
    with emulate(folder, "github", "--seed", str(seed)) as address:
        api = f"http://{address}"
        yield OnEmulate(api, github(api, REPOSITORY, OWNERS, in_job=False))
