"""A stateful stand-in for GitHub that nobody here wrote: emulate, from npm.

It keeps pull requests, comments and labels as GitHub does. It knows no statuses, no files of a pull request, no
workflow files and no git; it takes a pull request of a branch that is not there, and one without commits.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.actions.hub.contract import Exchange
from tests.connectors.stands.serving import Asked, Said, serve
from tests.forge.places import UNDESCRIBED, github
from tests.peers.stripe import emulate

if TYPE_CHECKING:
    from aios.forge.github import GitHub

OWNERS, STRANGERS = "tok_olga", "tok_paula"
_SEEN: set[tuple[str, str, int]] = set()
# All that it tells otherwise than GitHub: a repository's answer lacks these two.
_LEFT_OUT = ") 'network_count' is a required property; 'subscribers_count' is a required property"
_SEED = """
tokens:
  tok_olga: {login: olga, scopes: [repo, user, workflow]}
  tok_paula: {login: paula, scopes: [repo, user, workflow]}
github:
  users:
    - {login: olga, name: Olga, email: olga@acme.example}
    - {login: paula, name: Paula, email: paula@elsewhere.example}
"""


@dataclass
class OnEmulate:
    """What people do there they do over its REST API, as nobody of ours would."""

    api: str
    repository: str
    forge: GitHub
    lacks: frozenset[str] = frozenset({"statuses", "files", "checks", "rebase", "dispatch", "closed_by"})

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
        address = f"{self.api}/repos/{self.repository}/{path}"
        answer = _client().request(method, address, json=told, headers={"Authorization": f"Bearer {token}"})
        assert not check or answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer


@contextmanager
def emulated(folder: Path) -> Iterator[str]:
    """Where it listens; it is asked for a repository by whoever needs one."""
    seed = folder / "seed.yaml"
    seed.write_text(_SEED)
    with emulate(folder, "github", "--seed", str(seed)) as address:
        yield f"http://{address}"


@contextmanager
def on_emulate(api: str, name: str) -> Iterator[OnEmulate]:
    """A new repository there. Whatever the forge asks otherwise than GitHub describes it, or is answered so, fails the
    test at its end."""
    told = {"name": name, "auto_init": True}
    made = _client().post(f"{api}/user/repos", json=told, headers={"Authorization": f"Bearer {OWNERS}"})
    assert made.status_code == 201, made.text
    repository = str(made.json()["full_name"])
    problems: list[str] = []
    between, stop = serve(lambda asked: _held(asked, api, problems))
    try:
        yield OnEmulate(api, repository, github(f"http://{between}", repository, OWNERS, in_job=False))
    finally:
        stop()
    assert problems == [], "\n".join(problems)


@cache
def _client() -> Any:
    """One for all: what makes a client slow is what it would trust."""
    import httpx2

    return httpx2.Client(verify=False, trust_env=False)  # to this machine, without encryption


def _held(asked: Asked, api: str, problems: list[str]) -> Said:
    """A request and its answer, handed through and held to GitHub's own description of them."""
    exchange = Exchange(asked.method, asked.path, asked.query, asked.headers, asked.body)
    kept = {name: value for name, value in asked.headers.items() if name in {"authorization", "content-type", "accept"}}
    answer = _client().request(
        asked.method, f"{api}{quote(asked.path)}", params=dict(asked.query), content=asked.body, headers=kept
    )
    found = [exchange.problem()]
    kind = (asked.method, re.sub("[0-9a-f]{40}|[0-9]+", "…", asked.path.partition("/acme-")[2]), answer.status_code)
    if kind not in _SEEN:  # one answer of each kind: they are large
        _SEEN.add(kind)
        found.append(exchange.problem_of(answer.status_code, answer.content))
    wrong = [each for each in found if each and not UNDESCRIBED.search(each) and not each.endswith(_LEFT_OUT)]
    problems += [f"{asked.method} {asked.path}: {each}" for each in wrong]
    data = json.loads(answer.content) if answer.content else None
    return Said(data, answer.status_code, {"Link": answer.headers["link"]} if "link" in answer.headers else {})
