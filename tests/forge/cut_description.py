"""Cuts GitHub's own description of its REST API to what is used here: `python -m tests.forge.cut_description FULL`.

The full one is `generated/api.github.com.json` of the npm package `@octokit/openapi` (made of
github.com/github/rest-api-description, MIT). What only explains is left out, and so is what no schema refers to.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DESCRIPTION = Path(__file__).with_name("github-openapi.json")
_REPO = "/repos/{owner}/{repo}"
USED = {
    "/user": "get",
    "/rate_limit": "get",
    _REPO: "get",
    f"{_REPO}/pulls": "get post",
    f"{_REPO}/pulls/{{pull_number}}": "get patch",
    f"{_REPO}/pulls/{{pull_number}}/merge": "get put",
    f"{_REPO}/pulls/{{pull_number}}/files": "get",
    f"{_REPO}/pulls/{{pull_number}}/commits": "get",
    f"{_REPO}/pulls/{{pull_number}}/reviews": "get post",
    f"{_REPO}/issues": "get post",
    f"{_REPO}/issues/{{issue_number}}": "get patch",
    f"{_REPO}/issues/{{issue_number}}/comments": "get post",
    f"{_REPO}/issues/{{issue_number}}/events": "get",
    f"{_REPO}/issues/{{issue_number}}/lock": "put delete",
    f"{_REPO}/issues/comments/{{comment_id}}": "get patch delete",
    f"{_REPO}/issues/{{issue_number}}/labels": "get post put",
    f"{_REPO}/issues/{{issue_number}}/labels/{{name}}": "delete",
    f"{_REPO}/labels": "get post",
    f"{_REPO}/labels/{{name}}": "get",
    f"{_REPO}/statuses/{{sha}}": "post",
    f"{_REPO}/commits/{{ref}}": "get",
    f"{_REPO}/commits/{{ref}}/status": "get",
    f"{_REPO}/commits/{{ref}}/statuses": "get",
    f"{_REPO}/commits/{{ref}}/check-runs": "get",
    f"{_REPO}/commits/{{commit_sha}}/pulls": "get",
    f"{_REPO}/check-runs": "post",
    f"{_REPO}/check-runs/{{check_run_id}}": "get patch",
    f"{_REPO}/activity": "get",
    f"{_REPO}/branches": "get",
    f"{_REPO}/branches/{{branch}}": "get",
    f"{_REPO}/branches/{{branch}}/protection": "get",
    f"{_REPO}/rules/branches/{{branch}}": "get",
    f"{_REPO}/compare/{{basehead}}": "get",
    f"{_REPO}/contents/{{path}}": "get put delete",
    f"{_REPO}/collaborators/{{username}}/permission": "get",
    f"{_REPO}/git/ref/{{ref}}": "get",
    f"{_REPO}/git/matching-refs/{{ref}}": "get",
    f"{_REPO}/git/refs": "post",
    f"{_REPO}/git/refs/{{ref}}": "patch delete",
    f"{_REPO}/git/commits": "post",
    f"{_REPO}/git/commits/{{commit_sha}}": "get",
    f"{_REPO}/git/trees": "post",
    f"{_REPO}/git/trees/{{tree_sha}}": "get",
    f"{_REPO}/git/blobs": "post",
    f"{_REPO}/actions/permissions": "get",
    f"{_REPO}/actions/permissions/workflow": "get",
    f"{_REPO}/actions/workflows": "get",
    f"{_REPO}/actions/workflows/{{workflow_id}}": "get",
    f"{_REPO}/actions/workflows/{{workflow_id}}/dispatches": "post",
    f"{_REPO}/actions/workflows/{{workflow_id}}/runs": "get",
    f"{_REPO}/actions/runs": "get",
    f"{_REPO}/actions/runs/{{run_id}}": "get",
    f"{_REPO}/actions/secrets": "get",
    f"{_REPO}/actions/variables": "get",
    f"{_REPO}/dispatches": "post",
    f"{_REPO}/environments": "get",
    f"{_REPO}/environments/{{environment_name}}/secrets": "get",
    f"{_REPO}/pages": "get",
}
_EXPLAINS = frozenset({"description", "summary", "title", "tags", "example", "examples", "externalDocs"})
_NAMED = frozenset({"properties", "schemas", "responses", "headers", "parameters"})  # what is below are names


def cut(whole: dict[str, Any]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for path, methods in USED.items():
        kept = {*methods.split(), "parameters"}
        paths[path] = {name: _stripped(value) for name, value in whole["paths"][path].items() if name in kept}
    components: dict[str, dict[str, Any]] = {}
    wanted = list(_references(paths))
    while wanted:
        _, _, kind, name = wanted.pop().split("/", 3)
        if name not in components.setdefault(kind, {}):
            components[kind][name] = _stripped(whole["components"][kind][name])
            wanted += _references(components[kind][name])
    told = {"title": "GitHub's REST API, cut to what is used here", "version": whole["info"]["version"]}
    info = {**told, "license": whole["info"]["license"]}
    return {"openapi": whole["openapi"], "info": info, "servers": whole["servers"], "paths": paths} | {
        "components": {kind: dict(sorted(found.items())) for kind, found in sorted(components.items())}
    }


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _stripped(node: Any, *, names: bool = False) -> Any:
    """Without what explains; `names` says that the keys here are names, whatever they read."""
    if isinstance(node, list):
        return [_stripped(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {
        name: _stripped(value, names=name in _NAMED and not names)
        for name, value in node.items()
        if names or not (name in _EXPLAINS or name.startswith("x-"))
    }
    if not names and kept.get("nullable") and "type" not in kept:
        # Without a type beside it, version 3.0 of the format gives `nullable` no meaning: said as GitHub means it.
        for options in ("oneOf", "anyOf"):
            if options in kept:
                kept[options] = [*kept[options], {"nullable": True, "enum": [None]}]
    if not names and "content" in node and "description" in node:
        kept["description"] = ""  # a response must have one
    return kept


if __name__ == "__main__":
    full = json.loads(Path(sys.argv[1]).read_bytes())
    DESCRIPTION.write_text(json.dumps(cut(full), indent=0, separators=(",", ":"), ensure_ascii=False) + "\n")
