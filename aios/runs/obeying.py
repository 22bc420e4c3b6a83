"""Doing what an approver's command says, and what to answer."""

from __future__ import annotations

from dataclasses import dataclass

from aios.domain.forge import Proposal, State
from aios.domain.names import APPLY, branch_of
from aios.domain.wording import counted
from aios.errors import AiosError, TransientError, UsageError
from aios.proposals.neutral import code, neutral, plainly
from aios.runs import explaining
from aios.runs.asked import open_of, questions_of
from aios.runs.commands import MERGING, Command, step_of
from aios.runs.context import Context
from aios.runs.definitions import load
from aios.runs.gate import answer, cancel, reject, revise
from aios.runs.gates import open_gate
from aios.runs.on_forge import forge_of
from aios.runs.retrying import retry
from aios.runs.said import Said
from aios.runs.session import read_state
from aios.store.trees import CommitTree

_HELP = (
    ("revise shorter; drop section Discounts", "makes the proposal anew with what you say"),
    ("revise write: …", "the same, beginning at the step `write`"),
    ("explain", "what each step did and why; with a step or words of a sentence, what stands behind it"),
    ("answer 2", "answers the open question, with an option's number or words"),
    ("retry", "tries again what failed, and nothing else"),
    ("reject too close to the March piece", "closes it; later runs learn from the reason"),
    ("confirm abc1234", "the word that a strict policy asks for, on exactly this head"),
)
HELP = "\n".join(
    [
        "\n\n| Comment | What it does |\n|---|---|",
        *(f"| `/aios {say}` | {does} |" for say, does in _HELP),
        "\nMerging is the approval. Your own commits on the branch are kept.",
    ]
)
CHAINS, LINKS = 3, 25


@dataclass(frozen=True, slots=True)
class Reply:
    """`text` is what to answer (empty: the proposal itself shows it), `acted` what was done, in words."""

    text: str = ""
    acted: str = ""


def obey(context: Context, run: str, order: Command, said: Said, proposal: Proposal) -> Reply:
    """Raises AiosError, in words for who said it, where it cannot be done."""
    match order.name:
        case "revise":
            return _revise(context, run, order.text, said)
        case "answer":
            if not order.text:
                return Reply(f"Say what the answer is: {_options(context, run)}")
            answer(context, run, text=_short(order.text), said=said)
            return Reply(acted=f"answered: {_short(order.text)}")
        case "reject":
            if not order.text:
                return Reply("Say why, please: `/aios reject too close to the March piece`. Later runs learn from it.")
            return _reject(context, run, order.text, said)
        case "retry":
            return Reply(acted=f"tried again: {', '.join(retry(context, run, said=said))}")
        case "confirm":
            return Reply(_confirmed(context, run, order.text, proposal))
        case "explain":
            return Reply(_explained(context, run, order.text))
        case "help" | "":
            return Reply(HELP)
        case _:
            return Reply(_unknown(order))


def _revise(context: Context, run: str, text: str, said: Said) -> Reply:
    state = read_state(context.git, run, main=context.main)
    steps = list(load(context, state.workflow, state.base).workflow.steps)
    step, note, meant = step_of(text, steps)
    if meant:
        return Reply(f"There is no step of that name; did you mean {code(meant)}? The steps: {_list(steps)}.")
    if not note:
        return Reply("Say what should be different: `/aios revise shorter; drop section Discounts`.")
    revise(context, run, note=note, step=step, said=said)
    return Reply(acted=f"sent back: {note}")


def _reject(context: Context, run: str, reason: str, said: Said) -> Reply:
    """Close the proposal; a run that is being made anew, or asks, is stopped."""
    state = read_state(context.git, run, main=context.main)
    if not open_gate(state) and context.git.rev(branch_of(run)) is not None and not state.finished:
        cancel(context, run, reason=reason, said=said)
        return Reply(acted=f"stopped: {reason}")
    reject(context, run, reason=reason, said=said)
    return Reply(acted=f"rejected: {reason}")


def _short(text: str) -> str:
    """An answer's first line, where more follows it."""
    return text.strip().partition("\n")[0].strip()


def _options(context: Context, run: str) -> str:
    asked = open_of(questions_of(context, run))
    if asked is None:
        return "nothing is asked at the moment"
    return "; ".join(f"`/aios answer {n}` for {neutral(o, 200)}" for n, o in enumerate(asked.options, start=1)) or (
        "`/aios answer` and your words"
    )


def _confirmed(context: Context, run: str, text: str, proposal: Proposal) -> str:
    """Whether it names the head that is shown. Whether it counts is decided at the merge, from the comment itself."""
    word = text.split(maxsplit=1)[0].casefold() if text.split() else ""
    head = context.git.rev(branch_of(run)) or proposal.head
    if not open_gate(read_state(context.git, run, main=context.main)):
        return "Nothing waits for a decision here."
    if proposal.state is State.MERGED:
        return _confirmed_later(context, word, proposal)
    if len(word) >= 7 and head.startswith(word):
        return f"Noted: {code(word)} is what is shown. Merge it as it is; a new commit on the branch needs a new word."
    return f"That is not the head that is shown. Look again, and comment `/aios confirm {head[:7]}` if you mean it."


def _confirmed_later(context: Context, word: str, proposal: Proposal) -> str:
    """After the merge the word is all that is missing: what applies it is started."""
    if len(word) < 7 or not proposal.head.startswith(word):
        return f"That is not what was merged. Comment `/aios confirm {proposal.head[:10]}` if you mean it."
    noted = f"Noted: {code(word)} is what was merged"
    try:
        forge_of(context).dispatch(APPLY, {})
    except TransientError:
        raise
    except AiosError as error:
        return f"{noted}. `aios apply` has to be started by hand: {plainly(str(error), 400)}."
    return f"{noted}; what it allows is being done."


def _explained(context: Context, run: str, text: str) -> str:
    """The chain behind a step or a sentence, or the whole run in short."""
    ref = branch_of(run) if context.git.rev(branch_of(run)) else context.main
    whole = explaining.explain_run(context, CommitTree(context.git, ref), run)
    state = read_state(context.git, run, main=context.main)
    wanted = " ".join(text.split())
    if not wanted:
        return _chain(whole)
    if wanted in load(context, state.workflow, state.base).workflow.steps:
        return _chain(_of_step(whole, wanted)) or f"The step {code(wanted)} has left no reasons."
    chains = explaining.explain_sentence(context, wanted)
    if not chains:
        raise UsageError(
            f"nothing here says “{wanted[:60]}”", "give words of a sentence as the piece has them, or a step"
        )
    shown = "\n\n".join(_chain(chain) for chain in chains[:CHAINS])
    more = len(chains) - CHAINS
    return shown + (f"\n\n… and {counted(more, 'sentence')} more; more words narrow it down" if more > 0 else "")


def _of_step(links: list[explaining.Link], step: str) -> list[explaining.Link]:
    found: list[explaining.Link] = []
    inside = False
    for each in links:
        if not each.what.startswith(" "):
            inside = each.what == f"step {step}" or each.what.startswith(f"step {step}[")
        found += [each] if inside else []
    return found


def _chain(links: list[explaining.Link]) -> str:
    lines = [
        f"{'  ' if each.what.startswith(' ') else ''}- **{neutral(each.what.strip(), 80)}** {neutral(each.says, 400)}"
        + (f" ({code(each.where, 160)})" if each.where else "")
        for each in links[:LINKS]
    ]
    if len(links) > LINKS:
        lines.append(f"- … and {len(links) - LINKS} more: `aios explain`")
    return "\n\n" + "\n".join(lines) if lines else ""


def _unknown(order: Command) -> str:
    last = order.name.split(" ")[-1]
    if last in MERGING:
        return "Merging this pull request is the approval; no comment is. `/aios help` lists what can be said."
    near = f" Did you mean `/aios {order.meant}`?" if order.meant else ""
    return f"There is no such command.{near} Nothing was done. `/aios help` lists what can be said."


def _list(names: list[str]) -> str:
    return ", ".join(code(name) for name in names)
