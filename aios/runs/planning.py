"""The effects that approving a gate would allow, exactly: payloads, keys and previews, from the tree as it stands."""

from __future__ import annotations

from aios.domain.effect import Connector
from aios.domain.proposal import PlannedEffect
from aios.domain.record import Record
from aios.domain.run import RunState
from aios.domain.tree import Tree
from aios.domain.workflow import StepKind
from aios.effects.material import Material
from aios.effects.payloads import plan as plan_effect
from aios.errors import InvalidError
from aios.runs.decide import inputs_of
from aios.runs.definitions import Definitions
from aios.runs.view import ancestors
from aios.runs.withheld import is_withheld
from aios.store.catalog import Catalog

# What a capability is about, where a workflow gives a plain id.
FEEDS = {"cms": "content", "mail": "message", "invoices": "invoice"}


def plan_effects(definitions: Definitions, state: RunState, tree: Tree, gate: str) -> tuple[PlannedEffect, ...]:
    """Effects of the steps behind `gate`, as far as they are known there. Raises InvalidError for a missing record."""
    workflow = definitions.workflow
    planned: list[PlannedEffect] = []
    catalog = Catalog(tree)
    material = Material(tree, catalog=catalog)
    for step in workflow.steps.values():
        if step.kind is not StepKind.EFFECT or gate not in ancestors(workflow, step.name):
            continue
        for item, inputs in inputs_of(workflow, state, step.name):
            connector = definitions.connector_for(step.uses)
            if connector is None:
                raise InvalidError(f"no connector offers {step.uses}", "see state/connectors/")
            record = record_of(catalog, step.uses, str(inputs["record"])) if "record" in inputs else None
            if record is not None and is_withheld(record):
                continue
            before = Catalog(definitions.tree).get(record.kind, record.id) if record else None
            capability = _capability(step.uses, connector, before)
            more = {name: value for name, value in inputs.items() if name != "record" and value not in (None, "")}
            planned.append(
                plan_effect(capability, connector, record, material, run=state.id, step=step.name, item=item, more=more)
            )
    return tuple(planned)


def _capability(wanted: str, connector: Connector, before: Record | None) -> str:
    """Publishing what is published already is updating it."""
    is_out = before is not None and before.get("status") == "published"
    return "cms.update" if wanted == "cms.publish" and is_out and "cms.update" in connector.capabilities() else wanted


def record_of(catalog: Catalog, capability: str, named: str) -> Record:
    """The record that feeds an effect: an id, of the kind that the capability is about, or `<kind>/<id>`."""
    kind, slash, record_id = named.removeprefix("state/").rpartition("/")
    kind = _kind(catalog, kind) if slash else FEEDS.get(capability.partition(".")[0], "content")
    record = catalog.get(kind, record_id)
    if record is None:
        raise InvalidError(f"there is no valid record {kind}/{record_id}", "`aios check` says what is wrong")
    return record


def _kind(catalog: Catalog, name: str) -> str:
    """A kind by its name or by its directory: `message` and `messages` are one."""
    kinds = catalog.schemas.kinds()
    about = {catalog.schemas.kind(kind).directory.removeprefix("state/").rstrip("/"): kind for kind in kinds}
    return name if name in kinds else about.get(name, name)
