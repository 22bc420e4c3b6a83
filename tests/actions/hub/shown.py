"""How GitHub shows what the hub holds. `contract` adds what is left out here and must be there."""

from __future__ import annotations

from typing import Any

from tests.actions.hub.hub import Hub
from tests.actions.hub.things import Comment, Move, Pull, Review, Status, stamp
from tests.actions.hub.tokens import Person

ACTIONS_APP = {"id": 15368, "slug": "github-actions", "name": "GitHub Actions"}


def person(one: Person) -> dict[str, Any]:
    kind = "Bot" if one.bot else "User"
    return {
        "login": one.login,
        "id": one.id,
        "node_id": f"U{one.id}",
        "type": kind,
        "site_admin": False,
        "name": one.name or None,
    }


def pull_of(hub: Hub, one: Pull, *, whole: bool = False) -> dict[str, Any]:
    owner = hub.repository.partition("/")[0]
    repo = {
        "full_name": hub.repository,
        "name": hub.repository.rpartition("/")[2],
        "owner": person(hub.owner),
        "default_branch": "main",
    }
    said = {
        "id": 5000 + one.number,
        "number": one.number,
        "state": one.state,
        "locked": False,
        "title": one.title,
        "body": one.body or None,
        "user": person(one.author),
        "html_url": f"{hub.clone_url}/pull/{one.number}",
        "url": f"{hub.api}/repos/{hub.repository}/pulls/{one.number}",
        "created_at": stamp(one.at),
        "updated_at": stamp(one.updated or one.at),
        "closed_at": stamp(one.closed) if one.closed else None,
        "merged_at": stamp(one.merged) if one.merged else None,
        "merge_commit_sha": one.merge_commit or None,
        "labels": [label_of(hub, each) for each in one.labels],
        "author_association": hub.association(one.author),
        "draft": False,
        "head": {
            "label": f"{owner}:{one.branch}",
            "ref": one.branch,
            "sha": one.head,
            "repo": repo,
            "user": person(hub.owner),
        },
        "base": {
            "label": f"{owner}:{one.base}",
            "ref": one.base,
            "sha": one.base_sha,
            "repo": repo,
            "user": person(hub.owner),
        },
    }
    if whole:
        said |= {
            "merged": one.merged is not None,
            "merged_by": person(one.merged_by) if one.merged_by else None,
            "mergeable": hub.mergeable(one) if one.state == "open" else None,
            "mergeable_state": "clean",
            "comments": len(one.comments),
            "commits": int(hub.bare.git("rev-list", "--count", f"{one.base_sha}..{one.head}")),
        }
    return said


def comment_of(hub: Hub, one: Comment) -> dict[str, Any]:
    told = {
        "id": one.id,
        "body": one.body,
        "user": person(one.author),
        "created_at": stamp(one.at),
        "updated_at": stamp(one.edited),
        "author_association": hub.association(one.author),
        "html_url": f"{hub.clone_url}/issues/comments/{one.id}",
    }
    return told | ({"performed_via_github_app": ACTIONS_APP} if one.author == hub.bot else {})


def review_of(one: Review) -> dict[str, Any]:
    told = {"id": one.id, "user": person(one.author), "body": one.body, "state": one.state, "commit_id": one.commit}
    return {**told, "submitted_at": stamp(one.at)}


def move_of(one: Move) -> dict[str, Any]:
    told = {"id": one.id, "ref": one.ref, "before": one.before, "after": one.after, "activity_type": one.kind}
    return {**told, "timestamp": stamp(one.at), "actor": person(one.by)}


def label_of(hub: Hub, name: str) -> dict[str, Any]:
    return {
        "id": 1,
        "node_id": "L1",
        "name": name,
        "color": hub.labels.get(name, "ededed"),
        "default": False,
        "description": "",
    }


def status_of(one: Status) -> dict[str, Any]:
    told = {"id": one.id, "context": one.context, "state": one.state, "description": one.description or None}
    return {
        **told,
        "target_url": one.url or None,
        "created_at": stamp(one.at),
        "updated_at": stamp(one.at),
        "creator": person(one.author),
    }
