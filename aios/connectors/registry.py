"""From `state/connectors/*.yaml` to connectors in their stacks of sidecars."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aios.connectors.declaration import Declaration, Mode, declare
from aios.connectors.drift import DRIFT, accepted, known, to_folder
from aios.connectors.sidecars.guard import SchemaPolicy
from aios.connectors.sidecars.redact import Redact, Secrets
from aios.connectors.surroundings import Surroundings
from aios.domain.effect import Capability, Connector
from aios.domain.finding import Finding, Severity, errors
from aios.domain.names import CONNECTORS
from aios.domain.record import Document, Where
from aios.domain.tree import Tree
from aios.errors import AiosError
from aios.store.documents import parse
from aios.store.explain import did_you_mean, explain, name_of
from aios.store.secrets import secrets_in

if TYPE_CHECKING:
    from aios.connectors.drift import Drift
    from aios.connectors.shapes import Accepted
    from aios.connectors.sidecars.audit import Crossing
    from aios.connectors.sidecars.record import Exchange

# In the folder for what can be rebuilt:
CROSSINGS, QUOTAS = "crossings", "quotas"
Connect = Callable[[str, Mapping[str, Any], Surroundings], Connector]


@dataclass(frozen=True, slots=True)
class Kind:
    """A connector in the box: the schema of its settings, what it offers, how one is made.

    `offers` gives the capabilities where they are the settings' to say; `wrong` what is wrong with settings that fit
    their schema: where in them, what, what to do, and how bad it is.
    """

    settings: Mapping[str, Any]
    capabilities: Mapping[str, Capability]
    connect: Connect
    offers: Callable[[Mapping[str, Any]], Mapping[str, Capability]] | None = None
    wrong: Callable[[Mapping[str, Any]], Iterable[tuple[Where, str, str, Severity]]] = lambda _: ()


def _static_site() -> Kind:
    from aios.connectors.static_site import connector

    return Kind(connector.SETTINGS, connector.CAPABILITIES, connector.connect)


def _access_log() -> Kind:
    from aios.connectors.access_log import connector

    return Kind(connector.SETTINGS, connector.CAPABILITIES, connector.connect)


def _mcp() -> Kind:
    from aios.connectors.mcp import connector

    return Kind(connector.SETTINGS, {}, connector.connect, connector.offers, connector.wrong)


def _files() -> Kind:
    from aios.connectors.files import connector

    return Kind(connector.SETTINGS, connector.CAPABILITIES, connector.connect)


def _ghost() -> Kind:
    from aios.connectors.ghost import connector

    return Kind(connector.SETTINGS, connector.CAPABILITIES, connector.connect)


def _wordpress() -> Kind:
    from aios.connectors.wordpress import connector

    return Kind(connector.SETTINGS, connector.CAPABILITIES, connector.connect)


def _plausible() -> Kind:
    from aios.connectors import plausible

    return Kind(plausible.SETTINGS, plausible.CAPABILITIES, plausible.connect)


def _stripe() -> Kind:
    from aios.connectors.stripe import connector

    return Kind(connector.SETTINGS, connector.CAPABILITIES, connector.connect)


def _mail() -> Kind:
    from aios.connectors.mail import connector

    return Kind(connector.SETTINGS, connector.CAPABILITIES, connector.connect)


def _http() -> Kind:
    from aios.connectors.http_manifest import connector, manifest, mistakes

    return Kind(manifest.SETTINGS, {}, connector.connect, manifest.capabilities, mistakes.wrong)


KINDS: Mapping[str, Callable[[], Kind]] = {
    "access-log": _access_log,
    "files": _files,
    "ghost": _ghost,
    "http": _http,
    "mail": _mail,
    "mcp": _mcp,
    "plausible": _plausible,
    "static-site": _static_site,
    "stripe": _stripe,
    "wordpress": _wordpress,
}


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where sidecars tell what crossed the boundary. Without `record` nothing is recorded."""

    audit: Callable[[Crossing], None]
    record: Callable[[Exchange], None] | None = None
    drift: Callable[[Drift], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Learned:
    """What the tree tells of a service's shapes beside the declaration, by capability."""

    accepted: Mapping[str, Accepted] = field(default_factory=dict)
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)


def stack(
    connector: Connector,
    declared: Declaration,
    around: Surroundings,
    sinks: Sinks,
    secrets: Secrets,
    learned: Learned = Learned(),
) -> Connector:
    """The one place that says which sidecars stand around a connector, from the inside out."""
    from aios.connectors.sidecars.allowed import Allowed
    from aios.connectors.sidecars.audit import Audit
    from aios.connectors.sidecars.breaker import FILE, Breaker
    from aios.connectors.sidecars.dry_run import DryRun
    from aios.connectors.sidecars.guard import Guard
    from aios.connectors.sidecars.limits import Bounds, Limits
    from aios.connectors.sidecars.map import Map
    from aios.connectors.sidecars.observe import Observe
    from aios.connectors.sidecars.rate_limit import RateLimit
    from aios.connectors.sidecars.record import Record
    from aios.connectors.sidecars.retry import Retry

    def moment() -> float:
        return around.clock().timestamp()

    if sinks.record is not None:
        connector = Record(connector, sinks.record, secrets.scrub)
    if declared.bounds != Bounds():
        connector = Limits(connector, declared.bounds)
    if declared.rates:  # within the retries: each attempt is a call
        connector = RateLimit(connector, declared.rates, around.local / "rates.sqlite", moment, around.pause)
    if declared.breaker:  # around the rate limit: what is not called does not wait its turn
        connector = Breaker(connector, *declared.breaker, around.local / FILE, moment)
    if declared.attempts > 1:
        connector = Retry(connector, declared.attempts, declared.backoff, declared.ceiling)
    # In the service's words, as its shape is declared.
    connector = Guard(
        connector, declared.schema_policy, learned.accepted, learned.known, sinks.drift, declared.place("schema_policy")
    )
    if declared.mode is Mode.OBSERVE:
        connector = Observe(connector)
    if declared.mode is Mode.DRY_RUN:
        connector = DryRun(connector)
    if declared.translations:  # around the mode: a dry run shows what would be sent
        connector = Map(connector, declared.translations, lambda capability: declared.place("map", capability))
    # From here on in ours.
    if declared.capabilities is not None:
        connector = Allowed(connector, declared.capabilities)
    connector = Redact(connector, secrets)
    return Audit(connector, sinks.audit, lambda: iso(around.clock()), secrets.scrub)


def layers(connector: Connector) -> list[str]:
    """What stands around a connector, from the outside in; the connector itself is the last."""
    from aios.connectors.sidecars.passing import Passing

    found = [_word(connector)]
    while isinstance(connector, Passing):
        connector = connector.inner
        found.append(_word(connector))
    return found


def _word(connector: Connector) -> str:
    """`RateLimit` → `rate-limit`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(connector).__name__.removesuffix("Connector")).lower()


def load(
    tree: Tree,
    *,
    root: Path,
    local: Path,
    secret: Callable[[str], str | None],
    clock: Callable[[], datetime],
    pause: Callable[[float], None] = time.sleep,
    sinks: Sinks | None = None,
    kinds: Mapping[str, Callable[[], Kind]] = KINDS,
) -> tuple[dict[str, Connector], list[Finding]]:
    """The connectors of a tree by name, sorted, and what is wrong with those that are missing among them.

    `root` is the company's directory: relative paths of settings start there. `local` is the directory for what can be
    rebuilt; without `sinks` the audit goes to `crossings/` in it, and drift to its folder `drift`. Nothing is contacted
    or written here.
    """
    from aios.connectors.quotas import keep
    from aios.connectors.sidecars.audit import by_connector

    secrets = Secrets(secret)
    around = Surroundings(root, local, clock, secrets, pause, keep(local / QUOTAS, lambda: iso(clock())))
    sinks = sinks or Sinks(by_connector(local / CROSSINGS), drift=to_folder(local / DRIFT))
    found: dict[str, Connector] = {}
    findings: list[Finding] = []
    for path in tree.paths(CONNECTORS):
        if not path.endswith(".yaml") or "/" in path.removeprefix(CONNECTORS):
            continue
        declared, problems = _read(path, tree.read(path) or b"", kinds)
        findings += problems
        if declared is None:
            continue
        try:
            connector = kinds[declared.use]().connect(declared.name, declared.settings, around)
        except AiosError as error:
            place = declared.document.position(("settings",))
            findings.append(Finding(path, *place, "connector-settings", error.message, error.hint))
            continue
        problems = _kept_by_nobody(declared, connector)
        findings += problems
        if not errors(problems):
            learned = Learned(accepted(tree, declared.name), known(tree, declared.name))
            found[declared.name] = stack(connector, declared, around, sinks, secrets, learned)
    return found, findings


def by_capability(connectors: Mapping[str, Connector], capability: str) -> Connector | None:
    """The connector that offers a capability: the first by name where several do; None where none does."""
    return next((each for _, each in sorted(connectors.items()) if capability in each.capabilities()), None)


def ignored_fields(tree: Tree) -> dict[str, frozenset[str]]:
    """By connector: the fields, as `kind.field`, that its service may hold otherwise than our records."""
    found: dict[str, frozenset[str]] = {}
    for path in tree.paths(CONNECTORS):
        document = parse(path, tree.read(path) or b"")[0] if path.endswith(".yaml") else None
        rules = document.data.get("reconcile") if document else None
        names = rules.get("ignore") if isinstance(rules, Mapping) else None
        if isinstance(names, list):
            found[path.removeprefix(CONNECTORS).removesuffix(".yaml")] = frozenset(map(str, names))
    return found


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read(
    path: str, content: bytes, kinds: Mapping[str, Callable[[], Kind]]
) -> tuple[Declaration | None, list[Finding]]:
    document, findings = parse(path, content)
    if document is None:
        return None, findings
    findings = [*findings, *_secrets(document)]
    declared, problems = declare(document)
    findings += problems
    if declared is None:
        return None, findings
    if declared.use not in kinds:
        place = document.position(("use",))
        hint = did_you_mean(declared.use, kinds) or f"there are {', '.join(kinds)}"
        message = f"there is no connector `{declared.use[:60]}`"
        return None, [*findings, Finding(path, *place, "connector-use", message, hint)]
    kind = kinds[declared.use]()
    schema = {"type": "object", "required": ["settings"], "properties": {"settings": kind.settings}}
    judged = _judged(schema, declared)
    if not judged:
        judged = [
            Finding(path, *document.position(("settings", *where)), "connector-settings", message, hint, severity)
            for where, message, hint, severity in kind.wrong(declared.settings)
        ]
    findings += judged
    in_order = not errors(judged)
    offers = kind.offers(declared.settings) if kind.offers and in_order else kind.capabilities
    for index, name in enumerate(document.data.get("capabilities") or ()):
        if name not in offers and (in_order or not kind.offers):
            place = document.position(("capabilities", index))
            hint = did_you_mean(name, offers) or f"it offers {', '.join(offers)}"
            message = f"{declared.use} does not offer {name[:60]}"
            findings.append(Finding(path, *place, "connector-capability", message, hint))
    return (None if errors(findings) else declared), findings


def _kept_by_nobody(declared: Declaration, connector: Connector) -> list[Finding]:
    """`map` names only what the connector offers, and a schema policy has a shape to hold the service to."""
    offered = connector.capabilities() if declared.translations or "schema_policy" in declared.document.data else {}
    found = [
        Finding(
            *declared.place("map", name),
            "connector-map",
            f"{declared.use} does not offer {name[:60]}",
            did_you_mean(name, offered) or f"it offers {', '.join(offered)}",
        )
        for name in declared.translations
        if name not in offered
    ]
    if declared.schema_policy is not SchemaPolicy.EVOLVE and not any(each.result for each in offered.values()):
        message = f"nothing says what {declared.use} gives: `schema_policy` has nothing to compare with"
        hint = "of `use: http`, `gives` says it; else leave it out"
        place = declared.place("schema_policy")
        found.append(Finding(*place, "connector-schema-policy", message, hint, Severity.WARNING))
    return found


def _secrets(document: Document) -> list[Finding]:
    hint = "name an environment variable, `{env: NAME}`, and replace the secret at its service"
    return [
        Finding(document.path, *document.position(where), "secret", f"{name_of(where)}{why}", hint)
        for where, why in secrets_in(document.data, opaque=True)
    ]


def _judged(schema: Mapping[str, Any], declared: Declaration) -> list[Finding]:
    from aios.store.validators import compiled

    data = {"settings": dict(declared.settings)}
    valid = compiled(schema)
    if valid is not None and valid(data):
        return []
    document = replace(declared.document, data=data)
    return explain(schema, data, document, kind=f"{declared.use} connector")
