"""The archivist without a model: folds old notes into summaries made of their own words, and loses no place.

Which notes are folded is the policy's word alone (`aios.memory.retention`). The folded files go; their names stay in
`folds`, by which `aios memory show` and `aios memory restore` find them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from aios.agents.evidence import parse
from aios.agents.offline.folding import Prose, summary
from aios.agents.offline.front import load_yaml
from aios.agents.perform import FILES_LIMIT
from aios.domain.agent import AgentCall, AgentReply, Reason, Tools
from aios.domain.loose import texts
from aios.domain.wording import counted
from aios.memory.expiry import POLICY
from aios.memory.retention import Group, Policy, due, policy_of

MOST = 40  # summaries in one proposal: more is not read


@dataclass(frozen=True, slots=True)
class Due:
    """What the policy lets be folded now: no more groups than a person reads, nor files than an agent may write."""

    policy: Policy
    groups: Sequence[Group]


def archivist(call: AgentCall, tools: Tools) -> AgentReply:
    """Propose summaries for what the policy says is due; nothing where nothing is."""
    return folded(call, tools, due_now(tools, call.now), {})


def due_now(tools: Tools, now: str) -> Due:
    """By the company's policy, at that moment (ISO 8601)."""
    policy = policy_of(load_yaml(tools.read(POLICY) or ""))
    groups = due(policy, tools.records("note"), used=_used(tools), evidence=_evidence(tools), now=now)
    return Due(policy, _that_fit(groups[:MOST], policy.fewest))


def _that_fit(groups: Sequence[Group], fewest: int) -> Sequence[Group]:
    """The first groups of which the notes and summaries are within the limit; the oldest notes of one that is not. What
    is left is due again next time.
    """
    kept: list[Group] = []
    left = FILES_LIMIT
    for group in groups:
        notes = group.notes[: max(left - 1, 0)]
        if len(notes) < len(group.notes) and len(notes) < fewest:
            break
        kept.append(replace(group, notes=notes))
        left -= len(notes) + 1
    return kept


def folded(call: AgentCall, tools: Tools, work: Due, prose: Mapping[str, Prose]) -> AgentReply:
    """The summaries of all groups; `prose` is what a model wrote, by the path of the summary."""
    files: dict[str, str | None] = {}
    before = after = 0
    reasons = []
    for group in work.groups:
        earlier = tools.read(group.path)
        text = summary(call, group, work.policy, earlier, prose.get(group.path))
        gone = [note.path for note in group.notes]
        files |= {**dict.fromkeys(gone, None), group.path: text}
        before += sum(_size(tools.read(path)) for path in (*gone, group.path))
        after += _size(text)
        what = f"{group.path} stands for {counted(len(group.notes), 'note')}"
        reasons.append(Reason(what, f"they are {group.why}, as {POLICY} says", (group.path, *gone)))
    number = sum(len(group.notes) for group in work.groups)
    output = {"folded": number, "summaries": [group.path for group in work.groups], "before": before, "after": after}
    if not work.groups:
        return AgentReply(output, title="nothing is due")
    size = f"{before / 1024:.1f} KiB become {after / 1024:.1f} KiB"
    title = f"{counted(number, 'note')} folded into {len(work.groups)}: {size}"
    return AgentReply(output, files, title=title, reasons=tuple(reasons))


def _size(text: str | None) -> int:
    return len((text or "").encode())


def _used(tools: Tools) -> dict[str, str]:
    """When each note was last used, as the run records tell under `reuse`."""
    found: dict[str, str] = {}
    for run in tools.records("run"):
        at = str(run.get("started") or "")
        for text in texts(run.get("reuse")):
            if text.startswith("memory/") and at > found.get(text, ""):
                found[text] = at
    return found


def _evidence(tools: Tools) -> set[str]:
    """Notes that a sentence of a piece rests on."""
    return {
        sentence.source
        for path in tools.paths("state/evidence/*.yaml")
        for sentence in parse(tools.read(path) or "")[1]
        if sentence.source.startswith("memory/")
    }
