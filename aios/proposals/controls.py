"""What a person may do with a proposal, and how it came about."""

from __future__ import annotations

from aios.domain.policy import Decision
from aios.proposals.neutral import code, link, neutral
from aios.proposals.places import at_head, branch_page, trace_page
from aios.proposals.reviewed import Review, Size

SHA = 7  # characters of a commit that a person types


def in_short(review: Review) -> str:
    """The controls in a line, where people decide on a page."""
    if not review.web:
        return ""
    if review.verdict.decision is Decision.CONFIRM:
        word = f"`/aios confirm {review.head[:SHA]}`"
        return (
            f"**Before merging, comment {word}: {neutral(review.verdict.why)}.** Else: `/aios revise …`, or close it."
        )
    return "Merge to approve · comment `/aios revise …` to change it · close it with a reason to reject it"


def correcting(review: Review) -> str:
    own = [
        f'- `aios revise {review.id} --note "shorter; drop section …"`',
        f'- `aios reject {review.id} --reason "…"`',
    ]
    branch = f"- edit the files on the branch {link(code(review.branch), branch_page(review))}; your edits are kept"
    if review.web:
        first = "write" if "write" in review.steps else next(iter(review.steps), "")
        steps = ", ".join(code(step, 80) for step in review.steps[:12])
        named = f"; begin at a step with `/aios revise {first}: …` (steps: {steps})" if review.steps else ""
        own = [
            f"- comment `/aios revise shorter; drop section …`{named}",
            "- comment `/aios explain` with a step or words of a sentence to see what stands behind it",
            "- comment `/aios reject why`, or close it with a comment that says why: later runs learn from it",
            *_confirming(review),
            f'- the same on your machine: `aios show {review.id}`, `aios revise {review.id} --note "…"`',
        ]
    return "\n".join(["## How to correct it", "", branch, *own])


def _confirming(review: Review) -> list[str]:
    if review.verdict.decision is not Decision.CONFIRM:
        return []
    return [f"- to approve: comment `/aios confirm {review.head[:SHA]}`, then merge; a new commit needs a new word"]


def how_it_came_about(review: Review, size: Size) -> str:
    lines = [
        "<details><summary>How it came about</summary>",
        "",
        *[f"- {neutral(reason, size.line)}" for reason in review.reasons[: size.reasons]],
    ]
    left = len(review.reasons) - size.reasons
    lines += [f"- … and {left} more: `aios explain {review.id}`"] if left > 0 else []
    shown = review.files[: size.listed] if size.line else review.files
    more = f" and {len(review.files) - len(shown)} more" if len(shown) < len(review.files) else ""
    lines += ["", "Files: " + ", ".join(code(path, size.line) for path in shown) + more, ""]
    lines += [f"- saw at {code(step, 80)}: {_manifest(review, key)}" for step, key in review.context[: size.listed]]
    lines += [f"- {neutral(version, size.line)}" for version in review.versions[: size.listed if size.line else None]]
    made = f", made from main at `{review.base[:12]}`" if review.base else ""
    lines += [f"- run `{review.run}`, head `{review.head[:12]}`{made}"]
    if review.record:
        lines.append(f"- run record: {link(code(review.record), at_head(review, review.record))}")
    lines += [f"- trace: `aios trace {review.id}` · replay: `aios replay {review.id}`", "", "</details>"]
    return "\n".join(lines)


def _manifest(review: Review, key: str) -> str:
    name = key.removeprefix("sha256:")
    return link(code(f"context {name[:12]}"), trace_page(review, f"context/{name[:2]}/{name}.json"))
