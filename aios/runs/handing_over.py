"""From one job to the next: a place where one order is worked on, and what is handed over of it.

An order is worked on in a passing repository that has main and the run's branch as the order says, and nothing else:
whatever else the clone holds, the same order gives the same, and no ref of the clone moves. What comes out is one
bundle and one JSON file; whoever takes them in trusts neither.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from aios import __version__
from aios.connectors.drift import Drift, data_of, drift_of
from aios.domain.event import one_line
from aios.domain.handoff import HEAD, TRACES, Handoff, Order, Stage
from aios.domain.names import TRACES as TRACES_BRANCH
from aios.domain.names import branch_of
from aios.errors import InvalidError, RefusedError
from aios.runs.beginnings import begins_at
from aios.runs.context import AIOS_EMAIL, AIOS_NAME, Context
from aios.runs.session import open_session
from aios.runs.start import start_run
from aios.store.beside import beside
from aios.store.bundles import Header, take_in, write
from aios.store.commits import commit_object
from aios.store.git import Git

BUNDLE, HANDOFF = "run.bundle", "handoff.json"
SIZE = 64 * 1024  # bytes of a handoff
DRIFTS = 32 * 1024  # characters of drifts in it: what does not fit is seen again by the next read


@dataclass(frozen=True, slots=True)
class Bench:
    """Where an order is worked on. `context` is that of the passing repository; `base` is the commit from which the
    stage began, `collected` what the stage for reading left (empty where there was none), `drift` what it told of."""

    context: Context
    order: Order
    base: str
    collected: str = ""
    drift: str = ""

    @property
    def git(self) -> Git:
        return self.context.git

    @property
    def head(self) -> str:
        """The run's commit; main's, where it has no branch."""
        return self.git.rev(f"refs/heads/{branch_of(self.order.run)}") or self.order.main


@contextmanager
def bench(context: Context, order: Order, received: Path | None = None) -> Iterator[Bench]:
    """A place to work on an order, on top of what an earlier stage handed over (a folder with its two files).

    Raises RefusedError where the clone lacks what the order builds on, InvalidError where what was received is not in
    order, or does not belong to the order.
    """
    missing = next((oid for oid in (order.main, order.tip) if oid and context.git.rev(oid) is None), "")
    if missing:
        raise RefusedError(f"the order {order.id} builds on {missing[:10]}, which is not here", "fetch all branches")
    branch = f"refs/heads/{branch_of(order.run)}"
    base = begins_at(context.git, order)
    refs = {f"refs/heads/{context.main}": order.main} | ({branch: base} if base != order.main else {})
    with beside(context.git, refs) as git:
        here = replace(context, git=git)
        if received is None:
            yield Bench(here, order, base)
            return
        told = receive(git, order, received)
        if told.head != base:
            git.update_ref(branch, told.head, refs.get(branch), reason="aios: received")
        if told.traces:
            git.update_ref(TRACES_BRANCH, told.traces, None, reason="aios: received")
        collected = told.head if told.stage is Stage.COLLECT else told.collected
        yield Bench(here, order, told.head, collected, told.drift)


def begin(place: Bench) -> str:
    """The order's run, started where it is not there yet."""
    order, context = place.order, place.context
    if order.start and context.git.rev(f"refs/heads/{branch_of(order.run)}") is None:
        start = order.start
        run = start_run(context, str(start["workflow"]), dict(start["inputs"]), trigger=dict(start["trigger"]))
        if run != order.run:
            raise InvalidError(f"the order {order.id} is for {order.run}, and what it starts is {run}", "plan anew")
    return order.run


def receive(git: Git, order: Order, folder: Path) -> Handoff:
    """Take in what a stage handed over for an order: its objects are in `git` then, named by no ref."""
    told = read(folder, order)
    header = take_in(git, folder / BUNDLE)
    _require_alike(folder, told, header)
    for name, oid in (("tip", begins_at(git, order)), ("collected", told.collected)):
        if oid and not git.is_ancestor(oid, told.head):
            raise _wrong(folder, f"its head does not build on the order's {name} {oid[:10]}")
    return told


def _require_alike(folder: Path, told: Handoff, header: Header) -> None:
    named = {HEAD: told.head} | ({TRACES: told.traces} if told.traces else {})
    if dict(header.refs) != named:
        raise _wrong(folder, f"{BUNDLE} holds other commits than {HANDOFF} says")


def read(folder: Path, order: Order) -> Handoff:
    """The JSON file of a handoff. Raises InvalidError for what is none, or one for another order."""
    try:
        content = (folder / HANDOFF).read_bytes()
    except OSError as error:
        raise _wrong(folder, f"{HANDOFF} cannot be read ({error.strerror})") from error
    names = {each.name for each in fields(Handoff)}
    try:
        data = json.loads(content) if len(content) <= SIZE else None
    except (ValueError, RecursionError) as error:
        raise _wrong(folder, f"{HANDOFF} is no JSON: {one_line(str(error))}") from error
    if not isinstance(data, dict) or set(data) != {"schema", *names} or data["schema"] != "handoff.v1":
        raise _wrong(folder, f"{HANDOFF} has not the fields of a handoff")
    if not all(isinstance(value, str) for value in data.values()) or data["stage"] not in tuple(Stage):
        raise _wrong(folder, f"{HANDOFF} has a field that is no text, or an unknown stage")
    told = Handoff(**{name: data[name] for name in names} | {"stage": Stage(data["stage"])})
    if (told.order, told.run, told.main, told.tip) != (order.id, order.run, order.main, order.tip):
        raise _wrong(folder, f"it is for another order than {order.id} ({order.run})")
    return told


def hand_over(place: Bench, stage: Stage, folder: Path, *, note: str = "", without: str = "") -> Handoff:
    """Write the two files for what stands in the place; they are there whole or not at all, the JSON file last.

    `without` is what the receiver has, where that is more than what the order builds on.
    """
    git, order = place.git, place.order
    _flush(place)
    head, traces = place.head, _traces(place)
    refs = {HEAD: head} | ({TRACES: traces} if traces else {})
    if not git.is_ancestor(place.base, head):
        raise RefusedError(f"{branch_of(order.run)} was rewritten while it was worked on", "nothing is handed over")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / HANDOFF).unlink(missing_ok=True)
    write(git, folder / BUNDLE, refs, without=[without or begins_at(git, order)])
    told = Handoff(
        order=order.id,
        run=order.run,
        main=order.main,
        tip=order.tip,
        collected=place.collected,
        head=head,
        traces=traces,
        stage=stage,
        version=__version__,
        note=one_line(note, 500),
        drift=_drifts(place.context) if stage is Stage.COLLECT else place.drift,
    )
    part = folder / f"{HANDOFF}.part"
    part.write_text(json.dumps(told.as_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    part.replace(folder / HANDOFF)
    return told


def keep_drift(context: Context, told: Handoff) -> int:
    """Note down what services were seen to give in another shape, for `put_on_record`; how much was said.

    Raises InvalidError for what is none.
    """
    if not told.drift or context.drift is None:
        return 0
    try:
        data = json.loads(told.drift)
        found = [drift_of(each) for each in (data if isinstance(data, list) else [data])]
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"the order {told.order} tells of drift that is none: {one_line(str(error))}") from error
    for drift in found:
        context.drift.add(drift)
    return len(found)


def _flush(place: Bench) -> None:
    """Bring into git what a failure left in the journal."""
    run, git = place.order.run, place.git
    if (git.dir / "aios").is_dir():
        with open_session(place.context, run):
            pass


def _traces(place: Bench) -> str:
    """The traces so far as one commit that stands alone; empty where there are none."""
    git = place.git
    tip = git.rev(TRACES_BRANCH)
    if tip is None:
        return ""
    files = git.tree(tip)
    contents = zip(files, git.blobs(oid for _, oid in files.values()), strict=True)
    return commit_object(
        git,
        parent=None,
        changes={path: content for path, (_, content) in contents},
        message=f"traces of {place.order.run}\n",
        at=place.context.now(),
        author=AIOS_NAME,
        email=AIOS_EMAIL,
    )


def _drifts(context: Context) -> str:
    found: list[Mapping[str, Any]] = []
    for drift in _seen(context):
        if len(json.dumps([*found, data_of(drift)])) <= DRIFTS:
            found.append(data_of(drift))
    return json.dumps(found, sort_keys=True) if found else ""


def _seen(context: Context) -> Iterator[Drift]:
    return context.drift.all() if context.drift else iter(())


def _wrong(folder: Path, why: str) -> InvalidError:
    return InvalidError(f"what was handed over in {folder} is not in order: {why}", "nothing of it was used")
