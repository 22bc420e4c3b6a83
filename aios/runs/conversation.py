"""What people say on a proposal, heard: commands of approvers, reviews that ask for changes, ticked answers.

Everything is heard from the forge as it stands, so a trigger that was lost costs time alone. Each command counts once:
what changes the run is an event with the comment in its key; what is only answered stands in our reply. Who is no
approver is data. What a comment said before somebody edited it is not known: an edit counts only where the forge's own
event tells that an approver made it.
"""

from __future__ import annotations

from dataclasses import dataclass

from aios.domain.event import OPERATOR
from aios.domain.forge import LOGIN, Proposal, State
from aios.domain.keys import key_of
from aios.domain.names import BRANCHES, branch_of
from aios.errors import AiosError, BusyError, MovedError, TransientError, UsageError
from aios.proposals.neutral import plainly
from aios.runs.asked import comment_of, open_of, questions_of, ticked
from aios.runs.closing import decided, reason_of
from aios.runs.commands import Command, commands
from aios.runs.context import Context
from aios.runs.gate import answer, cancel, reject
from aios.runs.gates import approvers_at, open_gate
from aios.runs.inbox import open_runs
from aios.runs.landed_branches import keep_steps
from aios.runs.landings import have
from aios.runs.obeying import Reply, obey
from aios.runs.on_forge import forge_of, show_on_forge, show_outcome, speaks_of
from aios.runs.replies import Replies
from aios.runs.said import Said, keys_of
from aios.runs.session import read_state
from aios.runs.sharing import share
from aios.runs.start import run_on_branch
from aios.runs.told import told_of
from aios.runs.utterances import Edit, Talk, Utterance, digest_of, keys_in, utterances

EDITED_LATER = (
    "This comment was edited after it was acted on; an edit does nothing any more. Say what you want in a new comment."
)
EDITED_BEFORE = "This comment was edited before it was read, and by whom is not known here. Say it in a new comment."
_ATTEMPTS = 4
NO_APPROVER = (
    "`/aios …` is heard from the approvers that `state/company.yaml` names (`github:login`), and from nobody else."
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What one proposal's conversation led to. `acted` are commands that changed the run, in words."""

    number: int
    run: str
    acted: tuple[str, ...] = ()
    replied: int = 0
    problem: str = ""


def listen_all(context: Context, edit: Edit | None = None) -> list[Heard]:
    """Every open proposal, and those of open runs that somebody closed."""
    forge = forge_of(context)
    found = {each.number: each for each in forge.proposals(state=State.OPEN)}
    branches = {each.branch for each in found.values()}
    for run in open_runs(context):
        closed = forge.find(branch_of(run)) if branch_of(run) not in branches else None
        if closed is not None and closed.state is State.CLOSED and speaks_of(closed, run):
            found[closed.number] = closed
    return [heard for number in sorted(found) if (heard := listen(context, number, edit)) is not None]


def listen(context: Context, number: int, edit: Edit | None = None) -> Heard | None:
    """Hear one proposal's conversation, do what approvers say, and answer. None where it is no run's."""
    forge = forge_of(context)
    proposal = forge.get(number)
    if proposal.state is State.MERGED:
        _keep_merged(context, proposal)
    run = run_of(context, proposal)
    known = forge.find(proposal.branch) if run else None
    if known is None or known.number != number:  # a stranger's copy may call its branch what it likes
        return None
    for attempt in range(_ATTEMPTS):
        talk = Talk(context, forge, proposal, run, _approvers(context), list(forge.comments(number)), edit)
        replies = Replies(forge, number, talk.comments)
        problem = _heard(talk, replies)
        try:
            if talk.acted or _unshared(talk):
                share(context, run)
        except MovedError:  # somebody pushed to the branch meanwhile: what was said is done on what is there now
            if attempt == _ATTEMPTS - 1:
                raise
            continue
        break
    if talk.acted:
        _shown(talk)
    else:
        _settled(talk)
    return Heard(number, run, tuple(talk.acted), replies.made, problem)


def _keep_merged(context: Context, proposal: Proposal) -> None:
    """Squashed, main does not tell the run's steps, and its branch may be gone: a job has them from the forge alone."""
    if have(context, proposal.head, proposal.number, proposal.branch):
        run = run_on_branch(context, proposal.head)
        if run.count("/") == 2 and branch_of(run) == proposal.branch:
            keep_steps(context, run, proposal.head)


def unheard(context: Context) -> list[int]:
    """Numbers of open proposals where somebody who may has said what was not acted on yet. Writes nothing."""
    forge, waiting = forge_of(context), []
    for proposal in forge.proposals(state=State.OPEN):
        run = run_of(context, proposal)
        if not run:
            continue
        talk = Talk(
            context,
            forge,
            proposal,
            run,
            _approvers(context),
            list(forge.comments(proposal.number)),
            None,
        )
        done = keys_of(context, run).keys() | Replies(forge, proposal.number, talk.comments).known.keys()
        if any(key not in done for each in utterances(talk) for key in keys_in(talk, each)):
            waiting.append(proposal.number)
    return waiting


def _approvers(context: Context) -> frozenset[str]:
    """As main has them: a proposal that names others has no say in it."""
    return approvers_at(context.git, context.main)


def run_of(context: Context, proposal: Proposal) -> str:
    """The run that a proposal is of; empty where it is none of ours. Its branch says so, and once that is gone the body
    does, where branch and run agree."""
    if not proposal.branch.startswith(BRANCHES):
        return ""
    if context.git.rev(proposal.branch) is not None:
        run = run_on_branch(context, proposal.branch)
        if run.count("/") == 2 and speaks_of(proposal, run):
            return run
    marks = [part.partition(" ")[0] for part in proposal.body.split("<!-- aios:")[1:]]
    for run in reversed(marks):
        if run.count("/") == 2 and branch_of(run) == proposal.branch and _is_known(context, run):
            return run
    return ""


def _is_known(context: Context, run: str) -> bool:
    try:
        return bool(read_state(context.git, run, main=context.main).started_at)
    except UsageError:
        return False


def _heard(talk: Talk, replies: Replies) -> str:
    """Everything in the order in which it was said; why the rest has to wait, empty where nothing has to."""
    try:
        for each in utterances(talk):
            _follow(talk, replies, each)
        _ticks(talk)
        _closed(talk)
        _strangers(talk, replies)
    except (BusyError, TransientError) as error:
        return str(error)
    return ""


def _shown(talk: Talk) -> None:
    """What was understood, in the proposal's one comment, and the status of the branch's new head."""
    context, run = talk.context, talk.run
    if context.git.rev(branch_of(run)) is not None and talk.proposal.state is State.OPEN:
        show_on_forge(context, run)
    else:
        show_outcome(context, run)


def _unshared(talk: Talk) -> bool:
    """Was something said recorded here, and a kill came before the shared copy was told?"""
    context, branch = talk.context, branch_of(talk.run)
    there = context.remote.tracked(branch).get(branch) if context.remote else None
    here = context.git.rev(f"refs/heads/{branch}")
    if context.remote is None or here == there:
        return False
    last = told_of(context, talk.run)[-1:]
    return any("said" in each.data for each in last)


def _settled(talk: Talk) -> None:
    """What a kill left half done: a run that is over here, and open there."""
    if talk.proposal.state is State.OPEN:
        state = read_state(talk.context.git, talk.run, main=talk.context.main)
        if state.cancelled or "rejected" in state.gates.values():
            show_outcome(talk.context, talk.run)


def _follow(talk: Talk, replies: Replies, said: Utterance) -> None:
    """The commands of one comment, in order, each once."""
    told = keys_of(talk.context, talk.run)
    keys = keys_in(talk, said)
    known = {key: str(told[key].get("digest", "")) for key in keys if key in told}
    known |= {key: digest for key, digest in replies.known.items() if key in keys}
    pairs = list(zip(keys, said.orders, strict=True))
    for key, order in pairs:
        if key in known:
            _finish(talk, order, key)
    if said.edited and known:
        if any(known.get(key, "?") not in {"", digest_of(order)} for key, order in pairs):
            replies.add(said.id, key_of("edited", said.id), "", EDITED_LATER)
        return
    if not said.sure and len(known) < len(keys):
        replies.add(said.id, key_of("unsure", said.id), "", EDITED_BEFORE)
        return
    for key, order in pairs:
        if key in known:
            continue
        spoken = Said(f"{OPERATOR}:{LOGIN}{said.author}", key, said.url, digest_of(order))
        try:
            reply = obey(talk.context, talk.run, order, spoken, talk.proposal)
        except (BusyError, TransientError):
            raise
        except AiosError as error:
            hint = f" ({plainly(error.hint, 400)})" if error.hint else ""
            reply = Reply(f"Not done: {plainly(error.message, 400)}{hint}.")
        if reply.acted:
            talk.acted.append(reply.acted)
        if reply.text:
            replies.add(said.id, key, digest_of(order), reply.text, echo=order)


def _finish(talk: Talk, order: Command, key: str) -> None:
    """What was recorded of a decision that ends a run, and not carried through before a kill."""
    if talk.context.git.rev(branch_of(talk.run)) is None or key not in keys_of(talk.context, talk.run):
        return
    if order.name == "reject":
        reject(talk.context, talk.run, reason="", said=Said("", key))
    elif order.name == "answer":
        answer(talk.context, talk.run, text="", said=Said("", key))


def _ticks(talk: Talk) -> None:
    """A ticked box is an answer where the forge's event tells that an approver ticked it."""
    asked = open_of(questions_of(talk.context, talk.run))
    if asked is None or not asked.options:
        return
    mark = f"<!-- aios:{asked.marker} -->"
    comment = next((each for each in talk.comments if each.by_us and mark in each.body), None)
    chosen = ticked(asked, comment.body) if comment else []
    if comment is None or not chosen:
        return
    edit = talk.edit if talk.edit and talk.edit.comment == comment.id else None
    now = ticked(asked, edit.body) if edit else []
    if edit and talk.may(edit.by) and len(now) == 1 and now[0] not in ticked(asked, edit.before):
        key = key_of("ticked", talk.run, asked.id)
        spoken = Said(f"{OPERATOR}:{LOGIN}{edit.by}", key, comment.url)
        answer(talk.context, talk.run, text=str(now[0]), said=spoken)
        talk.acted.append(f"answered: {asked.options[now[0] - 1]}")
        return
    if len(chosen) > 1:
        note = "Tick exactly one, please: nothing was taken as an answer."
    elif edit:
        note = "That tick was not an approver's: it was not taken as an answer."
    else:
        note = f"A tick was seen, but not whose it is. Comment `/aios answer {chosen[0]}` if you mean it."
    talk.forge.say(talk.proposal.number, asked.marker, comment_of(asked, note))


def _closed(talk: Talk) -> None:
    """Closed unmerged by an approver, a proposal is rejected, and a run that only asked is stopped."""
    if talk.proposal.state is not State.CLOSED:
        return
    context, run = talk.context, talk.run
    state = read_state(context.git, run, main=context.main)
    if state.finished or state.cancelled or context.git.rev(branch_of(run)) is None:
        return
    if open_gate(state):
        told = decided(context, talk.forge, talk.proposal, run)
        talk.acted += [f"rejected: {told.reason}"] if told and told.rejected else []
        return
    by = talk.forge.closed_by(talk.proposal.number)
    if talk.may(by) and open_of(questions_of(context, run)):
        reason, url = reason_of(talk.comments, by)
        key = key_of("closed", run, talk.proposal.number)
        cancel(context, run, reason=reason, said=Said(f"{OPERATOR}:{LOGIN}{by}", key, url or talk.proposal.url))
        talk.acted.append(f"stopped: {reason}")


def _strangers(talk: Talk, replies: Replies) -> None:
    """Others who call us get one note in all, bots none."""
    for each in talk.comments:
        bot = each.author.casefold().endswith("[bot]")
        if not each.by_us and not bot and not talk.may(each.author) and commands(each.body):
            replies.add("others", key_of("others", talk.run), "", NO_APPROVER)
            return
