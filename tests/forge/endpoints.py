"""Endpoints of GitHub's that only the forge asks: added to the hub's own."""

from __future__ import annotations

from tests.actions.hub.hub import RefusedError
from tests.actions.hub.rest import REPO, Answer, Asked, route
from tests.actions.hub.shown import person


@route("GET", f"{REPO}/issues/{{issue_number}}", "issues: read", "pull_requests: read")
def issue(asked: Asked) -> Answer:
    pull = asked.hub.pull(int(asked.at["issue_number"]))
    closer = person(pull.closed_by) if pull.closed_by else None
    return 200, {"number": pull.number, "title": pull.title, "state": pull.state, "closed_by": closer}


@route("GET", f"{REPO}/collaborators/{{username}}/permission")
def permission(asked: Asked) -> Answer:
    who = asked.hub.people.get(asked.at["username"])
    if who is None:
        raise RefusedError(404, "Not Found")
    may = "admin" if who == asked.hub.owner else "read"
    return 200, {"permission": may, "role_name": may, "user": person(who)}


@route("GET", f"{REPO}/actions/permissions", "administration: read")
def actions(asked: Asked) -> Answer:
    return 200, {"enabled": True, "allowed_actions": "all"}


@route("GET", f"{REPO}/actions/permissions/workflow", "administration: read")
def default_permissions(asked: Asked) -> Answer:
    may = asked.hub.actions_may_propose
    return 200, {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": may}


@route("GET", f"{REPO}/actions/workflows", "actions: read")
def workflows(asked: Asked) -> Answer:
    path = ".github/workflows/aios-run.yml"
    one = {"id": 1, "path": path, "name": "aios run", "state": "disabled_inactivity"}
    return 200, {"total_count": 1, "workflows": [one]}


@route("GET", f"{REPO}/actions/secrets", "secrets: read")
def secrets(asked: Asked) -> Answer:
    return 200, {"total_count": 1, "secrets": [{"name": "OPENAI_API_KEY"}]}


@route("GET", f"{REPO}/actions/variables", "actions_variables: read")
def variables(asked: Asked) -> Answer:
    return 200, {"total_count": 1, "variables": [{"name": "AIOS_TIER", "value": "small"}]}


@route("GET", f"{REPO}/environments", "actions: read")
def environments(asked: Asked) -> Answer:
    rule = {"id": 1, "node_id": "x", "type": "branch_policy"}
    return 200, {"total_count": 1, "environments": [{"id": 1, "name": "github-pages", "protection_rules": [rule]}]}


@route("GET", f"{REPO}/pages", "pages: read")
def pages(asked: Asked) -> Answer:
    if not asked.hub.pages:
        raise RefusedError(404, "Not Found")
    return 200, {"html_url": asked.hub.pages, "status": "built"}


@route("GET", f"{REPO}/rules/branches/{{branch}}", "contents: read")
def rules(asked: Asked) -> Answer:
    said = "Upgrade to GitHub Pro or make this repository public to enable this feature."
    raise RefusedError(403, said)
