"""Which secrets which job is given: those that reads of connectors name, those of models, those of writes. No value is
ever looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aios.connectors.credentials import Named
from aios.connectors.declaration import Declaration, Mode, declare
from aios.domain.effect import Connector
from aios.domain.finding import Finding, Severity
from aios.domain.names import COMPANY, CONNECTORS
from aios.domain.record import Document
from aios.domain.tree import Tree
from aios.domain.workflow import StepKind
from aios.runs.connections import secrets_of
from aios.runs.definitions import check_workflows
from aios.store.documents import parse

_TIERS = ("small", "large")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# What the machinery of a job is steered by: no secret may stand in its place.
_STEERING = re.compile(
    r"(?:GITHUB|RUNNER|ACTIONS|INPUT|AIOS|LD|DYLD|PYTHON|PIP|GIT|NODE|NPM|BASH|SSL|CURL)_|"
    r"(?:PATH|HOME|SHELL|USER|IFS|ENV|SHELLOPTS|CDPATH|TMPDIR|TZ|CI|PS4|PROMPT_COMMAND|HTTPS?_PROXY|PYTHONPATH)\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Keys:
    """Variables of each kind of job, sorted. `about` says of each what it is for and where one gets it."""

    read: tuple[str, ...]
    model: tuple[str, ...]
    write: tuple[str, ...]
    about: Mapping[str, str]
    findings: tuple[Finding, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(sorted({*self.read, *self.model, *self.write}))


def needed(tree: Tree, connectors: Mapping[str, Connector]) -> Keys:
    """What the connectors and tiers of a tree need. `connectors` are those that could be loaded from it."""
    jobs: dict[str, set[str]] = {"read": set(), "model": set(), "write": set()}
    collected = _collected(tree, connectors)
    about: dict[str, str] = {}
    findings: list[Finding] = []
    for document, declared, connector in _declared(tree, connectors):
        for each in secrets_of(declared):
            found = _wrong(document, tuple(each.where.split(".")), each.variable)
            findings += found
            if not found:
                about.setdefault(each.variable, _told(declared, each))
                for job in _uses(declared, connector, each, collected):
                    jobs[job].add(each.variable)
    for variable, where, document in _models(tree, findings):
        found = _wrong(document, where, variable)
        findings += found
        if not found:
            about.setdefault(variable, f"the {where[1]} tier's model (state/company.yaml)")
            jobs["model"].add(variable)
    read, model, write = (tuple(sorted(jobs[job])) for job in ("read", "model", "write"))
    return Keys(read, model, write, about, tuple(findings))


def _declared(tree: Tree, connectors: Mapping[str, Connector]) -> Iterator[tuple[Document, Declaration, Connector]]:
    for path in sorted(tree.paths(CONNECTORS)):
        if not path.endswith(".yaml") or "/" in path.removeprefix(CONNECTORS):
            continue
        document, _ = parse(path, tree.read(path) or b"")
        declared = declare(document)[0] if document else None
        if document and declared and declared.name in connectors:
            yield document, declared, connectors[declared.name]


def _collected(tree: Tree, connectors: Mapping[str, Connector]) -> frozenset[str]:
    """The capabilities that steps of workflows collect with."""
    workflows, _ = check_workflows(tree, connectors)
    steps = (step for workflow in workflows.values() for step in workflow.steps.values())
    return frozenset(step.uses for step in steps if step.kind is StepKind.COLLECT)


def _uses(declared: Declaration, connector: Connector, secret: Named, collected: frozenset[str]) -> Iterator[str]:
    """The jobs that need it: a reading job where a workflow reads by it, no job where who holds it only observes."""
    from aios.connectors.registry import KINDS

    offered = connector.capabilities()
    section = secret.where.split(".")[1] if "." in secret.where else ""
    schema = KINDS[declared.use]().settings.get("properties", {}).get(section, {})
    read = any(name in collected for name, each in offered.items() if not each.writes)
    if read and schema.get("x-only") != "writes":
        yield "read"
    if any(each.writes for each in offered.values()) and declared.mode is not Mode.OBSERVE:
        yield "write"


def _models(tree: Tree, findings: list[Finding]) -> Iterator[tuple[str, tuple[str, ...], Document]]:
    """Variable, place and document of each tier's key."""
    content = tree.read(COMPANY)
    document = parse(COMPANY, content)[0] if content is not None else None
    tiers = document.data.get("tiers") if document else None
    for tier in _TIERS:
        given: Any = tiers.get(tier) if isinstance(tiers, Mapping) else None
        if document is None or not isinstance(given, Mapping) or not given.get("model"):
            continue
        field = "key" if given.get("key") else "key_env"
        default = "" if given.get("base_url") else "OPENAI_API_KEY"
        named = str(given.get(field) or default).removeprefix("env:")
        where = ("tiers", tier, field)
        if named.startswith("keyring:"):
            message = f"the {tier} tier's key lies in the keyring of a machine: jobs on GitHub have none"
            hint = "`key_env: NAME` reads it from a variable: on GitHub from the secret NAME"
            place = document.position(where)
            findings.append(Finding(COMPANY, *place, "github-key", message, hint, Severity.WARNING))
        elif named:
            yield named, where, document


def _wrong(document: Document, where: tuple[str, ...], variable: str) -> list[Finding]:
    """Why a variable cannot come from a secret of GitHub."""
    if _NAME.match(variable) and not _STEERING.match(variable):
        return []
    message = f"no secret of GitHub's can be given to jobs as `{variable[:60]}`"
    hint = "name another variable: letters, digits and _, none that steers a job (GITHUB_…, PATH, GIT_…)"
    return [Finding(document.path, *document.position(where), "github-key", message, hint)]


def _told(declared: Declaration, secret: Named) -> str:
    about = f": {secret.about}" if secret.about else ""
    return f"the connector {declared.name} ({declared.use}){about}"


def lines(variables: tuple[str, ...]) -> list[str]:
    """Lines of an `env:`; GitHub knows the names of secrets in capitals."""
    return [f"{name}: ${{{{ secrets.{name.upper()} }}}}" for name in variables]
