"""The company's connectors as their operator looks at them: what each offers, how it is doing, what it waits for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aios.connectors.credentials import Credentials, Named, named, wrong
from aios.connectors.declaration import Declaration, declare
from aios.connectors.drift import DRIFT, Folder, accepted, changes_of, sentence
from aios.connectors.health import Health, health
from aios.connectors.quotas import Quota, quota
from aios.connectors.registry import CROSSINGS, KINDS, QUOTAS, iso
from aios.connectors.shapes import Change, Kind
from aios.connectors.sidecars.audit import crossings_of
from aios.connectors.sidecars.breaker import FILE, standing
from aios.domain.effect import Connector
from aios.domain.event import one_line
from aios.domain.finding import Finding
from aios.domain.names import CONNECTORS, SIGNALS
from aios.domain.tree import Tree
from aios.domain.wording import counted
from aios.effects.ledger import Ledger
from aios.errors import UsageError
from aios.store.documents import parse
from aios.store.explain import did_you_mean
from aios.store.git import Git


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret that the settings name. `wrong` says why it can be none; `age` since when it is what it is."""

    named: Named
    wrong: str
    age: timedelta | None


@dataclass(frozen=True, slots=True)
class Connection:
    """One connector. `connector` is None where its declaration cannot be used: `findings` say why. `paused` says why
    nothing goes out, `drift` names what its service changed, `rests` says until when the circuit breaker leaves it
    alone (empty where it does not), `unsettled` counts effects that wait for a receipt."""

    name: str
    declared: Declaration | None
    connector: Connector | None
    findings: tuple[Finding, ...]
    paused: str
    health: Health
    quota: Quota | None
    credentials: tuple[Credential, ...]
    drift: tuple[str, ...]
    rests: str
    unsettled: int

    @property
    def state(self) -> str:
        """In one word."""
        if self.connector is None or self.declared is None:
            return "broken"
        if any(each.wrong for each in self.credentials):
            return "no credentials"
        if self.health.denied:
            return "denied"
        if self.paused:
            return "paused"
        if self.rests:
            return "resting"
        return "failing" if self.health.failing else "ready" if self.health.since else "unused"

    @property
    def waits(self) -> tuple[str, ...]:
        """What has to happen before it does what it is for; empty where nothing has."""
        found = [finding.message for finding in self.findings[:1]]
        found += dict.fromkeys(f"{each.named.variable} {each.wrong}" for each in self.credentials if each.wrong)
        if self.health.denied:
            found.append("other credentials: the service does not accept these")
        if self.paused:
            found.append(self.paused)
        if self.rests:
            found.append(self.rests)
        if self.unsettled:
            found.append(f"{counted(self.unsettled, 'effect')} without a receipt (`aios apply`, `aios reconcile`)")
        if self.drift:
            found.append(f"a decision on what its service changed: {self.drift[0]}")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Desk:
    """What looking needs: `secret` gives the value of a variable, `paused` why a connector's effects are stopped."""

    git: Git
    local: Path
    now: datetime
    secret: Callable[[str], str | None]
    credentials: Credentials
    paused: Callable[[str], str]


def connections(
    desk: Desk, tree: Tree, connectors: Mapping[str, Connector], findings: list[Finding]
) -> list[Connection]:
    """Every connector that the tree declares, by name. Nothing is contacted."""
    unsettled = Counter(claim.connector for claim in Ledger(desk.git).unsettled())
    return [
        _connection(desk, tree, path, connectors, tuple(each for each in findings if each.path == path), unsettled)
        for path in sorted(tree.paths(CONNECTORS))
        if path.endswith(".yaml") and "/" not in path.removeprefix(CONNECTORS)
    ]


def one(all_: list[Connection], name: str) -> Connection:
    """The connector of that name. Raises UsageError for an unknown one, with what was meant."""
    known = {each.name: each for each in all_}
    if name not in known:
        listed = ", ".join(known) or "none"
        hint = did_you_mean(name, known) or f"the connectors here: {listed}"
        raise UsageError(f"there is no connector `{one_line(name, 60)}`", hint)
    return known[name]


def _connection(
    desk: Desk,
    tree: Tree,
    path: str,
    connectors: Mapping[str, Connector],
    findings: tuple[Finding, ...],
    unsettled: Mapping[str, int],
) -> Connection:
    name = path.removeprefix(CONNECTORS).removesuffix(".yaml")
    document, _ = parse(path, tree.read(path) or b"")
    declared = declare(document)[0] if document else None
    connector = connectors.get(name)
    return Connection(
        name=name,
        declared=declared,
        connector=connector,
        findings=findings if connector is None else (),
        paused=desk.paused(name),
        health=health(crossings_of(desk.local / CROSSINGS, name), desk.now),
        quota=quota(desk.local / QUOTAS, name),
        credentials=tuple(_credential(desk, each) for each in secrets_of(declared)),
        drift=_drift(desk.local, tree, name),
        rests=_rests(desk, name),
        unsettled=unsettled.get(name, 0),
    )


def secrets_of(declared: Declaration | None) -> list[Named]:
    """The secrets that its settings name."""
    if declared is None or declared.use not in KINDS:
        return []
    return named(declared.settings, KINDS[declared.use]().settings)


def _rests(desk: Desk, name: str) -> str:
    stands = standing(desk.local / FILE, name)
    if not stands.until:
        return ""
    until = iso(datetime.fromtimestamp(stands.until, UTC))
    said = f"it failed {stands.failures} times in a row"
    return (
        f"{said} and is left alone until {until}"
        if stands.until > desk.now.timestamp()
        else f"{said}: the next call finds out whether it is back"
    )


def _credential(desk: Desk, each: Named) -> Credential:
    value = desk.secret(each.variable)
    problem = wrong(value)
    if problem or value is None:
        return Credential(each, problem, None)
    desk.credentials.saw(each.variable, value)
    return Credential(each, "", desk.credentials.age(each.variable, value))


def _drift(local: Path, tree: Tree, connector: str) -> tuple[str, ...]:
    """What its service changed and nobody has accepted yet, in a line for each capability: seen here, or on record."""
    seen: dict[str, dict[str, Change]] = {}
    for drift in Folder(local / DRIFT).all():
        if drift.connector == connector and drift.asks:
            seen.setdefault(drift.capability, {}).update({each.id: each for each in drift.changes})
    for path in tree.paths(f"{SIGNALS}{connector}-drift-"):
        document, _ = parse(path, tree.read(path) or b"")
        inputs = document.data.get("inputs") if document else None
        if document and isinstance(inputs, Mapping) and inputs.get("connector") == connector:
            told = changes_of(inputs.get("changes"))
            if document.data.get("status") == "dismissed" and all(each.kind is Kind.ADDED for each in told):
                continue  # it passes as it is
            seen.setdefault(str(inputs.get("capability")), {}).update({each.id: each for each in told})
    agreed = accepted(tree, connector)
    found = []
    for capability, by_id in sorted(seen.items()):
        known = agreed.get(capability)
        settled = {*known.renamed, *known.types, *known.optional} if known else set()
        left = [each for each in by_id.values() if each.field not in settled]
        if left:
            found.append(one_line(f"{capability}: {sentence(left)}"))
    return tuple(found)
