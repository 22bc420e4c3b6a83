"""From a sentence, a piece, a run or an effect back to sources, reasons, verdict and approver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aios.domain.names import run_record_path
from aios.domain.tree import Tree
from aios.domain.wording import counted
from aios.effects.ledger import Ledger
from aios.errors import AiosError, UsageError
from aios.runs.context import Context
from aios.runs.manifests import read as read_manifest
from aios.runs.reviewing import facts_with_context
from aios.runs.session import read_state
from aios.store.documents import parse


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain: what it is, what it says, and where to look it up (`path:start-end`, a commit, a key)."""

    what: str
    says: str
    where: str = ""


def explain_sentence(context: Context, tree: Tree, text: str) -> list[list[Link]]:
    """A chain for every published or drafted sentence that contains `text` (case and spaces do not matter)."""
    wanted = " ".join(text.casefold().split())
    return [
        [*_sentence(tree, path, sentence), *explain_piece(context, tree, str(data.get("content")))]
        for path in tree.paths("state/evidence/")
        for data in [_data(tree, path)]
        for sentence in data.get("sentences") or ()
        if wanted in " ".join(str(sentence.get("text", "")).casefold().split())
    ]


def _sentence(tree: Tree, path: str, sentence: Mapping[str, Any]) -> Iterator[Link]:
    kind = str(sentence.get("kind", ""))
    yield Link("sentence", str(sentence.get("text", "")), path)
    source = str(sentence.get("source") or "")
    if kind == "quote" and source:
        start, end = int(sentence.get("start", 0)), int(sentence.get("end", 0))
        content = tree.read(source)
        document = parse(source, content)[0] if content is not None else None
        passage = (document.body or "")[start:end] if document else "the source is gone"
        yield Link("quoted from", " ".join(passage.split()), f"{source}:{start}-{end}")
        if document:
            origin = document.data.get("origin", "")
            trust, collected = document.data.get("trust", ""), document.data.get("collected", "")
            yield Link("source", f"{document.data.get('title', '')} ({origin}; trust {trust}; {collected})", source)
    elif kind == "record":
        yield Link("value of a record", str(sentence.get("rule", "")), source)
    else:
        yield Link("connection", f"made by the rule `{sentence.get('rule', '')}`; it states no fact of its own")


def explain_piece(context: Context, tree: Tree, content_id: str) -> list[Link]:
    """Where a piece came from: its run, reasons, verdict, approver, effects. Raises UsageError if there is none."""
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
    run = _run_of(context, path)
    if run:
        links += explain_run(context, tree, run)
    else:
        links.append(Link("written by", "hand: no run of aios wrote it", path))
    return links


def _run_of(context: Context, path: str) -> str:
    text = context.git.text(
        "log", "-50", "--format=%(trailers:key=Aios-Run,valueonly,separator=%x00)", context.main, "--", path
    )
    return next((line.split("\x00")[0] for line in text.splitlines() if line.strip()), "")


def explain_run(context: Context, tree: Tree, run: str) -> list[Link]:
    """What a run was asked, what each step did and why, who approved it by which rule, and what reached the world."""
    state = read_state(context.git, run, main=context.main)
    trigger = state.trigger
    links = [Link("run", f"{run}, started {state.started_at} by {trigger.get('kind', 'manual')}", state.base[:12])]
    links += [Link("asked", f"{name} = {value}") for name, value in state.inputs.items() if value]
    for fact, key in facts_with_context(context, run):
        manifest = read_manifest(context.git, run, key) or {}
        if not fact.step or not manifest:
            continue
        name = fact.step if fact.item is None else f"{fact.step}[{fact.item + 1}]"
        seen = manifest.get("manifest", {})
        read, recalled = len(seen.get("read", ())), len(seen.get("recalled", ()))
        links.append(
            Link(
                f"step {name}",
                f"{fact.status or fact.type}; read {counted(read, 'file')}, recalled {counted(recalled, 'passage')}",
                key,
            )
        )
        links += [
            Link("  because", f"{reason['what']}: {reason['why']}", ", ".join(reason["refs"][:3]))
            for reason in manifest.get("reasons", ())
        ]
    links += _decision(tree, run_record_path(run, state.started_at))
    links += _receipts(context, tree, run_record_path(run, state.started_at))
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
