"""Who allowed a run's effects: the one question that stands before every act, answered anew and failing closed.

Two kinds of commits on main approve a run. A merge of our own (`aios approve`, or a policy) is authored by an approver.
Where the operator merged at the forge, or pushed a merge of their own, `adopting` notes that afterwards; that note is
believed in nothing: the forge is asked again who merged what, and the commits are compared again.

What this protects against, where the forge enforces nothing (a free private repository): merges by people, bots or
tokens that are not approvers; a branch that was edited after it was shown; a merge that changed what is sent; a forged
approval that somebody pushed, as far as the forge tells who pushes (`Host.activity`: pushes of about the last months).

What it does not: a person who may push to main may change `approvers` itself, or the workflow files, and read all keys
by that (no job's token may do the latter); whoever holds an approver's account is that approver; a forged commit in an
approver's name whose push the forge no longer tells of; and anything with `contents: write` may delete history, which
stops effects and starts none. Only the propose and apply jobs hold such a token, and neither runs what an agent made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aios.domain.event import AIOS_EMAIL
from aios.domain.forge import Comment, Forge, may_approve
from aios.domain.names import POLICIES, STATUS, run_record_path
from aios.domain.policy import Decision
from aios.domain.proposal import PlannedEffect
from aios.domain.run import RunState
from aios.errors import AiosError, InvalidError, RefusedError
from aios.proposals.record import END, awaited_effects, verdict_of
from aios.runs.commands import commands
from aios.runs.context import Context
from aios.runs.definitions import Definitions, load
from aios.runs.gates import approvers_at, open_gate
from aios.runs.hand_edits import POLICY
from aios.runs.history import APPROVED, OPENED, REFRESHED, fact_of_event, fold
from aios.runs.landings import Landing, again, changed_by, have, pusher_of, told
from aios.runs.planning import plan_effects
from aios.runs.propose import assess
from aios.runs.session import told_once
from aios.store.documents import parse
from aios.store.log import read_events
from aios.store.trees import CommitTree

_COMMIT = re.compile(r"[0-9a-f]{7,40}")
OURS = "<!-- aios:"  # stands in every comment of this program's, whoever's account it uses
_SENT = "nothing was sent"


class ChangedError(RefusedError):
    """What came to main is not what was shown: it has to be shown anew."""


class UnconfirmedError(RefusedError):
    """A rule asks for a word on exactly this commit, and nobody said it yet."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What lay before the operator: the run as it stood, its record, and what approving it allows."""

    landing: Landing
    state: RunState
    gate: str
    record: Mapping[str, Any]
    definitions: Definitions
    effects: tuple[PlannedEffect, ...]


def approving_commit(context: Context, state: RunState, vouched: set[str] | None = None) -> str:
    """The commit on main that approves the run. `vouched` remembers what was verified in this sitting.

    Raises RefusedError where none does, TransientError where the forge has to be asked and does not answer.
    """
    refusal: AiosError | None = None
    for commit, email, actor, output in _approvals(context, state.id):
        if vouched is not None and commit in vouched:
            return commit
        try:
            _verify(context, state.id, commit, email, actor, output)
        except RefusedError as error:
            refusal = refusal or error
            continue
        if vouched is not None:
            vouched.add(commit)
        return commit
    raise refusal or RefusedError(f"no merge on {context.main} approves {state.id}", _SENT)


def _approvals(context: Context, run: str) -> list[tuple[str, str, str, Mapping[str, Any]]]:
    """Commit, author, actor and output of what says on main that the run was approved, newest first."""
    names = ("Event", "Run", "Actor", "Output")
    trailers = "%x00".join(f"%(trailers:key=Aios-{name},valueonly,unfold,separator=%x2c)" for name in names)
    text = context.git.text(
        "log", "--fixed-strings", f"--grep=Aios-Run: {run}", f"--format=%H%x00%ae%x00{trailers}", context.main, "--"
    )
    found = []
    for line in text.splitlines():
        commit, email, event, of, actor, output = line.split("\0", 5)
        if event == APPROVED and of == run:
            found.append((commit, email, actor, _mapping(output)))
    return found


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _verify(context: Context, run: str, commit: str, email: str, actor: str, output: Mapping[str, Any]) -> None:
    """Raises RefusedError unless the commit really approves the run."""
    approvers = approvers_at(context.git, context.main)
    if not approvers:
        raise RefusedError("state/company.yaml names no approver that can be read", _SENT)
    if output.get("merge"):
        if context.forge is None:
            raise RefusedError(f"{run} was merged at a forge, and nobody can be asked who did", _SENT)
        reviewed = review(context, context.forge, _as_the_forge_tells(context, context.forge, told(output, run)))
        _verify_keys(reviewed, output)
        return
    if context.forge is not None and actor.startswith(POLICY):
        _verify_policy(context, run, commit, output)
        _verify_who_made_the_rules(context, context.forge, approvers)
        return
    if not may_approve(approvers, email=email):
        raise RefusedError(f"{email} merged this, and is not among the company's approvers", _SENT)
    if context.forge is not None:
        _verify_pusher(context, context.forge, commit)


def _verify_pusher(context: Context, forge: Forge, commit: str) -> None:
    """A commit names its author as it likes; the forge knows whose push brought it, for a while."""
    pusher, doubt = pusher_of(forge, context.git, context.main, commit)
    if doubt:
        raise RefusedError(doubt, _approver(""))
    if not pusher and not _is_on_line(context, commit):
        raise RefusedError(f"{commit[:10]} came in with a branch that was merged", _approver(""))
    if pusher and not may_approve(approvers_at(context.git, context.main), **who(pusher)):
        raise RefusedError(
            f"{pusher} pushed {commit[:10]}, and is not among the company's approvers", _approver(pusher)
        )


def _is_on_line(context: Context, commit: str) -> bool:
    """Was it made on main itself? Whoever merges a branch does not say what its commits say."""
    return commit in context.git.text("rev-list", "--first-parent", context.main, "--").split()


def _verify_keys(reviewed: Reviewed, output: Mapping[str, Any]) -> None:
    noted = output.get("effects")
    if {effect.key for effect in reviewed.effects} != set(noted if isinstance(noted, list) else ()):
        raise RefusedError(f"what was noted as approved of {reviewed.state.id} is not what was shown", _SENT)


def _verify_policy(context: Context, run: str, commit: str, output: Mapping[str, Any]) -> None:
    """What merged by itself is allowed as long as the policies on main say that it may."""
    git, head = context.git, str(output.get("head", ""))
    before = git.rev(f"{commit}^1")
    if not head or before is None or git.rev(f"{commit}^2") != head:
        raise RefusedError(f"{commit[:10]} is no merge by a policy", _SENT)
    landing = Landing(run, commit, head, before, "merge", POLICY, "")
    reviewed = _as_shown(context, landing)
    verdict, _ = assess(
        context,
        reviewed.definitions,
        reviewed.state,
        head,
        reviewed.effects,
        base=git.merge_base(before, head),
    )
    if verdict.decision is not Decision.AUTO:
        raise RefusedError(f"no policy merges {run} by itself any more: {verdict.why}", _SENT)


def _verify_who_made_the_rules(context: Context, forge: Forge, approvers: frozenset[str]) -> None:
    """What merges without a person goes by rules that persons made: a token that may push could write its own."""
    for by, commit in changed_by(forge, context.git, context.main, POLICIES).items():
        if not may_approve(approvers, **who(by)):
            raise RefusedError(
                f"{by or 'nobody known'} changed the policies ({commit[:10]}), and is not among the approvers",
                f"nothing merges by itself as long as that is so: an approver may merge it. {_SENT}",
            )


def _as_the_forge_tells(context: Context, forge: Forge, noted: Landing) -> Landing:
    """The landing asked anew; of what was noted, only which one it is counts. Raises RefusedError where the forge and
    the commits tell otherwise."""
    found = again(context, forge, noted)
    if found is None:
        where = f"merge of #{noted.number}" if noted.number else f"push of {noted.commit[:10]}"
        raise RefusedError(f"the forge knows of no such {where}", _SENT)
    return found


def review(context: Context, forge: Forge, landing: Landing) -> Reviewed:
    """What was reviewed, where the landing may count as its approval.

    Raises ChangedError where it was not the same that came to main, UnconfirmedError where a word is missing, another
    RefusedError where whoever merged it may not, or nobody can tell what was reviewed.
    """
    _verify_landing(context, landing)
    reviewed = _as_shown(context, landing)
    _verify_shown(context, forge, reviewed)
    verify_same(context, reviewed, landing.commit, "merging changed what would be sent")
    if verdict_of(reviewed.record).decision is Decision.CONFIRM:
        verify_confirmed(context, forge, landing, verdict_of(reviewed.record).why)
    return reviewed


def _verify_landing(context: Context, landing: Landing) -> None:
    git = context.git
    if not landing.commit or not git.is_ancestor(landing.commit, git.commit(context.main)):
        raise RefusedError(f"its merge is not on {context.main}", "merge it there, or reject the run")
    verify_by(context, landing)
    if not landing.head or not have(context, landing.head, landing.number, f"aios/{landing.run.rpartition('/')[0]}"):
        raise RefusedError("what was reviewed cannot be had any more", f"`aios approve {landing.run.split('/')[2]}`")


def verify_by(context: Context, landing: Landing) -> None:
    """Raises RefusedError unless an approver merged it: one before the merge, and one still."""
    before, now = approvers_at(context.git, landing.before or context.main), approvers_at(context.git, context.main)
    named = frozenset(each.casefold() for each in before) & frozenset(each.casefold() for each in now)
    name = landing.pusher or landing.by
    if landing.doubt:
        raise RefusedError(landing.doubt, _approver(""))
    if landing.number == 0 and not landing.pusher:
        if not may_approve(named, email=landing.by):
            raise RefusedError(
                f"{landing.by or 'nobody'} made the merge, and is not among the approvers", _approver("")
            )
        return
    if not name or not may_approve(named, **who(name)):
        verb = "merged" if landing.number else "pushed"
        raise RefusedError(f"{name or 'nobody known'} {verb} it, and is not among the approvers", _approver(name))
    if landing.pusher and landing.by != AIOS_EMAIL and not may_approve(named, email=landing.by):
        raise RefusedError(f"{landing.by} made the merge, and is not among the approvers", _approver(""))


def who(name: str) -> dict[str, str]:
    """What `may_approve` asks for. A forge on one machine knows people by their addresses; a bot is nobody, whoever
    calls it an approver."""
    return {"email": name} if "@" in name else {"login": "" if name.casefold().endswith("[bot]") else name}


def _approver(login: str) -> str:
    told = f"`approvers` in state/company.yaml would name github:{login}; " if login and "@" not in login else ""
    told = "" if login.casefold().endswith("[bot]") else told
    return f"{told}{_SENT}: an approver may still say `aios approve`, or reject it"


def _as_shown(context: Context, landing: Landing) -> Reviewed:
    """The run and its record as the reviewed commit has them. Raises RefusedError where that shows no open gate."""
    git, head = context.git, landing.head
    events = told_once(read_events(git, until=head, run=landing.run))
    state = fold(landing.run, [fact_of_event(event) for event in events])
    gate = open_gate(state)
    path = run_record_path(landing.run, state.started_at) if state.started_at else ""
    content = git.read_blob(f"{head}:{path}") if path else None
    document = parse(path, content)[0] if content is not None else None
    if not gate or document is None or document.data.get("gate") != gate:
        raise ChangedError(f"{head[:10]} shows no proposal that waits", _SENT)
    shown = next((event for event in reversed(events) if _is_showing(event.type, event.author_email)), None)
    if shown is None or git.read_blob(f"{shown.commit}:{path}") != content:
        raise ChangedError("its run record was edited by hand", _SENT)
    definitions = load(context, state.workflow, state.base)
    return Reviewed(landing, state, gate, document.data, definitions, awaited_effects(document.data))


def _is_showing(event: str, author: str) -> bool:
    return event in {OPENED, REFRESHED} and author == AIOS_EMAIL


def _verify_shown(context: Context, forge: Forge, reviewed: Reviewed) -> None:
    """Raises ChangedError where the branch would send otherwise than its record shows, or it never was shown whole."""
    landing = reviewed.landing
    verify_same(context, reviewed, landing.head, "it was edited after it was shown")
    if not landing.number:
        return
    events = read_events(context.git, until=landing.head, run=landing.run)
    shown = [event.commit for event in events if _is_showing(event.type, event.author_email)]
    if not any(forge.statuses(commit).get(STATUS) for commit in dict.fromkeys((landing.head, *shown[-1:]))):
        raise ChangedError("it was merged before it was shown in full", _SENT)


def verify_same(context: Context, reviewed: Reviewed, commit: str, why: str) -> None:
    """Raises ChangedError unless the tree of a commit feeds exactly the effects that were shown."""
    if reviewed.gate == END:
        return
    tree = CommitTree(context.git, commit)
    try:
        planned = plan_effects(reviewed.definitions, reviewed.state, tree, reviewed.gate)
    except InvalidError as error:
        raise ChangedError(f"{why}: {error.message}", _SENT) from error
    if {effect.key for effect in planned} != {effect.key for effect in reviewed.effects}:
        raise ChangedError(why, _SENT)


def verify_confirmed(context: Context, forge: Forge, landing: Landing, why: str) -> None:
    """Raises UnconfirmedError unless an approver said the word on exactly the reviewed commit, and let it stand."""
    comments = forge.comments(landing.number) if landing.number else ()
    approvers = approvers_at(context.git, context.main)
    said = [each for each in comments if _confirms(each, landing.head)]
    if any(not each.edited and may_approve(approvers, **who(each.author)) for each in said):
        return
    doubt = "; a word that was edited, or is not an approver's, does not count" if said else ""
    where = f"comment `/aios confirm {landing.head[:10]}` on #{landing.number}, or " if landing.number else ""
    run = landing.run.split("/")
    hint = f"{where}`aios approve {run[2]} --confirm {run[1]}`; then `aios apply`"
    raise UnconfirmedError(f"it asks for a word: {why}{doubt}", hint)


def _confirms(comment: Comment, head: str) -> bool:
    if OURS in comment.body:
        return False
    words = (each.text for each in commands(comment.body) if each.name == "confirm")
    return any(_COMMIT.fullmatch(word) is not None and head.startswith(word) for word in words)
