"""A GitHub that says what a test wrote down, answer by answer; what is asked is held to GitHub's own description."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from aios.forge.github import GitHub
from tests.actions.hub.contract import Exchange, answer_of, description
from tests.connectors.stands.serving import Asked, Said, serve
from tests.forge.places import UNDESCRIBED, github

NAME = "olga/acme"
REPO = "/repos/{owner}/{repo}"
A_JOBS, FINE_GRAINED, CLASSIC = "ghs_0123456789abcdef", "github_pat_11ABCDEFG0123456789", "ghp_0123456789abcdef"
AT = f"/repos/{NAME}"

_FEW = 20  # of one kind: the others are made like them
_ABOUT_THE_WAY = frozenset({301, 302, 304, 307, 308})

Script = Callable[[Asked], Said | None]


@dataclass
class Scripted:
    """`asked` are `METHOD path?query`, without what every forge asks first: what repository this is."""

    forge: GitHub
    url: str
    asked: list[str] = field(default_factory=list)
    requests: list[Asked] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@contextmanager
def scripted(
    *said: Said | Script, token: str = A_JOBS, repository: str = NAME, in_job: bool = True, patience: float = 120.0
) -> Iterator[Scripted]:
    """The last one repeats. A script that gives None leaves the request to what every forge asks."""
    waiting = list(said)

    def answer(asked: Asked) -> Said:
        asks_first = asked.method == "GET" and asked.path == f"/repos/{repository}"
        if not (asks_first and not callable(waiting[0])):
            here.requests.append(asked)
            query = "&".join(f"{name}={value}" for name, value in asked.query.items())
            here.asked.append(f"{asked.method} {asked.path}{'?' if query else ''}{query}")
            here.problems += _problems(asked)
            now = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            found = now(asked) if callable(now) else now
            if found is not None:
                found, wrong = _as_described(asked, found)
                here.problems += wrong
                return found
        return Said(repository_told()) if asks_first else Said({"message": "Not Found"}, 404)

    address, stop = serve(answer)
    url = f"http://{address}"
    forge = github(url, repository, token, in_job=in_job)
    here = Scripted(forge, url)
    here.forge = github(url, repository, token, here.waits.append, in_job=in_job, patience=patience)
    try:
        yield here
    finally:
        stop()
    assert here.problems == [], "\n".join(here.problems)


def _as_described(asked: Asked, said: Said) -> tuple[Said, list[str]]:
    """An answer with all that GitHub's answers must have, and what is wrong with it all the same."""
    template = _template(asked)
    many = isinstance(said.data, list) and len(said.data) > _FEW
    if not template or said.status in _ABOUT_THE_WAY or many:
        return said, []
    if said.status < 400 and said.data is not None:
        said = replace(said, data=answer_of(template, asked.method, said.status, said.data))
    exchange = Exchange(asked.method, asked.path, asked.query, asked.headers, asked.body)
    problem = exchange.problem_of(said.status, json.dumps(said.data).encode() if said.data is not None else b"")
    wrong = problem if problem and not UNDESCRIBED.search(problem) else ""
    return said, [f"{asked.method} {asked.path} answers: {wrong}"] if wrong else []


def _template(asked: Asked) -> str:
    for template, methods in description()["paths"].items():
        pattern = re.sub(r"{\w+}", "[^/]+", template)
        if asked.method.lower() in methods and re.fullmatch(pattern, asked.path):
            return str(template)
    return ""


def _problems(asked: Asked) -> list[str]:
    if asked.path.startswith("/repositories/") or asked.path == "/graphql":
        return []  # where GitHub leads to by itself, and its other API: not described there
    problem = Exchange(asked.method, asked.path, asked.query, asked.headers, asked.body).problem()
    return [f"{asked.method} {asked.path}: {problem}"] if problem else []


def repository_told(name: str = NAME, **more: Any) -> Any:
    owner = {"login": name.partition("/")[0], "type": "User"}
    told = {
        "full_name": name,
        "name": name.partition("/")[2],
        "default_branch": "main",
        "owner": owner,
        "private": True,
    }
    return answer_of(REPO, "GET", 200, {**told, **more})


def pull(number: int = 1, **more: Any) -> dict[str, Any]:
    """A pull request as GitHub tells one."""
    repo = {"full_name": NAME, "owner": {"login": "olga"}}
    head = {"ref": "aios/publish/hello", "sha": "a" * 40, "repo": repo}
    told = {"number": number, "state": "open", "title": "Publish hello", "body": "", "labels": [], "head": head}
    base = {"ref": "main", "sha": "b" * 40, "repo": repo}
    whole = {**told, "base": base, "user": {"login": "github-actions[bot]"}, "merged": False, "merged_at": None, **more}
    found: dict[str, Any] = answer_of(f"{REPO}/pulls/{{pull_number}}", "GET", 200, whole)
    return found


def error(status: int, message: str, *errors: Mapping[str, str], **headers: str) -> Said:
    told = {"message": message, "documentation_url": "https://docs.github.com/rest", "errors": list(errors)}
    return Said(told, status, {name.replace("_", "-"): value for name, value in headers.items()})


def pages(items: Sequence[Any], asked: Asked, url: str) -> Said:
    """One page of a long list, with the way to the next one."""
    size, number = int(asked.query.get("per_page", 30)), int(asked.query.get("page", 1))
    part = items[size * (number - 1) : size * number]
    more = size * number < len(items)
    link = f'<{url}{asked.path}?per_page={size}&page={number + 1}>; rel="next", <{url}/x>; rel="last"'
    return Said(list(part), headers={"Link": link} if more else {})


def sent(asked: Asked) -> Any:
    return json.loads(asked.body)
