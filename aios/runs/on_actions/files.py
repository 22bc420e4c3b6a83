"""The files under `.github/` that a company has from us, brought in line with its own: schedules, keys, main's name,
where aios is installed from. What its operator edited stays theirs; only the marked parts are written then."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from aios.domain.finding import Finding, Severity
from aios.domain.names import COMPANY, WORKFLOWS
from aios.domain.tree import Tree
from aios.domain.workflow import Workflow
from aios.runs.on_actions.crons import Line, Wanted, union
from aios.runs.on_actions.keys import Keys, lines
from aios.runs.on_actions.marked import Parts, as_written, bare, fill, names, part, stamp, unstamped
from aios.store.documents import parse

FOLDER = ".github/"
RUN, APPLY = f"{FOLDER}workflows/aios-run.yml", f"{FOLDER}workflows/aios-apply.yml"
REQUIREMENTS = f"{FOLDER}actions/aios/requirements.txt"
HEARTBEAT = "23 4 * * *"  # once a day something looks, whatever is scheduled: waits end, and it is seen that it runs
APPLY_HEARTBEAT = "11 9 * * *"  # in the morning: quiet hours are over
SENSIBLE = 20  # lines of schedules
_NOWHERE = "# From nowhere yet: `aios github sync --aios-from 'aios @ git+https://…@COMMIT'`."
_SOURCE = re.compile(r"(?P<source>aios==)\S+\Z|(?P<git>aios @ git\+\S+@)[0-9a-f]{40}\Z")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the files are to say. `requirement` is where aios is from, empty where that is not known; where it
    was `forced` it replaces whatever stands there."""

    main: str
    timezone: str
    schedules: tuple[Line, ...]
    keys: Keys
    requirement: str
    forced: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Synced:
    """`changed` are the files that have to be written, `edited` those whose other lines are the operator's own,
    `absent` those that are not there."""

    changed: Mapping[str, str]
    edited: tuple[str, ...]
    absent: tuple[str, ...]
    findings: tuple[Finding, ...]


def wish(
    tree: Tree, workflows: Iterable[Workflow], keys: Keys, *, main: str, requirement: str, forced: bool = False
) -> Wish:
    """What the files of a company have to say, from its workflows that can run and its keys."""
    content = tree.read(COMPANY)
    company = parse(COMPANY, content)[0] if content is not None else None
    timezone = str(company.data.get("timezone") or "UTC") if company else "UTC"
    findings = list(keys.findings)
    wanted = []
    for workflow in workflows:
        for trigger in workflow.triggers:
            if trigger.kind == "schedule":
                zone = str(trigger.spec.get("timezone") or timezone)
                wanted.append(Wanted(str(trigger.spec.get("cron", "")), zone, workflow.name))
    schedules = _union(wanted, findings)
    if not any(line.daily for line in schedules):
        schedules = _union([*wanted, Wanted(HEARTBEAT, timezone, "heartbeat")], [])
    if len(schedules) > SENSIBLE:
        message = f"{len(schedules)} lines of schedules: each firing costs at least a minute of Actions"
        hint = "give workflows that may run together the same hours"
        findings.append(Finding(RUN, 0, 0, "github-sync", message, hint, Severity.WARNING))
    return Wish(main, timezone, tuple(schedules), keys, requirement, forced, tuple(findings))


def _union(wanted: Sequence[Wanted], findings: list[Finding]) -> list[Line]:
    """What is no schedule is told and left out: it starts nothing either."""
    good = []
    for each in wanted:
        try:
            union([each])
            ZoneInfo(each.timezone)
        except (ValueError, KeyError, OSError) as error:
            path = f"{WORKFLOWS}{each.by}.yaml"
            findings.append(Finding(path, 0, 0, "github-sync", str(error).strip("'\""), "`aios check` shows where"))
        else:
            good.append(each)
    return union(good)


def synced(tree: Tree, templates: Mapping[str, str], wished: Wish, *, version: str, found: bool = False) -> Synced:
    """The files as they have to be. With `found` those that are absent are made, else they stay away: whoever deleted
    one meant it."""
    changed: dict[str, str] = {}
    edited: list[str] = []
    absent: list[str] = []
    findings = list(wished.findings)
    for path, template in sorted(templates.items()):
        present = _text(tree, path)
        if present is None and not found:
            absent.append(path)
            continue
        written = present is not None and as_written(present)
        if present is None or (written and bare(unstamped(present)) != bare(template)):
            text, own = template, False
        else:
            text, own = present, not written
        filled = fill(path, text, _parts(path, present or "", wished))
        findings += filled.findings
        if own:
            edited.append(path)
            findings += _lost(path, template, filled.parts)
        new = stamp(filled.text, version) if text is template else filled.text
        if new != present:
            changed[path] = new
    return Synced(changed, tuple(edited), tuple(absent), tuple(findings))


def _parts(path: str, present: str, wished: Wish) -> Parts:
    keys = wished.keys
    beat = Line(APPLY_HEARTBEAT, wished.timezone, ("what had to wait",))
    parts = {
        "schedule": _schedule(wished.schedules),
        "apply schedule": _schedule([beat]),
        "main": [f"branches: [{json.dumps(wished.main)}]"],
        "env of read keys": _env(keys.read),
        "env of model keys": _env(keys.model),
        "model keys": lines(keys.model),
        "write keys": lines(keys.write),
    }
    if path == REQUIREMENTS:
        there = next((line for line in part(present, "aios") if line and not line.startswith("#")), "")
        chosen = wished.requirement if wished.forced else renewed(there, wished.requirement)
        return {"aios": [chosen or _NOWHERE]}
    return parts


def renewed(present: str, ours: str) -> str:
    """Which requirement stands: another version from the same source is renewed, any other source is the operator's."""
    if not present or not ours:
        return present or ours
    one, other = _SOURCE.match(present), _SOURCE.match(ours)
    return ours if one and other and one.group("source", "git") == other.group("source", "git") else present


def requirement_of(tree: Tree) -> str:
    """Where the jobs have aios from; empty where the file does not say."""
    written = part(_text(tree, REQUIREMENTS) or "", "aios")
    return next((line for line in written if line and not line.startswith("#")), "")


def _schedule(schedules: Iterable[Line]) -> list[str]:
    written = ["schedule:"]
    for line in schedules:
        written.append(f"  - cron: {json.dumps(line.cron)} # {', '.join(line.by)}")
        if line.timezone not in {"UTC", "Etc/UTC"}:
            written.append(f"    timezone: {json.dumps(line.timezone)}")
    return written


def _env(variables: tuple[str, ...]) -> list[str]:
    return ["env:", *(f"  {line}" for line in lines(variables))] if variables else []


def _lost(path: str, template: str, found: frozenset[str]) -> list[Finding]:
    hint = "take the marked lines over from the file that `aios init --github` writes into an empty folder"
    return [
        Finding(path, 0, 0, "github-sync", f"nothing marks where `{name}` belongs", hint, Severity.WARNING)
        for name in dict.fromkeys(names(template))
        if name not in found
    ]


def _text(tree: Tree, path: str) -> str | None:
    content = tree.read(path)
    return None if content is None else content.decode(errors="replace")
