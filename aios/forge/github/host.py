"""What GitHub knows of the repository besides its proposals: for setting up, for the gate. Read only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from aios.domain.forge import Facts, Guard, JobRun, Proposal, Push, Workflow
from aios.errors import CredentialsError
from aios.forge.github import shapes
from aios.forge.github.refusals import NotFoundError
from aios.forge.github.repository import Repository
from aios.forge.github.shapes import flag, text

_METHODS = {"merge": "allow_merge_commit", "squash": "allow_squash_merge", "rebase": "allow_rebase_merge"}


class GitHubHost:
    """One repository, as `aios.domain.forge.Host` wants it."""

    def __init__(self, at: Repository) -> None:
        self._at = at

    def facts(self) -> Facts:
        told = self._at.told
        jobs = self._unless_hidden("actions", "permissions")
        rights = self._unless_hidden("actions", "permissions", "workflow")
        may = told.get("permissions")
        return Facts(
            repository=self._at.name,
            default_branch=self._at.default_branch,
            private=flag(told, "private") is not False,
            archived=flag(told, "archived") is True,
            owner_kind=text(told, "owner", "type"),
            url=text(told, "html_url"),
            methods=tuple(name for name, key in _METHODS.items() if flag(told, key)),
            may=frozenset(name for name, has in may.items() if has is True)
            if isinstance(may, Mapping)
            else frozenset(),
            plan=self._plan(),
            auto_merge=flag(told, "allow_auto_merge"),
            deletes_branches=flag(told, "delete_branch_on_merge"),
            actions=flag(jobs, "enabled"),
            default_permissions=text(rights, "default_workflow_permissions"),
            may_propose=flag(rights, "can_approve_pull_request_reviews"),
            fork=flag(told, "fork") is True,
        )

    def _plan(self) -> str:
        """GitHub tells it to the owner alone."""
        owner = text(self._at.told, "owner", "login")
        if self._at.client.acts_as_bot or self._at.viewer.casefold() != owner.casefold():
            return ""
        return text(self._at.client.get("/user", "show the account"), "plan", "name")

    def permission(self, login: str) -> str:
        try:
            told = self._look(f"say what {login} may do", "collaborators", login, "permission")
        except NotFoundError:
            return "none"  # no such account
        return text(told, "permission") or "none"

    def proposals_of(self, commit: str) -> Sequence[Proposal]:
        path = self._at.path("commits", commit, "pulls")
        found = self._at.client.pages(path, f"list the pull requests of {commit[:10]}")
        return [shapes.proposal(each) for each in found if shapes.from_here(each)]

    def activity(self, ref: str, *, limit: int = 100) -> Sequence[Push]:
        params = {"ref": ref if ref.startswith("refs/") else f"refs/heads/{ref}"}
        found = self._at.client.pages(self._at.path("activity"), f"say who moved {ref}", params=params)
        return [shapes.push(each) for each in islice(found, limit)]

    def runs(self, workflow: str, *, limit: int = 20) -> Sequence[JobRun]:
        path = self._at.path("actions", "workflows", workflow, "runs")
        found = self._at.client.pages(path, f"list the runs of {workflow}", key="workflow_runs")
        try:
            return [shapes.job_run(each) for each in islice(found, limit)]
        except NotFoundError:
            return []

    def workflows(self) -> Sequence[Workflow]:
        found = self._listed("workflows", "list workflows", "actions", "workflows")
        return [Workflow(*(text(each, name) for name in ("path", "name", "state", "html_url"))) for each in found]

    def secrets(self) -> frozenset[str]:
        found = self._listed("secrets", "list the names of secrets", "actions", "secrets")
        return frozenset(text(each, "name") for each in found)

    def variables(self) -> Mapping[str, str]:
        found = self._listed("variables", "list variables", "actions", "variables")
        return {text(each, "name"): text(each, "value") for each in found}

    def environments(self) -> Mapping[str, frozenset[str]]:
        found = self._listed("environments", "list environments", "environments")
        return {text(each, "name"): frozenset(_kinds(each.get("protection_rules"))) for each in found}

    def pages(self) -> str | None:
        try:
            return text(self._look("show its site", "pages"), "html_url") or None
        except NotFoundError:
            return None

    def guard(self, branch: str) -> Guard:
        told = self._look(f"show the branch {branch}", "branches", branch)
        path = self._at.path("rules", "branches", branch)
        try:
            rules = tuple(_kinds(list(self._at.client.pages(path, f"list the rules of {branch}"))))
        except (CredentialsError, NotFoundError):  # GitHub says so too where the plan has none
            return Guard(flag(told, "protected") is True)
        return Guard(flag(told, "protected") is True, rules)

    def _look(self, what: str, *parts: str) -> Mapping[str, Any]:
        return self._at.client.look(self._at.path(*parts), what)

    def _listed(self, key: str, what: str, *parts: str) -> list[Mapping[str, Any]]:
        return list(self._at.client.pages(self._at.path(*parts), what, key=key))

    def _unless_hidden(self, *parts: str) -> Mapping[str, Any]:
        """What only those see who may change it."""
        try:
            return self._look("show its settings", *parts)
        except (CredentialsError, NotFoundError):
            return {}


def _kinds(rules: Any) -> list[str]:
    found = rules if isinstance(rules, list) else []
    return list(dict.fromkeys(name for each in found if (name := text(each, "type"))))
