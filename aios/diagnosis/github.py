"""`aios doctor --github`: does GitHub allow what aios needs there? Reads alone; what a token may not see is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aios.app import Company
from aios.app.on_github import Looked, look
from aios.diagnosis import github_files as local
from aios.diagnosis.check import Check
from aios.domain.forge import LOGIN, Facts, Host, Workflow
from aios.domain.wording import counted
from aios.errors import AiosError, TransientError
from aios.runs.on_actions.files import FOLDER, RUN
from aios.runs.on_actions.minutes import FREE, estimate
from aios.runs.on_actions.way import APP_ID, APP_KEY, PAGES, new_repository, new_token, settings

_SILENT = timedelta(days=2)  # the schedule fires once a day at least


@dataclass(frozen=True, slots=True)
class Place:
    """What is looked at. `host` answers for the repository, `facts` is what it says of it."""

    company: Company
    repository: str
    looked: Looked
    host: Host
    facts: Facts


def examine_github(start: Path, *, host: Host | None = None) -> Iterator[Check]:
    """All checks of working with GitHub, the first missing thing first. `host` stands in for the one on record."""
    try:
        company = Company.find(start)
        found = company.forge_settings
    except AiosError as error:
        yield Check("company", "error", error.message, error.hint)
        return
    if found is None:
        hint = "aios init --github OWNER/NAME"
        yield Check("forge", "error", "state/company.yaml names no repository on GitHub", hint)
        return
    yield Check("forge", "ok", f"proposals are pull requests of {found.repository}")
    yield local.approvers(company)
    yield local.remote(company, found.repository)
    looked = look(company, company.tree())
    yield from local.files(company, looked)
    yield from local.models(company)
    if host is None:
        yield token(company, found.repository)
        host = company.forge.host if company.forge and company.token() else None
    if host is not None:
        yield from _on_the_host(company, found.repository, looked, host)


def token(company: Company, repository: str) -> Check:
    from aios.forge.github.tokens import Kind, kind_of

    kind = kind_of(company.token())
    if kind is Kind.NONE:
        said = "there is none: settings, secrets, protection, Pages and runs were not looked at"
        hint = (
            f"make one at {new_token(repository)}, then export GITHUB_TOKEN=… (or `forge.token` in state/company.yaml)"
        )
        return Check("token", "warning", said, hint)
    if kind is Kind.CLASSIC:
        said = f"{kind}: it may do all that you may, in every repository of yours"
        return Check("token", "warning", said, f"a fine-grained one for this repository: {new_token(repository)}")
    return Check("token", "ok", str(kind))


def _on_the_host(company: Company, repository: str, looked: Looked, host: Host) -> Iterator[Check]:
    try:
        facts = host.facts()
    except AiosError as error:
        there = f"; is it there? {new_repository(repository)} makes it"
        hint = f"{error.hint}{'' if isinstance(error, TransientError) else there}".removeprefix("; ")
        yield Check("repository", "error", error.message, hint)
        return
    place = Place(company, repository, looked, host, facts)
    checks: Sequence[Callable[[Place], Iterator[Check]]] = (
        _repository,
        _jobs,
        _people,
        _workflows,
        _heartbeat,
        _secrets,
        _app,
        _protection,
        _pages,
        _minutes,
    )
    for check in checks:
        try:
            yield from check(place)
        except AiosError as error:
            yield Check(check.__name__.strip("_"), "warning", f"could not be looked at: {error.message}", error.hint)


def _repository(at: Place) -> Iterator[Check]:
    facts = at.facts
    if facts.archived:
        yield Check("repository", "error", "it is archived: nothing can be pushed", settings(at.repository, ""))
    if facts.fork:
        said = "it is a fork: GitHub keeps the schedules of forks off, and pull requests go astray to where it is from"
        yield Check(
            "repository", "warning", said, f"make one of its own and push there: {new_repository(at.repository)}"
        )
    if facts.default_branch != at.company.main:
        hint = f"git branch -m {at.company.main} {facts.default_branch}, or {settings(at.repository, 'branches')}"
        said = f"its default branch is `{facts.default_branch}`, main here is `{at.company.main}`"
        yield Check("repository", "error", said, hint)
    if facts.may and "push" not in facts.may:
        yield Check("repository", "error", "the token may not push", f"contents: write at {new_token(at.repository)}")
    if not facts.private:
        said = (
            "public: everybody reads records, memory and proposals, and schedules stop after 60 days without a commit"
        )
        yield Check("repository", "warning", said, f"“Change visibility” at {settings(at.repository, '')}")
    else:
        yield Check("repository", "ok", "private")
    if facts.methods and "merge" not in facts.methods:
        said = f"merge commits are not allowed, {' and '.join(facts.methods)} only"
        hint = (
            f"works too, verified by the run's record; `Allow merge commits` keeps more: {settings(at.repository, '')}"
        )
        yield Check("merging", "ok", said, hint)


def _jobs(at: Place) -> Iterator[Check]:
    facts, link = at.facts, settings(at.repository, "actions")
    if facts.actions is None:
        yield Check("jobs", "warning", "the token may not see how Actions is set", f"administration: read, or {link}")
        return
    if not facts.actions:
        yield Check("jobs", "error", "Actions is switched off", f"“Allow all actions” at {link}")
        return
    yield Check("jobs", "ok", "Actions is on")
    if facts.may_propose is False:
        hint = f"tick “Allow GitHub Actions to create and approve pull requests” at {link}, or use an App"
        said = "jobs may not open pull requests: branches are pushed, and you open each by a link"
        yield Check("proposals", "warning", said, hint)
    elif facts.may_propose:
        yield Check("proposals", "ok", "jobs may open pull requests; no approval but an approver's merge counts")
    if facts.default_permissions == "write":
        said = "a job that asks for nothing may write: none of ours does, another workflow of yours would"
        yield Check("permissions", "warning", said, f"“Read repository contents and packages permissions” at {link}")
    elif facts.default_permissions:
        yield Check("permissions", "ok", "a job that asks for nothing may read alone")


def _people(at: Place) -> Iterator[Check]:
    record = at.company.company_record()
    named = [str(each) for each in (record.get("approvers") or ())] if record else []
    for login in (each.removeprefix(LOGIN) for each in named if each.startswith(LOGIN)):
        may = at.host.permission(login)
        if may not in {"admin", "maintain", "write"}:
            said = f"{login} approves, and may not merge there ({may})"
            yield Check("approvers", "error", said, f"invite them: {settings(at.repository, 'access')}")


def _workflows(at: Place) -> Iterator[Check]:
    there = {each.path: each for each in at.host.workflows()}
    missing = [path for path in _ours(at) if path not in there]
    if missing:
        hint = (
            f"git push {at.company.forge_settings.remote if at.company.forge_settings else 'origin'} {at.company.main}"
        )
        yield Check("workflows", "error", f"GitHub does not have {', '.join(missing)}", hint)
    off = [there[path] for path in _ours(at) if path in there and there[path].state != "active"]
    for each in off:
        yield Check("workflows", "error", f"{each.path} is off: {_why(each)}", f"“Enable workflow” at {each.url}")
    if not missing and not off:
        yield Check("workflows", "ok", "all are there and on")


def _ours(at: Place) -> list[str]:
    tree = at.company.tree()
    return [path for path in tree.paths(f"{FOLDER}workflows/aios-") if path.endswith((".yml", ".yaml"))]


def _why(workflow: Workflow) -> str:
    if workflow.state == "disabled_inactivity":
        return "GitHub stops schedules of public repositories after 60 days without a commit"
    return workflow.state.replace("_", " ")


def _heartbeat(at: Place) -> Iterator[Check]:
    runs = [run for run in at.host.runs(RUN.rpartition("/")[2]) if run.event == "schedule"]
    link = f"https://github.com/{at.repository}/actions/workflows/{RUN.rpartition('/')[2]}"
    if not runs:
        said = "the schedule never fired: it does some hours after the files are on the default branch"
        yield Check("heartbeat", "warning", said, f"“Run workflow” at {link} does what is due now")
        return
    age = at.company.clock() - _moment(runs[0].at)
    days = counted(age.days, "day")
    if age > _SILENT:
        said = f"the schedule last fired {days} ago: is it off, or are the minutes of the month used up?"
        yield Check("heartbeat", "error", said, link)
    elif runs[0].conclusion not in {"", "success", "skipped"}:
        yield Check("heartbeat", "warning", f"the newest scheduled run ended as {runs[0].conclusion}", runs[0].url)
    else:
        yield Check("heartbeat", "ok", f"the schedule fired at {runs[0].at}")


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _secrets(at: Place) -> Iterator[Check]:
    keys, there = at.looked.wish.keys, {name.upper() for name in at.host.secrets()}
    missing = [name for name in keys.all if name.upper() not in there]
    link = settings(at.repository, "secrets/actions")
    for name in missing:
        said = f"{name.upper()} is not set: {keys.about.get(name, '')}"
        yield Check("secrets", "error", said, f"{link}/new")
    unused = sorted(there - {name.upper() for name in keys.all} - {APP_KEY})
    if unused:
        yield Check(
            "secrets", "warning", f"no job is given {', '.join(unused)}", f"needed elsewhere? Else delete: {link}"
        )
    if not missing:
        yield Check("secrets", "ok", f"all {len(keys.all)} are set" if keys.all else "none is needed")


def _app(at: Place) -> Iterator[Check]:
    has_id, has_key = bool(at.host.variables().get(APP_ID)), APP_KEY in at.host.secrets()
    if has_id and not has_key:
        hint = settings(at.repository, "secrets/actions/new")
        yield Check("app", "error", f"{APP_ID} is set and the secret {APP_KEY} is not: nothing can be proposed", hint)
    elif has_key and not has_id:
        hint = settings(at.repository, "variables/actions/new")
        yield Check(
            "app", "warning", f"the secret {APP_KEY} is set and the variable {APP_ID} is not: it is unused", hint
        )
    elif has_id:
        yield Check("app", "ok", "proposals are opened by an App: their checks run by themselves")
    else:
        said = (
            "proposals are opened with the job's token: their checks wait for a click, a status says what was verified"
        )
        yield Check("app", "ok", said)


def _protection(at: Place) -> Iterator[Check]:
    guard = at.host.guard(at.facts.default_branch)
    if guard.protected or guard.rules:
        rules = f": {', '.join(guard.rules)}" if guard.rules else ""
        said = f"{at.facts.default_branch} is protected{rules}; aios' own gate holds besides"
        yield Check(
            "protection", "ok", said, "jobs have to push to it what was applied: let GitHub Actions bypass the rules"
        )
        return
    said = (
        f"nothing guards {at.facts.default_branch}: the gate is `aios apply`, which acts on an approver's merge alone"
    )
    hint = "" if guard.rules is None else f"a second wall, if you like: {settings(at.repository, 'rules')}"
    yield Check("protection", "ok", said, hint)


def _pages(at: Place) -> Iterator[Check]:
    site, wanted = at.host.pages(), at.host.variables().get(PAGES) == "true"
    link = settings(at.repository, "pages")
    if wanted and not site:
        yield Check("pages", "error", f"{PAGES} is true, and there is no site", f"Source: GitHub Actions, at {link}")
    elif wanted and at.facts.private:
        said = f"the dashboard of a private company is published at {site}: everybody can read it"
        hint = f"meant so? Else take {PAGES} away: {settings(at.repository, 'variables/actions')}"
        yield Check("pages", "warning", said, hint)
    elif wanted:
        yield Check("pages", "ok", f"the dashboard is at {site}")
    else:
        yield Check("pages", "ok", "the dashboard is kept as the artifact `dashboard` of each run of aios pages")


def _minutes(at: Place) -> Iterator[Check]:
    wished = at.looked.wish
    total = sum(each.minutes for each in estimate(wished.schedules, at.looked.workflows.values(), wished.timezone))
    if not at.facts.private:
        yield Check("minutes", "ok", f"about {total} in 30 days; public repositories are not counted")
        return
    said = f"about {total} of {FREE:,} in 30 days, if each job takes one minute"
    hint = "fewer schedules in workflows/*.yaml, then `aios github sync`" if total > FREE else ""
    yield Check("minutes", "warning" if total > FREE else "ok", said, hint)
