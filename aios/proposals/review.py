"""The review text of a proposal, as Markdown: the same words in the terminal, in a file and on a git host.

Decisions and controls first, long lists last. Text from outside is fenced or neutralised: nothing in it can mention a
person, close an issue, forge a heading or hide a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aios.domain.finding import Finding
from aios.domain.keys import key_of
from aios.domain.policy import Verdict
from aios.domain.proposal import PlannedEffect
from aios.domain.unseen import with_unseen_shown, without_unseen
from aios.domain.wording import counted

_MENTION = re.compile(r"(?<![\w`])@(?=\w)")
# Git hosts make links of bare addresses; as code they are read, and copied, and lead nowhere.
_ADDRESS = re.compile(r"((?:\b[a-z][a-z0-9+.-]{1,20}://|\bwww\.|\b(?:mailto|xmpp):)[^\s`|<>\\]+)", re.IGNORECASE)
_CLOSING = re.compile(r"\b(clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing))(\s*:?\s*)#(?=\d)", re.IGNORECASE)
_BLOCK = re.compile(r"^(\d*)([#+\-=~.)])")  # what would make a line a heading, a list or a rule
PREVIEW_LINES = 60
MOST = 10  # of what is told one by one


@dataclass(frozen=True, slots=True)
class Review:
    """What a review tells. `changes` are state changes in words, `evidence` pairs of claim and source.

    `unverified` are sentences that nothing stands behind, `kinds` counts the sentences of each kind. `folds` tells what
    of memory is folded into what, `rewritten` what becomes of the fields of old schema versions, `checks` what was
    looked at and how it came out, `raised` whose trust merging raises.
    """

    id: str
    run: str
    branch: str
    title: str
    head: str
    base_moved: bool
    effects: Sequence[PlannedEffect]
    verdict: Verdict
    trigger: Mapping[str, Any]
    inputs: Mapping[str, Any]
    goal: str
    tier: str
    confidence: float | None
    findings: Sequence[str | Finding]
    evidence: Sequence[tuple[str, str]]
    unverified: Sequence[str]
    changes: Sequence[str]
    files: Sequence[str]
    reasons: Sequence[str]
    cost: Mapping[str, Any]
    seconds: float
    versions: Sequence[str] = ()
    operator_edits: Sequence[str] = field(default=())
    kinds: Mapping[str, int] = field(default_factory=dict)
    folds: Sequence[str] = ()
    checks: Sequence[str] = ()
    raised: Sequence[str] = ()
    rewritten: Sequence[str] = ()


def neutral(text: str) -> str:
    """Outside text within a line of ours: visible, on one line, no mention, closing keyword or markup of its own."""
    parts = _ADDRESS.split(without_unseen(" ".join(text.split())))
    parts[::2] = map(_escaped, parts[::2])
    parts[1::2] = (f"`{address}`" for address in parts[1::2])
    return _BLOCK.sub(lambda match: f"{match.group(1)}\\{match.group(2)}", "".join(parts))


def _escaped(text: str) -> str:
    text = _MENTION.sub("@\u2060", text)
    text = _CLOSING.sub(r"\1\2№", text)
    return re.sub(r"([<>`*_\[\]|\\])", r"\\\1", text)


def _code(text: str) -> str:
    """A path or place as code, whatever is in it."""
    return f"`{without_unseen(' '.join(text.split())).replace('`', '’') or '–'}`"


def _plainly(line: str) -> str:
    """A line of ours that may name commands between backticks: they stay code, the rest is neutral."""
    return "".join(_code(part) if number % 2 else _inside(part) for number, part in enumerate(line.split("`")))


def _inside(text: str) -> str:
    """Neutral, and still apart from what stands before and after it."""
    before, after = (" " if text[at : at + 1 or None].isspace() else "" for at in (0, -1))
    return f"{before}{neutral(text)}{after}" if text.strip() else before


def fenced(text: str, *, language: str = "") -> str:
    """Outside text as a block: a fence longer than any inside it, and nothing in it unseen."""
    shown = with_unseen_shown(text.replace("\r\n", "\n")).rstrip("\n")
    longest = max((len(run) for run in re.findall(r"`{3,}", shown)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def render(review: Review, *, preview_lines: int = PREVIEW_LINES) -> str:
    """The whole body, top to bottom as a person decides: what, effects, preview, why, evidence, changes, cost."""
    parts = [
        f"# {neutral(review.title)}",
        _decision(review),
        _effects(review),
        _previews(review, preview_lines),
        _why(review),
        _evidence(review),
        _section("What is folded", [f"- {_plainly(line)}" for line in review.folds]),
        _section("What is rewritten", [f"- {_plainly(line)}" for line in review.rewritten]),
        _section("State diff", [f"- {neutral(line)}" for line in review.changes] or ["- nothing"]),
        _checks(review),
        _risk(review),
        _cost(review),
        _correct(review),
        _folded(review),
        f"<!-- aios:{review.run} {fingerprint(review)} -->",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def fingerprint(review: Review) -> str:
    """Equal effects and equal files give an equal fingerprint: what finds the same proposal again."""
    return key_of("proposal", review.run, [effect.key for effect in review.effects], review.head).removeprefix(
        "sha256:"
    )[:16]


def _section(title: str, lines: Sequence[str]) -> str:
    return f"## {title}\n\n" + "\n".join(lines) if lines else ""


def _decision(review: Review) -> str:
    doubtful = len(review.unverified)
    told = (
        f"\n\n**{counted(doubtful, 'sentence')} unverified: nothing that was given stands behind it. See Evidence.**"
        if doubtful
        else ""
    )
    told += "".join(f"\n\n**{neutral(line[:1].upper() + line[1:])}.**" for line in review.raised)
    if not review.effects:
        does = (
            "Merging takes folded notes off main, as told below"
            if review.folds
            else "Merging keeps these files on main"
        )
        return f"**{does}. Nothing outside this repository follows from it.**{told}"
    count = len(review.effects)
    what = "one effect" if count == 1 else f"{count} effects"
    return f"**Merging allows {what} outside this repository, listed here. Nothing else happens.**{told}"


def _effects(review: Review) -> str:
    if not review.effects:
        return ""
    rows = ["| System | Action | Target | Reversible | Undo |", "|---|---|---|---|---|"]
    rows += [
        f"| {neutral(e.connector)} | {neutral(e.capability)} | {neutral(e.target)} | "
        f"{'yes' if e.reversible else '**no**'} | {neutral(e.undo) or '–'} |"
        for e in review.effects
    ]
    return _section("Effects", rows)


def _previews(review: Review, limit: int) -> str:
    blocks = []
    for effect in review.effects:
        lines = effect.preview.splitlines()
        shown = "\n".join(lines[:limit])
        more = f"\n\n… {len(lines) - limit} more lines: `aios show {review.id} --full`" if len(lines) > limit else ""
        blocks.append(f"{neutral(effect.summary)}\n\n{fenced(shown)}{more}")
    return _section("Exact preview", ["\n\n".join(blocks)]) if blocks else ""


def _why(review: Review) -> str:
    kind = str(review.trigger.get("kind", "manual"))
    lines = [f"- Goal: {neutral(review.goal)}", f"- Trigger: {neutral(kind)}"]
    why = str(review.trigger.get("why", ""))
    if why:
        lines[-1] += f", {neutral(why)}"
    lines += [f"- Input `{name}`: {neutral(_value(value))}" for name, value in review.inputs.items() if value]
    rule = f" (rule `{review.verdict.rule}`)" if review.verdict.rule else ""
    lines.append(f"- Policy: **{review.verdict.decision.value}**, {neutral(review.verdict.why)}{rule}")
    return _section("Why", lines)


def _value(value: Any) -> str:
    return ", ".join(map(_value, value)) if isinstance(value, list | tuple) else str(value)


def _evidence(review: Review) -> str:
    lines = [f"- **unverified**: {neutral(line)}" for line in review.unverified]
    if review.unverified:
        told = ", ".join(f"{number} {neutral(kind)}" for kind, number in sorted(review.kinds.items()))
        lines.insert(0, f"- {counted(sum(review.kinds.values()), 'sentence')}: {told}")
    lines += [f"- {neutral(claim)} → {_code(source)}" for claim, source in review.evidence[:40]]
    if len(review.evidence) > 40:
        lines.append(f"- … and {len(review.evidence) - 40} more: `aios explain {review.id}`")
    return _section("Evidence", lines)


def _checks(review: Review) -> str:
    lines = [f"- {neutral(str(finding))}" for finding in review.findings] or ["- every changed file is in order"]
    lines += [f"- ✓ {neutral(line)}" for line in review.checks]
    if review.base_moved:
        lines.append("- main moved since; approving merges records field by field and stops at a true conflict")
    lines += [f"- edited by you on the branch: {_code(path)} (kept)" for path in review.operator_edits]
    return _section("Checks", lines)


def _risk(review: Review) -> str:
    irreversible = [effect for effect in review.effects if not effect.reversible]
    lines = [
        f"- Risk: {counted(len(irreversible), 'effect')} cannot be undone"
        if irreversible
        else "- Risk: every effect can be undone"
    ]
    lines += [f"- **cannot be undone**: {neutral(effect.summary)}" for effect in irreversible[:MOST]]
    if len(irreversible) > MOST:
        lines.append(f"- … and {len(irreversible) - MOST} more of them, listed under Effects")
    if review.confidence is not None:
        lines.append(f"- Confidence: {review.confidence:.0%} (the editor's score)")
    return _section("Risk and confidence", lines)


def _cost(review: Review) -> str:
    usd = float(review.cost.get("usd", 0.0))
    tokens = int(review.cost.get("tokens", 0))
    calls, hits = int(review.cost.get("calls", 0)), int(review.cost.get("hits", 0))
    asked = f" in {counted(calls, 'call')}" if calls else ""
    lines = [f"- {review.tier} tier: {usd:.2f} USD, {tokens} tokens{asked}, {review.seconds:.0f} s of work"]
    if hits:
        saved = float(review.cost.get("saved_usd", 0.0))
        lines.append(f"- the cache answered {hits} of {counted(calls, 'call')}: {saved:.2f} USD saved")
    unpriced = ", ".join(neutral(str(name)) for name in review.cost.get("unpriced", ()))
    if unpriced:
        lines.append(f"- the price of {unpriced} is not known: its tokens are counted, its dollars are not")
    return _section("Cost", lines)


def _correct(review: Review) -> str:
    return _section(
        "How to correct it",
        [
            f"- edit the files on the branch `{review.branch}`; your edits are kept",
            f'- `aios revise {review.id} --note "shorter; drop section …"`',
            f'- `aios reject {review.id} --reason "…"`',
        ],
    )


def _folded(review: Review) -> str:
    lines = [
        "<details><summary>How it came about</summary>",
        "",
        *[f"- {neutral(reason)}" for reason in review.reasons[:80]],
        "",
        "Files: " + ", ".join(_code(path) for path in review.files),
        "",
        *[f"- {neutral(version)}" for version in review.versions],
        f"- run `{review.run}`, head `{review.head[:12]}`",
        "",
        "</details>",
    ]
    return "\n".join(lines)
