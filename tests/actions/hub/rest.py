"""GitHub's REST endpoints on the hub, each with the permission that a token needs for it."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.actions.hub.hub import Hub, RefusedError
from tests.actions.hub.shown import comment_of, label_of, move_of, person, pull_of, review_of, status_of
from tests.actions.hub.things import Pull, Status, stamp
from tests.actions.hub.tokens import Token


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that found its endpoint. `at` are the parameters of its path."""

    hub: Hub
    by: Token
    at: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]


Answer = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """`needs` are permissions of which one is enough."""

    method: str
    template: str
    pattern: re.Pattern[str]
    needs: tuple[tuple[str, str], ...]
    answer: Callable[[Asked], Answer]


ROUTES: list[Route] = []
REPO = "/repos/{owner}/{repo}"
_SLASHED = {"path", "ref", "branch"}


def route(method: str, template: str, *needs: str) -> Callable[[Callable[[Asked], Answer]], Callable[[Asked], Answer]]:
    """`needs` as `scope: level`; none for what every token may."""

    def register(answer: Callable[[Asked], Answer]) -> Callable[[Asked], Answer]:
        pattern = re.sub(
            r"{(\w+)}", lambda found: f"(?P<{found[1]}>{'.+' if found[1] in _SLASHED else '[^/]+'})", template
        )
        wanted = tuple((scope, level) for scope, level in (each.split(": ") for each in needs))
        ROUTES.append(Route(method, template, re.compile(f"{pattern}$"), wanted, answer))
        return answer

    return register


def found(method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
    """The most particular one: what may hold slashes would match the others too."""
    for each in sorted(ROUTES, key=lambda one: -one.template.count("/")):
        if each.method == method and (matched := each.pattern.match(path)):
            return each, matched.groupdict()
    return None


# Who and where


@route("GET", "/user")
def user(asked: Asked) -> Answer:
    if asked.by.permissions is not None:
        raise RefusedError(403, "Resource not accessible by integration")
    return 200, person(asked.by.person)


@route("GET", "/rate_limit")
def rate_limit(asked: Asked) -> Answer:
    free = {"limit": 5000, "remaining": 4999, "reset": int(asked.hub.clock().timestamp()) + 3600, "used": 1}
    return 200, {"resources": {"core": free, "search": free}, "rate": free}


@route("GET", REPO)
def repository(asked: Asked) -> Answer:
    hub = asked.hub
    rights = dict.fromkeys(("admin", "maintain", "push", "triage"), asked.by.permissions is None)
    told = {
        "id": 1,
        "name": hub.repository.rpartition("/")[2],
        "full_name": hub.repository,
        "owner": person(hub.owner),
        "private": hub.private,
        "visibility": "private" if hub.private else "public",
        "default_branch": "main",
        "has_pages": bool(hub.pages),
        "clone_url": f"{hub.clone_url}.git",
        "allow_merge_commit": True,
        "allow_squash_merge": True,
        "allow_rebase_merge": True,
        "permissions": {**rights, "pull": True},
    }
    return 200, told


@route("GET", f"{REPO}/branches/{{branch}}", "contents: read")
def branch(asked: Asked) -> Answer:
    tip = asked.hub.bare.tip(asked.at["branch"])
    if tip is None:
        raise RefusedError(404, "Branch not found")
    return 200, {"name": asked.at["branch"], "commit": {"sha": tip}, "protected": False}


@route("GET", f"{REPO}/commits/{{ref}}", "contents: read")
def commit(asked: Asked) -> Answer:
    bare, name = asked.hub.bare, asked.at["ref"]
    if (oid := bare.rev(name)) is None:
        raise RefusedError(422, f"No commit found for SHA: {name}")
    lines = bare.git("show", "-s", "--format=%P%n%T%n%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%B", oid).split("\n")
    parents, tree, *who = lines[:8]
    author = dict(zip(("name", "email", "date"), who[:3], strict=True))
    committer = dict(zip(("name", "email", "date"), who[3:], strict=True))
    made = {"message": "\n".join(lines[8:]).strip(), "author": author, "committer": committer, "tree": {"sha": tree}}
    return 200, {"sha": oid, "commit": made, "parents": [{"sha": each} for each in parents.split()]}


@route("GET", f"{REPO}/git/ref/{{ref}}", "contents: read")
def ref(asked: Asked) -> Answer:
    name = f"refs/{asked.at['ref']}"
    tip = asked.hub.bare.refs(name).get(name)
    if tip is None:
        raise RefusedError(404, "Not Found")
    return 200, {"ref": name, "object": {"type": "commit", "sha": tip}}


@route("DELETE", f"{REPO}/git/refs/{{ref}}", "contents: write")
def delete_ref(asked: Asked) -> Answer:
    name = f"refs/{asked.at['ref']}"
    if name not in asked.hub.bare.refs(name):
        raise RefusedError(422, "Reference does not exist")
    with asked.hub.pushing(asked.by):
        asked.hub.bare.git("update-ref", "-d", name)
    return 204, None


@route("GET", f"{REPO}/contents/{{path}}", "contents: read")
def contents(asked: Asked) -> Answer:
    at, path = asked.query.get("ref", "main"), asked.at["path"]
    done = asked.hub.bare.process("cat-file", "blob", f"{at}:{path}")
    if done.returncode:
        raise RefusedError(404, "Not Found")
    told = base64.encodebytes(done.stdout).decode()
    name = path.rpartition("/")[2]
    sha = asked.hub.bare.git("rev-parse", f"{at}:{path}")
    return 200, {
        "type": "file",
        "encoding": "base64",
        "size": len(done.stdout),
        "name": name,
        "path": path,
        "content": told,
        "sha": sha,
    }


# Proposals


@route("GET", f"{REPO}/pulls", "pull_requests: read")
def pulls(asked: Asked) -> Answer:
    state, head, base = (asked.query.get(name, "") for name in ("state", "head", "base"))
    chosen = [
        each
        for each in asked.hub.pulls.values()
        if (state == "all" or each.state == (state or "open"))
        and (not head or each.branch == head.partition(":")[2])
        and (not base or each.base == base)
    ]
    key = (lambda each: each.updated or each.at) if asked.query.get("sort") == "updated" else (lambda each: each.number)
    ascending = asked.query.get("direction") == "asc"
    return 200, [pull_of(asked.hub, each) for each in sorted(chosen, key=key, reverse=not ascending)]


@route("POST", f"{REPO}/pulls", "pull_requests: write")
def open_pull(asked: Asked) -> Answer:
    told = asked.body
    head = str(told["head"]).rpartition(":")[2]
    made = asked.hub.open(str(told["title"]), str(told.get("body") or ""), head, str(told["base"]), asked.by)
    return 201, pull_of(asked.hub, made, whole=True)


@route("GET", f"{REPO}/pulls/{{pull_number}}", "pull_requests: read")
def pull(asked: Asked) -> Answer:
    return 200, pull_of(asked.hub, _pull(asked), whole=True)


@route("PATCH", f"{REPO}/pulls/{{pull_number}}", "pull_requests: write")
def edit_pull(asked: Asked) -> Answer:
    one = _pull(asked)
    one.title = str(asked.body.get("title", one.title))
    one.body = str(asked.body.get("body", one.body) or "")
    one.updated = asked.hub.clock()
    if asked.body.get("state") == "closed":
        asked.hub.close(one.number, asked.by)
    return 200, pull_of(asked.hub, one, whole=True)


@route("PUT", f"{REPO}/pulls/{{pull_number}}/merge", "contents: write")
def merge(asked: Asked) -> Answer:
    method = str(asked.body.get("merge_method", "merge"))
    new = asked.hub.merge(_pull(asked).number, method, asked.by, head=str(asked.body.get("sha", "")))
    return 200, {"sha": new, "merged": True, "message": "Pull Request successfully merged"}


@route("GET", f"{REPO}/pulls/{{pull_number}}/files", "pull_requests: read")
def files(asked: Asked) -> Answer:
    names = {"A": "added", "M": "modified", "D": "removed"}
    one = _pull(asked)
    changed = asked.hub.bare.changed(one.base_sha, one.head)
    return 200, [
        {"filename": path, "status": names.get(letter, "changed"), "sha": one.head} for letter, path in changed
    ]


@route("GET", f"{REPO}/pulls/{{pull_number}}/commits", "pull_requests: read")
def commits(asked: Asked) -> Answer:
    one = _pull(asked)
    return 200, [
        {"sha": each} for each in asked.hub.bare.git("rev-list", "--reverse", f"{one.base_sha}..{one.head}").split()
    ]


@route("GET", f"{REPO}/pulls/{{pull_number}}/reviews", "pull_requests: read")
def reviews(asked: Asked) -> Answer:
    return 200, [review_of(each) for each in _pull(asked).reviews]


@route("GET", f"{REPO}/commits/{{commit_sha}}/pulls", "pull_requests: read")
def pulls_of_commit(asked: Asked) -> Answer:
    commit = asked.hub.bare.rev(asked.at["commit_sha"]) or ""
    chosen = [
        each
        for each in asked.hub.pulls.values()
        if commit in {each.merge_commit, each.head}
        or commit in asked.hub.bare.git("rev-list", f"{each.base_sha}..{each.head}").split()
    ]
    return 200, [pull_of(asked.hub, each) for each in chosen]


# What is said


@route("GET", f"{REPO}/issues/{{issue_number}}/comments", "issues: read", "pull_requests: read")
def comments(asked: Asked) -> Answer:
    since = asked.query.get("since", "")
    return 200, [comment_of(asked.hub, each) for each in _issue(asked).comments if stamp(each.edited) >= since]


@route("POST", f"{REPO}/issues/{{issue_number}}/comments", "issues: write", "pull_requests: write")
def say(asked: Asked) -> Answer:
    return 201, comment_of(asked.hub, asked.hub.comment(_issue(asked).number, str(asked.body["body"]), asked.by))


@route("PATCH", f"{REPO}/issues/comments/{{comment_id}}", "issues: write", "pull_requests: write")
def edit_comment(asked: Asked) -> Answer:
    return 200, comment_of(
        asked.hub, asked.hub.edit_comment(int(asked.at["comment_id"]), str(asked.body["body"]), asked.by)
    )


@route("DELETE", f"{REPO}/issues/comments/{{comment_id}}", "issues: write", "pull_requests: write")
def delete_comment(asked: Asked) -> Answer:
    asked.hub.delete_comment(int(asked.at["comment_id"]))
    return 204, None


@route("GET", f"{REPO}/issues/{{issue_number}}/labels", "issues: read", "pull_requests: read")
def labels(asked: Asked) -> Answer:
    return 200, [label_of(asked.hub, each) for each in _issue(asked).labels]


@route("POST", f"{REPO}/issues/{{issue_number}}/labels", "issues: write", "pull_requests: write")
def add_labels(asked: Asked) -> Answer:
    one = _issue(asked)
    for name in asked.body["labels"]:
        asked.hub.labels.setdefault(name, "ededed")
        if name not in one.labels:
            one.labels.append(name)
    return 200, [label_of(asked.hub, each) for each in one.labels]


@route("DELETE", f"{REPO}/issues/{{issue_number}}/labels/{{name}}", "issues: write", "pull_requests: write")
def remove_label(asked: Asked) -> Answer:
    one = _issue(asked)
    if asked.at["name"] not in one.labels:
        raise RefusedError(404, "Label does not exist")
    one.labels.remove(asked.at["name"])
    return 200, [label_of(asked.hub, each) for each in one.labels]


@route("GET", f"{REPO}/labels", "issues: read", "pull_requests: read")
def all_labels(asked: Asked) -> Answer:
    return 200, [label_of(asked.hub, each) for each in asked.hub.labels]


@route("POST", f"{REPO}/labels", "issues: write", "pull_requests: write")
def make_label(asked: Asked) -> Answer:
    name = str(asked.body["name"])
    if name in asked.hub.labels:
        raise RefusedError(422, "Validation Failed", [{"resource": "Label", "code": "already_exists", "field": "name"}])
    asked.hub.labels[name] = str(asked.body.get("color") or "ededed")
    return 201, label_of(asked.hub, name)


# What is said of commits


@route("POST", f"{REPO}/statuses/{{sha}}", "statuses: write")
def status(asked: Asked) -> Answer:
    sha, told = asked.at["sha"], asked.body
    if asked.hub.bare.rev(sha) is None:
        raise RefusedError(422, f"No commit found for SHA: {sha}")
    given = (
        str(told.get("context") or "default"),
        str(told["state"]),
        str(told.get("description") or ""),
        str(told.get("target_url") or ""),
    )
    made = Status(asked.hub.next_id(), *given, asked.hub.clock(), asked.by.person)
    asked.hub.statuses.setdefault(sha, []).insert(0, made)
    return 201, status_of(made)


@route("GET", f"{REPO}/commits/{{ref}}/statuses", "statuses: read")
def statuses(asked: Asked) -> Answer:
    sha = asked.hub.bare.rev(asked.at["ref"]) or ""
    return 200, [status_of(each) for each in asked.hub.statuses.get(sha, [])]


@route("GET", f"{REPO}/commits/{{ref}}/status", "statuses: read")
def combined(asked: Asked) -> Answer:
    sha = asked.hub.bare.rev(asked.at["ref"]) or ""
    newest: dict[str, Status] = {}
    for each in asked.hub.statuses.get(sha, []):
        newest.setdefault(each.context, each)
    states = {each.state for each in newest.values()}
    state = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    told = [status_of(each) for each in newest.values()]
    repo = {
        "full_name": asked.hub.repository,
        "name": asked.hub.repository.rpartition("/")[2],
        "owner": person(asked.hub.owner),
    }
    return 200, {"state": state, "sha": sha, "total_count": len(told), "statuses": told, "repository": repo}


# What starts workflows


@route("POST", f"{REPO}/actions/workflows/{{workflow_id}}/dispatches", "actions: write")
def dispatch(asked: Asked) -> Answer:
    inputs = {str(name): str(value) for name, value in (asked.body.get("inputs") or {}).items()}
    asked.hub.dispatch(asked.at["workflow_id"], str(asked.body["ref"]), inputs, asked.by)
    return 204, None


@route("GET", f"{REPO}/actions/workflows/{{workflow_id}}/runs", "actions: read")
def runs(asked: Asked) -> Answer:
    hub, path = asked.hub, f".github/workflows/{asked.at['workflow_id']}"
    if all(each["path"] != path for each in hub.runs) and hub.bare.process("cat-file", "-e", f"main:{path}").returncode:
        raise RefusedError(404, "Not Found")
    found = [each for each in hub.runs if each["path"] == path]
    size, page = int(asked.query.get("per_page", 30)), int(asked.query.get("page", 1))
    return 200, {"total_count": len(found), "workflow_runs": found[size * (page - 1) : size * page]}


@route("POST", f"{REPO}/dispatches", "contents: write")
def repository_dispatch(asked: Asked) -> Answer:
    asked.hub.repository_dispatch(str(asked.body["event_type"]), asked.body.get("client_payload") or {}, asked.by)
    return 204, None


@route("GET", f"{REPO}/activity", "contents: read")
def activity(asked: Asked) -> Answer:
    ref = asked.query.get("ref", "")
    moves = [each for each in reversed(asked.hub.moves) if not ref or each.ref == ref]
    return 200, [move_of(each) for each in moves]


@route("GET", f"{REPO}/issues/{{issue_number}}/events", "issues: read", "pull_requests: read")
def events(asked: Asked) -> Answer:
    one = _issue(asked)
    told: list[dict[str, Any]] = []
    if one.merged and one.merged_by:
        merged = {"id": 1, "event": "merged", "actor": person(one.merged_by), "commit_id": one.merge_commit}
        told.append({**merged, "created_at": stamp(one.merged)})
    return 200, told


def _pull(asked: Asked) -> Pull:
    return asked.hub.pull(int(asked.at["pull_number"]))


def _issue(asked: Asked) -> Pull:
    return asked.hub.pull(int(asked.at["issue_number"]))
