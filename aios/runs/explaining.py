"""From a sentence, a piece, a run or an effect back to sources, reasons, verdict and approver."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.agents.evidence import QUOTE, RECORD, SUPPORTED, UNVERIFIED
from aios.domain.names import branch_of, run_record_path
from aios.domain.tree import Tree
from aios.domain.wording import counted
from aios.effects.ledger import Ledger
from aios.errors import AiosError, UsageError
from aios.runs.context import Context
from aios.runs.history import REVERTED
from aios.runs.inbox import open_runs
from aios.runs.reviewing import facts_with_context
from aios.runs.session import read_state
from aios.runs.traces import manifest_of
from aios.store.documents import parse
from aios.store.log import read_events
from aios.store.trees import CommitTree


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain: what it is, what it says, and where to look it up (`path:start-end`, a commit, a key)."""

    what: str
    says: str
    where: str = ""


def explain_sentence(context: Context, text: str) -> list[list[Link]]:
    """A chain for every sentence, published or proposed, that contains `text` (case and spaces do not matter).

    Of each step's reasons only those that speak of the sentence's passage.
    """
    wanted = _plain(text)
    if not wanted:
        return []
    chains: dict[tuple[str, str], list[Link]] = {}
    for ref in (context.main, *(branch_of(run) for run in open_runs(context))):
        tree = CommitTree(context.git, ref)
        for path in tree.paths("state/evidence/"):
            data = _data(tree, path)
            for sentence in data.get("sentences") or ():
                said = _plain(str(sentence.get("text", "")))
                if wanted in said and (path, said) not in chains:
                    piece = explain_piece(context, tree, str(data.get("content")), ref=ref, about=_passage(sentence))
                    chains[path, said] = [*_sentence(tree, path, sentence), *piece]
    return list(chains.values())


Passage = tuple[str, int, int]


def _passage(sentence: Mapping[str, Any]) -> Passage:
    return str(sentence.get("source") or ""), int(sentence.get("start") or 0), int(sentence.get("end") or 0)


def _concerns(reason: Mapping[str, Any], about: Passage) -> bool:
    path, start, end = about
    for ref in reason["refs"]:
        place, _, span = str(ref).rpartition(":")
        first, dash, last = span.partition("-")
        if place == path and dash and first.isdigit() and last.isdigit() and int(first) < end and start < int(last):
            return True
    return False


def _plain(text: str) -> str:
    """Words as a reader of the page sees them: without Markdown's marks, in small letters."""
    return " ".join(re.sub(r"[`*_\\]|\[\^\d+\]|\]\([^)]*\)|\[", "", text).casefold().split())


def _sentence(tree: Tree, path: str, sentence: Mapping[str, Any]) -> Iterator[Link]:
    kind = str(sentence.get("kind", ""))
    yield Link("sentence", " ".join(str(sentence.get("text", "")).split()), path)
    source = str(sentence.get("source") or "")
    if kind in {QUOTE, SUPPORTED} and source:
        start, end = int(sentence.get("start", 0)), int(sentence.get("end", 0))
        content = tree.read(source)
        document = parse(source, content)[0] if content is not None else None
        passage = (document.body or "")[start:end] if document else "the source is gone"
        how = "quoted from" if kind == QUOTE else "supported by"
        yield Link(how, " ".join(passage.split()), f"{source}:{start}-{end}")
        if kind == SUPPORTED:
            yield Link("checked", f"a model's words: {sentence.get('rule')}")
        if document:
            origin = document.data.get("origin", "")
            trust, collected = document.data.get("trust", ""), document.data.get("collected", "")
            yield Link("source", f"{document.data.get('title', '')} ({origin}; trust {trust}; {collected})", source)
    elif kind == UNVERIFIED:
        yield Link("unverified", f"a model's words that nothing stands behind: {sentence.get('rule')}")
    elif kind == RECORD:
        yield Link("value of a record", str(sentence.get("rule", "")), source)
    else:
        yield Link("connection", f"made by the rule `{sentence.get('rule', '')}`; it states no fact of its own")


def explain_piece(
    context: Context, tree: Tree, content_id: str, *, ref: str = "", about: Passage | None = None
) -> list[Link]:
    """Where a piece came from: its run, reasons, verdict, approver, effects. Raises UsageError if there is none.

    `ref` is where the tree was read (main); `about` leaves out reasons that do not concern this passage.
    """
    path = f"state/content/{content_id}.md"
    data = _data(tree, path)
    if not data:
        raise UsageError(
            f"there is no piece `{content_id}`", "aios query \"SELECT id FROM records WHERE kind='content'\""
        )
    links = [
        Link("piece", f"{data.get('title', '')} ({data.get('status', '')}, {data.get('tier', 'unknown')} tier)", path)
    ]
    if data.get("grew_from"):
        links.append(Link("grew from", str(data["grew_from"]), f"state/content/{data['grew_from']}.md"))
    run = _run_of(context, ref or context.main, path)
    if run:
        links += explain_run(context, tree, run, about=about)
    else:
        links.append(Link("written by", "hand: no run of aios wrote it", path))
    return links


def _run_of(context: Context, ref: str, path: str) -> str:
    text = context.git.text("log", "-50", "--format=%(trailers:key=Aios-Run,valueonly,separator=%x00)", ref, "--", path)
    return next((line.split("\x00")[0] for line in text.splitlines() if line.strip()), "")


def explain_run(context: Context, tree: Tree, run: str, *, about: Passage | None = None) -> list[Link]:
    """What a run was asked, what each step did and why, who approved it by which rule, and what reached the world."""
    state = read_state(context.git, run, main=context.main)
    trigger = state.trigger
    links = [Link("run", f"{run}, started {state.started_at} by {trigger.get('kind', 'manual')}", state.base[:12])]
    links += [Link("asked", f"{name} = {value}") for name, value in state.inputs.items() if value]
    for fact, key in facts_with_context(context, run):
        manifest = manifest_of(context.git, run, key) or {}
        if not fact.step or not manifest:
            continue
        reasons = [each for each in manifest.get("reasons", ()) if about is None or _concerns(each, about)]
        if about is not None and fact.item is not None and not reasons:
            continue  # another part of the fan-out
        name = fact.step if fact.item is None else f"{fact.step}[{fact.item + 1}]"
        seen = manifest.get("manifest", {})
        read, recalled = len(seen.get("read", ())), len(seen.get("recalled", ()))
        did = f"{fact.status or fact.type}; read {counted(read, 'file')}, recalled {counted(recalled, 'passage')}"
        links.append(Link(f"step {name}", did, key))
        links += [Link("  because", f"{each['what']}: {each['why']}", ", ".join(each["refs"][:3])) for each in reasons]
    links += _decision(tree, run_record_path(run, state.started_at))
    links += _receipts(context, tree, run_record_path(run, state.started_at))
    links += [
        Link("undone", f"by {event.actor} at {event.at}: {event.subject.partition(': ')[2]}", event.commit[:12])
        for event in read_events(context.git, until=context.main, run=run)
        if event.type == REVERTED
    ]
    return links


def _decision(tree: Tree, path: str) -> Iterator[Link]:
    record = _data(tree, path)
    verdict = record.get("verdict") or {}
    if verdict:
        yield Link("policy", f"{verdict.get('decision')}: {verdict.get('why')}", str(verdict.get("rule", "")))
    decision = record.get("decision") or {}
    if decision:
        reason = f": {decision['reason']}" if decision.get("reason") else ""
        yield Link(
            str(decision.get("what", "decided")), f"by {decision.get('by')} at {decision.get('at')}{reason}", path
        )


def _receipts(context: Context, tree: Tree, path: str) -> Iterator[Link]:
    ledger = Ledger(context.git)
    for effect in _data(tree, path).get("effects") or ():
        claim, receipt = ledger.get(str(effect.get("key")))
        if receipt:
            yield Link(
                "effect",
                f"{effect.get('summary')}: {receipt.outcome}, {receipt.how.value} at {receipt.at} {receipt.url}",
                receipt.key,
            )
        elif claim:
            yield Link(
                "effect",
                f"{effect.get('summary')}: claimed at {claim.at}, outcome unknown (`aios reconcile`)",
                claim.key,
            )
        else:
            yield Link("effect", f"{effect.get('summary')}: not done", str(effect.get("key")))


def explain_effect(context: Context, tree: Tree, key: str) -> list[Link]:
    """An effect by its key: claim, receipt and the run that planned it. Raises AiosError where the ledger has none."""
    claim, receipt = Ledger(context.git).get(key)
    if claim is None:
        raise AiosError(
            f"the ledger knows no effect {key}", "`aios query 'SELECT key, summary FROM effects'` lists them"
        )
    links = [Link("effect", f"{claim.connector} {claim.capability} → {claim.target}", claim.key)]
    links.append(Link("claimed", f"by {claim.claimed_by} at {claim.at}", claim.approved_commit))
    if receipt:
        links.append(
            Link(
                "receipt", f"{receipt.outcome}, {receipt.how.value} at {receipt.at} {receipt.url}", receipt.external_id
            )
        )
    return [*links, *explain_run(context, tree, claim.run)]


def as_data(chains: Sequence[Sequence[Link]]) -> list[list[dict[str, str]]]:
    return [[{"what": link.what.strip(), "says": link.says, "where": link.where} for link in chain] for chain in chains]


def _data(tree: Tree, path: str) -> Mapping[str, Any]:
    content = tree.read(path)
    document = parse(path, content)[0] if content is not None else None
    return document.data if document else {}
