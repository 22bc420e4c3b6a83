"""The way from an empty account on GitHub to the first merged proposal, as numbered steps with a link each. Pure.

Every link leads to the very page; where GitHub's page can be filled in by its address, it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from aios.runs.on_actions.keys import Keys

WEB = "https://github.com"
APP_ID, APP_KEY, PAGES = "AIOS_APP_CLIENT_ID", "AIOS_APP_PRIVATE_KEY", "AIOS_PAGES"
# Permission of a fine-grained token → level, and what it is for.
TOKEN: Mapping[str, tuple[str, str]] = {
    "contents": ("write", "pushes branches, main after your approval, and the ledger"),
    "pull_requests": ("write", "opens proposals, reads your comments, closes what you reject"),
    "statuses": ("write", "says on a proposal that it was verified"),
    "actions": ("write", "reads how jobs went, and starts one"),
    "workflows": ("write", "pushes changes of files below .github/workflows"),
    "administration": ("read", "`aios doctor --github` reads settings and branch protection"),
    "secrets": ("read", "`aios doctor --github` reads the names of secrets; nobody can read what they hold"),
    "actions_variables": ("read", "`aios doctor --github` reads variables"),
    "pages": ("read", "`aios doctor --github` looks whether there is a site"),
}
# Permission of an App → level. It does in the place of a job's token what the job `propose` does.
APP = {"actions": "write", "contents": "write", "pull_requests": "write", "statuses": "write"}


@dataclass(frozen=True, slots=True)
class Station:
    """One step of the way: what to do, where, and why."""

    title: str
    link: str = ""
    lines: tuple[str, ...] = ()


def new_repository(repository: str) -> str:
    owner, _, name = repository.partition("/")
    return f"{WEB}/new?{urlencode({'owner': owner, 'name': name, 'visibility': 'private'})}"


def settings(repository: str, page: str) -> str:
    return f"{WEB}/{quote(repository)}/settings/{page}"


def new_token(repository: str) -> str:
    name = repository.rpartition("/")[2]
    levels = {permission: level for permission, (level, _) in TOKEN.items()}
    filled = {"name": f"aios {name}"[:40], "description": f"aios on my machine, for {repository}", "expires_in": "90"}
    return f"{WEB}/settings/personal-access-tokens/new?{urlencode({**filled, **levels})}"


def new_app(repository: str) -> str:
    owner, _, name = repository.partition("/")
    filled = {
        "name": f"aios {owner} {name}"[:34],
        "url": f"{WEB}/{repository}",
        "public": "false",
        "webhook_active": "false",
    }
    return f"{WEB}/settings/apps/new?{urlencode({**filled, **APP})}"


def way(repository: str, keys: Keys, *, main: str, installable: bool, pushed_to: str = "origin") -> Iterator[Station]:
    """The steps in their order. `installable` tells whether jobs know where to have aios from."""
    yield Station(
        "Make the repository: empty, without a README",
        new_repository(repository),
        (
            "Private: records, memory and proposals of the company are for you alone. In a public one everybody reads",
            "customers, prices and drafts, and GitHub stops the schedules after 60 days without a commit.",
        ),
    )
    if not installable:
        yield Station(
            "Say where the jobs have aios from: yours lies on this machine alone",
            "",
            (
                "The jobs install it by pip, so it must be where they reach it: in a repository that everybody reads, or as",
                "a wheel that you commit (in the folder that you installed aios from: `pip wheel --no-deps -w WHERE .`):",
                "aios github sync --aios-from 'aios @ git+https://…@COMMIT' && git commit -am 'Where aios is from'",
                "aios github sync --aios-from ./aios-0.1.0-py3-none-any.whl && git add -A && git commit -m 'Our aios'",
            ),
        )
    yield Station(
        "Make a token for your machine, for this repository alone",
        new_token(repository),
        (
            "“Only select repositories”, then compare (GitHub does not always fill the page in):",
            *(f"  {name.replace('_', ' '):<18} {level:<6} {why}" for name, (level, why) in TOKEN.items()),
            "Keep it in the keyring (`forge: token: {keyring: aios/github}`), or export GITHUB_TOKEN=…",
            "Never under secrets: a proposal opened with your own token could not be approved by you.",
        ),
    )
    yield Station(
        "Push",
        "",
        (f"aios sync        with that token; where git has a key of its own, `git push -u {pushed_to} {main}` does too",),
    )
    yield Station(
        "Allow jobs to open pull requests",
        settings(repository, "actions"),
        (
            "Tick “Allow GitHub Actions to create and approve pull requests”: jobs open proposals. No approval but",
            "yours counts, whatever a bot clicks. “Read repository contents” is enough above it: each job names what",
            "it needs. Without the tick branches are pushed all the same, with a link that opens the pull request.",
        ),
    )
    if keys.all:
        yield Station(
            f"Set {len(keys.all)} secret{'s' if len(keys.all) > 1 else ''}",
            settings(repository, "secrets/actions/new"),
            tuple(f"{name.upper()}: {keys.about.get(name, '')} ({_jobs(name, keys)})" for name in keys.all),
        )
    yield Station(
        "If you like: an App instead of the job's token",
        new_app(repository),
        (
            "With the job's token nothing has to be set up; the checks of a pull request wait for a click of yours,",
            "and a status on the commit says what was verified. With an App of your own they run by themselves.",
            f"Install it on this repository, make a private key, set the variable {APP_ID} and the secret",
            f"{APP_KEY}:",
            settings(repository, "variables/actions/new"),
            settings(repository, "secrets/actions/new"),
        ),
    )
    yield Station("See whether all is there", "", ("aios doctor --github",))
    yield Station(
        "Start",
        f"{WEB}/{quote(repository)}/actions/workflows/aios-run.yml",
        (
            "“Run workflow” does what is due now, or the workflow that you name; or begin on your machine:",
            "aios run publish-content --input topic=… --input sources=FOLDER, then aios propose, which opens the pull",
            "request. Read it, change what you like on its branch, merge it: the job “apply” does the rest.",
        ),
    )


def _jobs(name: str, keys: Keys) -> str:
    """Which jobs are given a variable."""
    given = [("collect", keys.read), ("agents", keys.model), ("apply", keys.write)]
    return ", ".join(job for job, names in given if name in names)


LIMITS: Sequence[str] = (
    "On a free account, a private repository has no protected branches, no rulesets and no required reviewers: GitHub",
    "keeps nobody with write access from merging. The gate is aios' own and holds there too: `aios apply` acts only on",
    "what an approver merged, as it was reviewed. It has no Pages either: the dashboard is an artifact there.",
    "2,000 minutes of Actions a month are free in private repositories (public: not counted); when they are used up",
    "jobs wait for the next month, or for a spending limit of yours. `aios` on your machine goes on.",
)
