"""Is the machine and the company in order?"""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from aios.app import Company
from aios.diagnosis.check import Check
from aios.domain.finding import Severity
from aios.domain.model import Message, Request, Role
from aios.domain.wording import counted
from aios.errors import AiosError
from aios.founding import DRIVER
from aios.runs.connections import Connection
from aios.runs.connections_told import capabilities
from aios.store.git import require_version

LOW_DISK = 200 * 1024 * 1024  # bytes


def examine(start: Path) -> Iterator[Check]:
    """All checks, in the order in which a missing one would be noticed."""
    yield _python()
    yield _git()
    yield _sqlite()
    try:
        company = Company.find(start)
    except AiosError as error:
        yield Check("company", "error", error.message, error.hint)
        return
    yield Check("company", "ok", f"{company.root}, main is `{company.main}`")
    checks: tuple[Callable[[Company], Check], ...] = (
        _identity,
        _driver,
        _files,
        _outgoing,
        _meaning,
        _disk,
        _journals,
        _ledger,
    )
    for check in checks:
        try:
            yield check(company)
        except AiosError as error:
            yield Check(check.__name__.strip("_"), "error", error.message, error.hint)
    yield from _models(company)
    yield from _connectors(company)
    yield from _workflows(company)


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check("python", "ok", f"{version} at {sys.executable}")


def _git() -> Check:
    try:
        version = require_version()
    except AiosError as error:
        return Check("git", "error", error.message, error.hint)
    return Check("git", "ok", ".".join(str(part) for part in version))


def _sqlite() -> Check:
    options = {row[0] for row in sqlite3.connect(":memory:").execute("PRAGMA compile_options")}
    if "ENABLE_FTS5" not in options:
        return Check("sqlite", "error", f"{sqlite3.sqlite_version} without FTS5", "use a Python whose sqlite3 has FTS5")
    return Check("sqlite", "ok", f"{sqlite3.sqlite_version} with FTS5")


def _identity(company: Company) -> Check:
    identity = company.identity
    record = company.company_record()
    approvers = list(record.get("approvers", ()) if record else ())
    if approvers and identity.email.casefold() not in {str(each).casefold() for each in approvers}:
        return Check(
            "identity", "warning", f"{identity.email} may not approve here", f"the approvers are {', '.join(approvers)}"
        )
    return Check("identity", "ok", f"{identity.name} <{identity.email}>")


def _driver(company: Company) -> Check:
    if company.git.config("merge.aios.driver") != DRIVER:
        return Check(
            "merge",
            "warning",
            "git does not know how to merge records field by field",
            f"git config merge.aios.driver '{DRIVER}'",
        )
    if shutil.which("aios") is None:
        hint = f"export PATH={Path(sys.executable).parent}:$PATH"
        return Check("merge", "warning", "git will not find `aios`, which merges records field by field", hint)
    return Check("merge", "ok", "records merge field by field")


def _files(company: Company) -> Check:
    findings = company.check()
    wrong = sum(1 for finding in findings if finding.severity is Severity.ERROR)
    if wrong:
        return Check("records", "error", f"{wrong} errors in the company's files", "`aios check` lists them")
    return Check("records", "ok", f"in order ({len(findings)} remarks)" if findings else "in order")


def _outgoing(company: Company) -> Check:
    paused = company.paused()
    return Check("effects", "warning", paused) if paused else Check("effects", "ok", "allowed after approval")


def _meaning(company: Company) -> Check:
    coverage = company.memory.coverage(company.tree())
    if coverage is None:
        return Check("recall", "ok", "by words; by meaning too where `embedding` in state/company.yaml names a model")
    said = f"by words and by meaning: {coverage.done} of {counted(coverage.passages, 'passage')} by {coverage.model}"
    if coverage.done == coverage.passages:
        return Check("recall", "ok", said)
    failed = company.background.failure()
    return Check("recall", "warning", f"{said}; {failed}" if failed else said, "`aios memory refresh`")


def _models(company: Company) -> Iterator[Check]:
    """Each configured model is asked for one word."""
    try:
        models = company.models(company.tree(), cached=False)
    except AiosError as error:
        yield Check("model", "error", error.message, error.hint)
        return
    if not models:
        yield Check("model", "ok", "none is configured: agents work in the offline tier, from your own sources")
    yield from _unknown_agents(company)
    for tier, model in models.items():
        request = Request((Message(Role.USER, "Answer with the word ready."),), max_tokens=16)
        try:
            reply = model.complete(request, lambda _: None)
        except AiosError as error:
            yield Check("model", "error", f"{tier.value}: {error.message}", error.hint)
            continue
        priced = model.cost(reply.usage) is not None
        hint = "" if priced else f"its price is not known: `tiers.{tier.value}.price` in state/company.yaml"
        yield Check("model", "ok" if priced else "warning", f"{tier.value}: {model.name} answers", hint)


def _unknown_agents(company: Company) -> Iterator[Check]:
    """Who is to ask a model and cannot."""
    record = company.company_record()
    tiers = record.get("tiers") if record else None
    named = tiers.get("agents") if isinstance(tiers, Mapping) else None
    unknown = [str(name) for name in named or () if name not in company.context.assisted]
    if unknown:
        known = ", ".join(sorted(company.context.assisted)) or "none"
        names = ", ".join(f"`{name}`" for name in unknown)
        yield Check("model", "warning", f"`tiers.agents` names {names}, in the box: {known}", "leave out the others")


def _disk(company: Company) -> Check:
    free = shutil.disk_usage(company.root).free
    said = f"{free / 1024**3:.1f} GiB free"
    return Check("disk", "warning" if free < LOW_DISK else "ok", said, "free some space" if free < LOW_DISK else "")


def _journals(company: Company) -> Check:
    from aios.store.runlog import pending

    waiting = pending(company.git)
    if waiting:
        return Check("journals", "warning", f"{len(waiting)} interrupted run(s) hold finished steps", "`aios resume`")
    return Check("journals", "ok", "no interrupted work")


def _ledger(company: Company) -> Check:
    from aios.effects.ledger import Ledger

    unsettled = Ledger(company.git).unsettled()
    if unsettled:
        return Check(
            "ledger",
            "warning",
            f"{counted(len(unsettled), 'effect')} without a receipt",
            "`aios apply` looks them up, `aios reconcile` settles them",
        )
    return Check("ledger", "ok", "every claimed effect has its receipt")


def _connectors(company: Company) -> Iterator[Check]:
    """Each connector: can it be loaded, has it its secrets, does its service answer and accept them?"""
    for each in company.connections():
        if each.connector is None:
            yield from (Check("connector", "error", str(finding)) for finding in each.findings)
            continue
        wrong = [secret for secret in each.credentials if secret.wrong]
        for secret in wrong:
            yield Check(each.name, "error", f"{secret.named.variable} {secret.wrong}", secret.named.hint(each.name))
        if not wrong:
            yield _answers(each)


def _answers(each: Connection) -> Check:
    found = list(each.connector.check()) if each.connector else []
    if not found:
        return Check(each.name, "ok", f"offers {', '.join(sorted(capabilities(each)))}")
    bad = [finding for finding in found if finding.severity is Severity.ERROR]
    said = [*bad, *found][0]
    hint = said.hint
    if each.credentials and (said.rule.endswith("credentials") or "401" in said.message or "403" in said.message):
        hint = "; ".join(f"it was given {secret.named.variable}" for secret in each.credentials)
        hint = f"{hint}: is it still right? {each.credentials[0].named.hint(each.name)}"
    return Check(each.name, "error" if bad else "warning", said.message, hint)


def _workflows(company: Company) -> Iterator[Check]:
    """What could be run as well, with one connector more."""
    from aios.runs.definitions import waiting_for_connectors

    tree = company.tree()
    for name, why in waiting_for_connectors(tree, company.connectors(tree)).items():
        yield Check(name, "ok", f"not in use: {why}")
