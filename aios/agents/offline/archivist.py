"""The archivist without a model: folds old notes into summaries made of their own words, and loses no place.

A summary shows the first passages of each note that it stands for, verbatim, and keeps the places of all of them. The
folded files go; their names stay in `folds`, by which `aios memory show` and `aios memory restore` find them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aios.agents.evidence import parse
from aios.agents.offline.front import load, load_yaml
from aios.agents.offline.trust import worst
from aios.domain.agent import AgentCall, AgentReply, Reason, Tools
from aios.domain.front_matter import render_markdown
from aios.domain.record import Record, Trust
from aios.domain.wording import counted
from aios.memory.retention import POLICY, Group, Policy, due, policy_of
from aios.memory.scope import SUMMARY

MOST = 40  # summaries in one proposal: more is not read
LONGEST = 600  # characters of a note's own words where it holds no passages


def archivist(call: AgentCall, tools: Tools) -> AgentReply:
    """Propose summaries for what the policy says is due; nothing where nothing is."""
    policy, groups = due_now(tools, call.now)
    groups = groups[:MOST]
    files: dict[str, str | None] = {}
    before = after = 0
    for group in groups:
        earlier = tools.read(group.path)
        text = _summary(call, group, policy, earlier)
        files |= dict.fromkeys((note.path for note in group.notes if note.path != group.path), None) | {
            group.path: text
        }
        before += sum(len((tools.read(note.path) or "").encode()) for note in group.notes) + len(
            (earlier or "").encode()
        )
        after += len(text.encode())
    folded = sum(len(group.notes) for group in groups)
    output = {"folded": folded, "summaries": [group.path for group in groups], "before": before, "after": after}
    if not groups:
        return AgentReply(output, title="nothing is due")
    size = f"{before / 1024:.1f} KiB become {after / 1024:.1f} KiB"
    title = f"{counted(folded, 'note')} folded into {len(groups)}: {size}"
    kept = Reason("nothing is lost", "every name leads to its summary, every passage keeps its place")
    return AgentReply(output, files, title=title, reasons=(Reason("size", size), *_reasons(groups), kept))


def due_now(tools: Tools, now: str) -> tuple[Policy, list[Group]]:
    """The company's policy, and what it lets be folded at that moment (ISO 8601)."""
    policy = policy_of(load_yaml(tools.read(POLICY) or ""))
    return policy, due(policy, tools.records("note"), used=_used(tools), evidence=_evidence(tools), now=now)


def _reasons(groups: Sequence[Group]) -> Iterator[Reason]:
    for group in groups:
        refs = tuple(note.path for note in group.notes)
        yield Reason(f"{counted(len(group.notes), 'note')} on {group.name}", group.why, refs)


def _summary(call: AgentCall, group: Group, policy: Policy, earlier: str | None) -> str:
    """The summary's text; what an earlier summary of the same name stood for, it still stands for."""
    notes = list(group.notes)
    known, said, _ = load(earlier or "")
    passages = _unique([*(known.get("x-passages") or ()), *(each for note in notes for each in _places(note))])
    folds = [*(known.get("folds") or ()), *(each for note in notes for each in (note.path, *(note.get("folds") or ())))]
    sources = [*(known.get("source") or ()), *(str(each) for note in notes for each in note.get("source") or ())]
    trusts = [_trust(note.get("trust")) for note in notes] + ([_trust(known.get("trust"))] if known else [])
    data: dict[str, Any] = {
        "schema": "note.v1",
        "kind": SUMMARY,
        "title": f"What was noted on {group.name.replace('-', ' ')}: {counted(len(set(folds)), 'note')}",
        "source": list(dict.fromkeys(sources)),
        "folds": sorted(set(folds)),
        "run": call.run,
        "step": call.step,
        "created": call.now,
        "trust": worst(trusts).value,
    }
    if notes[-1].get("content"):
        data["content"] = str(notes[-1].get("content"))
    if passages:
        data["x-passages"] = passages
    parts = [said.strip()]
    parts += [_told(note, policy.rule(str(note.get("kind"))).passages) for note in notes]
    return render_markdown(data, "\n\n".join(part for part in parts if part) + "\n")


def _told(note: Record, passages: int) -> str:
    """A note in its own words: its question and its first passages, or its beginning."""
    title = str(note.get("title") or note.id)
    blocks = [block.strip() for block in (note.body or "").split("\n\n") if block.strip()]
    quoted = [number for number, block in enumerate(blocks) if block.startswith(">")]
    shown = []
    for number in quoted[:passages]:
        shown.append(blocks[number])
        if number + 1 < len(blocks) and blocks[number + 1].startswith("—"):
            shown.append(blocks[number + 1])
    if not quoted:
        shown = [_beginning("\n\n".join(block for block in blocks if not block.startswith("#")))]
    more = len(quoted) - passages
    left = [f"({counted(more, 'more passage')}: places above)"] if more > 0 else []
    return "\n\n".join([f"## {title}", *shown, *left, f"Folded: {note.path}"])


def _beginning(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST].rsplit(' ', 1)[0]} …"


def _places(note: Record) -> list[Any]:
    found = note.get("x-passages")
    return list(found) if isinstance(found, list) else []


def _unique(places: Sequence[Any]) -> list[Any]:
    seen: dict[str, Any] = {}
    for place in places:
        if isinstance(place, Mapping):
            seen.setdefault(f"{place.get('source')}:{place.get('start')}-{place.get('end')}", place)
    return list(seen.values())


def _used(tools: Tools) -> dict[str, str]:
    """When each note was last used, as the run records tell under `reuse`."""
    found: dict[str, str] = {}
    for run in tools.records("run"):
        at = str(run.get("started") or "")
        for text in _texts(run.get("reuse")):
            if text.startswith("memory/") and at > found.get(text, ""):
                found[text] = at
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _evidence(tools: Tools) -> set[str]:
    """Notes that a sentence of a piece rests on."""
    return {
        sentence.source
        for path in tools.paths("state/evidence/*.yaml")
        for sentence in parse(tools.read(path) or "")[1]
        if sentence.source.startswith("memory/")
    }


def _trust(value: Any) -> Trust:
    return Trust(value) if value in set(Trust) else Trust.EXTERNAL
