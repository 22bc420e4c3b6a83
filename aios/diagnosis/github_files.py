"""What of working with GitHub can be seen from here: the record, git's address, the workflow files, the models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from aios.app import Company
from aios.app.on_github import Looked
from aios.diagnosis.check import Check
from aios.domain.finding import Severity
from aios.domain.forge import LOGIN
from aios.domain.wording import counted

# GitHub's own service of models ended on 2026-07-30; what asks these hosts gets no answer.
RETIRED = frozenset({"models.github.ai", "models.inference.ai.azure.com"})
_HERE = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  compared with, not listened on
SYNC = "aios github sync && git diff .github, then commit and push"


def approvers(company: Company) -> Check:
    record = company.company_record()
    named = [str(each) for each in (record.get("approvers") or ()) if each] if record else []
    accounts = [each.removeprefix(LOGIN) for each in named if each.startswith(LOGIN)]
    if not accounts:
        hint = "add `github:your-login` to `approvers` in state/company.yaml: what you merge there has another address"
        return Check("approvers", "warning", "no account on GitHub is among them", hint)
    return Check("approvers", "ok", f"merges by {', '.join(accounts)} on GitHub approve")


def remote(company: Company, repository: str) -> Check:
    known = company.remote.url() if company.remote else ""
    if not known:
        name = company.forge_settings.remote if company.forge_settings else "origin"
        hint = f"git remote add {name} https://github.com/{repository}.git"
        return Check("remote", "error", f"git knows no `{name}`: nothing is shared", hint)
    path = urlsplit(known).path if "://" in known else known.rpartition(":")[2]
    if path.strip("/").removesuffix(".git").casefold() != repository.casefold():
        hint = f"is that {repository}? `git remote -v` shows it"
        return Check("remote", "warning", "git's address is another one than `forge.repository`", hint)
    return Check("remote", "ok", f"git shares with {repository}")


def files(company: Company, looked: Looked) -> Iterator[Check]:
    """On main, for that is what GitHub runs."""
    found = looked.synced
    if len(found.absent) == looked.there:
        repository = company.forge_settings.repository if company.forge_settings else "OWNER/NAME"
        yield Check("files", "error", "main has no workflow files", f"aios init --github {repository}")
        return
    if found.absent:
        said = f"main has no {', '.join(found.absent)}"
        yield Check("files", "warning", said, "meant so? Else `aios init --github` writes them again")
    if found.changed:
        said = f"out of step with workflows, connectors or this version: {', '.join(found.changed)}"
        yield Check("files", "error", said, SYNC)
    elif not found.absent:
        yield Check("files", "ok", f"{counted(looked.there, 'file')} below .github/ are in step with the company")
    for path in found.edited:
        yield Check("files", "warning", f"{path} was edited: a newer aios does not renew it", "fine, if that was you")
    for finding in found.findings:
        state = "error" if finding.severity is Severity.ERROR else "warning"
        yield Check("files", state, f"{finding.path}: {finding.message}", finding.hint)
    if not looked.installable:
        hint = "aios github sync --aios-from 'aios @ git+https://…@COMMIT', then commit and push"
        yield Check("aios", "error", "the jobs do not know where to have aios from", hint)


def models(company: Company) -> Iterator[Check]:
    """Can a job reach the models that are configured?"""
    record = company.company_record()
    tiers = record.get("tiers") if record else None
    for tier in ("small", "large"):
        given = tiers.get(tier) if isinstance(tiers, Mapping) else None
        host = (urlsplit(str(given.get("base_url") or "")).hostname or "") if isinstance(given, Mapping) else ""
        if host.casefold() in RETIRED:
            hint = "any service that speaks OpenAI's chat completions does: change `base_url`, or leave the tier out"
            yield Check("model", "error", f"{tier}: GitHub Models ended on 2026-07-30 ({host})", hint)
        elif host in _HERE:
            hint = "steps of that tier are done offline there; or name a service that GitHub's machines reach"
            yield Check("model", "warning", f"{tier}: {host} is this machine, and no job's", hint)
