"""The sections of a review, in the order in which a person decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aios.domain.finding import Finding
from aios.domain.policy import Decision
from aios.domain.proposal import PlannedEffect
from aios.domain.wording import counted
from aios.proposals.controls import correcting, how_it_came_about, in_short
from aios.proposals.neutral import code, cut, fenced, link, neutral, plainly
from aios.proposals.places import at_head, at_source
from aios.proposals.reviewed import Overlap, Review, Size

FINAL = 5  # effects without a way back that are named above everything else
SHORT = 12  # of a long list, what is read without unfolding


def sections(review: Review, size: Size, *, heading: bool) -> list[str]:
    parts = [
        f"# {neutral(review.title, size.line)}" if heading else "",
        _decision(review, size),
        in_short(review),
        _effects(review, size),
        _previews(review, size),
        _why(review, size),
        _evidence(review, size),
        _section("What is folded", _told(review.folds, size, review)),
        _section("What is rewritten", _told(review.rewritten, size, review)),
        _state_diff(review, size),
        _checks(review, size),
        _risk(review),
        _cost(review),
        correcting(review),
        how_it_came_about(review, size),
    ]
    return [part for part in parts if part]


def _section(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(lines) if lines else ""


def _told(lines: Sequence[str], size: Size, review: Review) -> list[str]:
    return _some([f"- {plainly(line, size.line)}" for line in lines], size.listed if size.line else 0, review)


def _decision(review: Review, size: Size) -> str:
    told = [_does(review, size)]
    final = [effect for effect in review.effects if not effect.reversible]
    told += [f"**Cannot be undone: {_one_of(effect, size)}.**" for effect in final[:FINAL]]
    told += [f"**… and {len(final) - FINAL} more that cannot be undone.**"] if len(final) > FINAL else []
    doubtful = len(review.unverified)
    if doubtful:
        told.append(
            f"**{counted(doubtful, 'sentence')} unverified: nothing that was given stands behind it. See Evidence.**"
        )
    told += [f"**{neutral(line[:1].upper() + line[1:], size.line)}.**" for line in review.raised[: size.listed]]
    first = [each for each in review.overlaps if each.earlier]
    told += [f"**Merge {_named(each, size)} first: {neutral(each.why, size.line)}.**" for each in first[:FINAL]]
    if review.verdict.decision is Decision.DENY:
        told.append(
            f"**A policy denies it: {neutral(review.verdict.why, size.line)}. Merging would do nothing outside.**"
        )
    return "\n\n".join(told)


def _does(review: Review, size: Size) -> str:
    """What merging does, in a sentence."""
    if len(review.effects) == 1:
        what = neutral(review.effects[0].summary.rstrip("."), size.line)
        return f"**Merging allows one effect outside this repository: {what}. Nothing else happens.**"
    if review.effects:
        what = f"{len(review.effects)} effects"
        return f"**Merging allows {what} outside this repository, listed here. Nothing else happens.**"
    does = "takes folded notes off main, as told below" if review.folds else "keeps these files on main"
    return f"**Merging {does}. Nothing outside this repository follows from it.**"


def _one_of(effect: PlannedEffect, size: Size) -> str:
    """What it is and whom it reaches, in a few words."""
    people = effect.payload.get("recipients")
    reached = f" to {counted(len(people), 'recipient')}" if isinstance(people, list | tuple) and people[1:] else ""
    return neutral(f"{effect.summary.rstrip('.')} ({effect.capability} → {effect.target}{reached})", size.line)


def _effects(review: Review, size: Size) -> str:
    if not review.effects:
        return ""
    rows = ["| System | Action | Target | Reversible | Undo |", "|---|---|---|---|---|"]
    shown = review.effects[: size.listed] if size.line else review.effects
    rows += [
        f"| {neutral(e.connector, size.line)} | {neutral(e.capability, size.line)} | {neutral(e.target, size.line)} | "
        f"{'yes' if e.reversible else '**no**'} | {neutral(e.undo, size.line) or '–'} |"
        for e in shown
    ]
    left = len(review.effects) - len(shown)
    rows += ["", f"… and {counted(left, 'effect')} more: {_whole(review)}"] if left else []
    return _section("Effects", rows)


def _previews(review: Review, size: Size) -> str:
    blocks = []
    shown = review.effects[: size.listed] if size.line else review.effects
    for effect in shown:
        lines = effect.preview.splitlines()
        text = "\n".join(lines[: size.preview_lines])
        text = cut(text, size.preview) if size.preview else text
        left = len(lines) - size.preview_lines
        more = f"\n\n… {left} more lines: {_whole(review)}" if left > 0 else ""
        if not more and size.preview and text != "\n".join(lines):
            more = f"\n\n… cut: {_whole(review)}"
        blocks.append(f"{neutral(effect.summary, size.line)}\n\n{fenced(text)}{more}")
    left = len(review.effects) - len(shown)
    blocks += [f"… and {counted(left, 'preview')} more: {_whole(review)}"] if left else []
    return _section("Exact preview", ["\n\n".join(blocks)]) if blocks else ""


def _whole(review: Review) -> str:
    """Where what was cut is read whole."""
    record = link("the run record", at_head(review, review.record)) if review.web and review.record else ""
    return " or ".join(part for part in (f"`aios show {review.id} --full`", record) if part)


def _why(review: Review, size: Size) -> str:
    kind = str(review.trigger.get("kind", "manual"))
    lines = [f"- Goal: {neutral(review.goal, size.line)}", f"- Trigger: {neutral(kind, size.line)}"]
    why = str(review.trigger.get("why", ""))
    if why:
        lines[-1] += f", {neutral(why, size.line)}"
    given = [(name, value) for name, value in review.inputs.items() if value]
    lines += [f"- Input {code(str(name), size.line)}: {neutral(_value(value), size.line)}" for name, value in given]
    rule = f" (rule {code(review.verdict.rule, size.line)})" if review.verdict.rule else ""
    lines.append(f"- Policy: **{review.verdict.decision.value}**, {neutral(review.verdict.why, size.line)}{rule}")
    return _section("Why", _some(lines, size.listed if size.line else 0, review))


def _value(value: Any) -> str:
    return ", ".join(map(_value, value)) if isinstance(value, list | tuple) else str(value)


def _some(lines: Sequence[str], limit: int, review: Review) -> list[str]:
    """The first of a list, the rest of it folded behind them; cut at `limit` (0: not at all)."""
    shown = list(lines[:limit] if limit else lines)
    left = len(lines) - len(shown)
    return shown + ([f"- … and {left} more: {_whole(review)}"] if left else [])


def _evidence(review: Review, size: Size) -> str:
    places = review.places
    lines = [
        f"- **unverified**: {link(neutral(line, size.line), at_head(review, places.get(line, '')))}"
        for line in review.unverified[: size.listed if size.line else None]
    ]
    left = len(review.unverified) - len(lines)
    lines += [f"- **unverified**: … and {left} more: {_whole(review)}"] if left else []
    if review.unverified:
        told = ", ".join(f"{number} {neutral(kind, 40)}" for kind, number in sorted(review.kinds.items())[:20])
        lines.insert(0, f"- {counted(sum(review.kinds.values()), 'sentence')}: {told}")
    cited = [
        f"- {neutral(claim, size.line)} → {link(code(source, size.line), at_source(review, source))}"
        for claim, source in review.evidence[: size.listed]
    ]
    if len(review.evidence) > size.listed:
        cited.append(f"- … and {len(review.evidence) - size.listed} more: `aios explain {review.id}`")
    if len(cited) <= SHORT:
        return _section("Evidence", [*lines, *cited])
    rest = [f"<details><summary>{len(cited) - SHORT} more</summary>", "", *cited[SHORT:], "", "</details>"]
    return _section("Evidence", [*lines, *cited[:SHORT], "", *rest])


def _state_diff(review: Review, size: Size) -> str:
    limit = size.listed if size.line else 0
    lines = _some([f"- {neutral(line, size.line)}" for line in review.changes] or ["- nothing"], limit, review)
    if review.web and review.files:
        files = [f"- {link(code(path, size.line), at_head(review, path))}" for path in review.files]
        summary = f"<details><summary>{counted(len(files), 'file')}</summary>"
        lines += ["", summary, "", *_some(files, limit, review), "", "</details>"]
    return _section("State diff", lines)


def _checks(review: Review, size: Size) -> str:
    limit = size.listed if size.line else 0
    found = [f"- {neutral(str(finding), size.line)}" for finding in review.findings]
    lines = _some(found, limit, review) or ["- every changed file is in order"]
    lines += _some([f"- ✓ {neutral(line, size.line)}" for line in review.checks], limit, review)
    if review.base_moved:
        lines.append("- main moved since; approving merges records field by field and stops at a true conflict")
    lines += _some([f"- on main meanwhile: {neutral(line, size.line)}" for line in review.meanwhile], limit, review)
    lines += _some([f"- {_overlap(each, size)}" for each in review.overlaps], limit, review)
    edited = [f"- edited by you on the branch: {code(path, size.line)} (kept)" for path in review.operator_edits]
    return _section("Checks", lines + _some(edited, limit, review))


def _named(each: Overlap, size: Size) -> str:
    number = each.url.rstrip("/").rpartition("/")[2] if each.url else ""
    shown = f"#{number}" if number.isdigit() else f"“{neutral(each.title, size.line or 120)}”"
    return link(shown, each.url)


def _overlap(each: Overlap, size: Size) -> str:
    what = ", ".join(code(ref, size.line) for ref in each.refs[:5]) + (" …" if len(each.refs) > 5 else "")
    title = f" “{neutral(each.title, size.line or 120)}”" if each.url else ""
    order = "merge it first" if each.earlier else "merge this one first"
    return f"overlaps with {_named(each, size)}{title}: both change {what}; {order}, {neutral(each.why, size.line)}"


def _risk(review: Review) -> str:
    final = [effect for effect in review.effects if not effect.reversible]
    lines = ["- Risk: every effect can be undone"]
    if final:
        lines = [f"- Risk: {counted(len(final), 'effect')} cannot be undone"]
    if review.confidence is not None:
        lines.append(f"- Confidence: {review.confidence:.0%} (the editor's score)")
    lines += [f"- Would change it: {line}" for line in _would_change(review)]
    return _section("Risk and confidence", lines)


def _would_change(review: Review) -> list[str]:
    """What would make the verdict, or the score, another one."""
    told = []
    if review.unverified:
        told.append(f"a source behind the {counted(len(review.unverified), 'unverified sentence')}, or their removal")
    faults = [each for each in review.findings if not (isinstance(each, Finding) and each.severity.value == "info")]
    if faults:
        told.append(f"{counted(len(faults), 'finding')} above settled")
    milder = next((each for each in review.verdict.matched if each[0] != review.verdict.rule), None)
    if review.verdict.rule:
        other = f"rule {code(milder[0], 120)} would say {milder[1].value}" if milder else "no other rule decides"
        told.append(f"the rule {code(review.verdict.rule, 120)} in `state/policies/`; without it {other}")
    if review.overlaps:
        told.append("an overlapping proposal, merged before it")
    return told or ["nothing that is known: no finding, no unverified sentence, no rule that decided"]


def _cost(review: Review) -> str:
    usd = float(review.cost.get("usd", 0.0))
    tokens = int(review.cost.get("tokens", 0))
    calls, hits = int(review.cost.get("calls", 0)), int(review.cost.get("hits", 0))
    asked = f" in {counted(calls, 'call')}" if calls else ""
    lines = [f"- {review.tier} tier: {usd:.2f} USD, {tokens} tokens{asked}, {review.seconds:.0f} s of work"]
    if hits:
        saved = float(review.cost.get("saved_usd", 0.0))
        lines.append(f"- the cache answered {hits} of {counted(calls, 'call')}: {saved:.2f} USD saved")
    unpriced = ", ".join(neutral(str(name), 80) for name in review.cost.get("unpriced", ()))
    if unpriced:
        lines.append(f"- the price of {unpriced} is not known: its tokens are counted, its dollars are not")
    if review.month is not None:
        month = review.month
        of_usd = f" of {month.limit_usd:.2f}" if month.limit_usd is not None else ""
        of_tokens = f" of {month.limit_tokens}" if month.limit_tokens is not None else ""
        free = "" if of_usd or of_tokens else "; no limit is set"
        lines.append(f"- this month until then: {month.usd:.2f}{of_usd} USD, {month.tokens}{of_tokens} tokens{free}")
    return _section("Cost", lines)
