"""One company, opened: how the pieces are stacked is read off this module."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aios.app import actions
from aios.app.process import alive, secret, this_process, works
from aios.domain.names import COMPANY, CONNECTORS, LOCAL
from aios.domain.tree import Tree
from aios.errors import AiosError, RefusedError, UsageError
from aios.store.git import Git

if TYPE_CHECKING:
    from aios.connectors.credentials import Credentials
    from aios.domain.agent import Tier
    from aios.domain.effect import Connector
    from aios.domain.finding import Finding
    from aios.domain.forge import Forge
    from aios.domain.memory import Hit
    from aios.domain.model import Model
    from aios.domain.record import Record
    from aios.forge.settings import Settings
    from aios.llm.stack import Stack
    from aios.memory import Memory
    from aios.memory.meaning.background import Background
    from aios.memory.meaning.meaning import Meaning
    from aios.memory.meaning.refresh import Embedded
    from aios.projections import Projection, Refreshed
    from aios.runs.connections import Connection
    from aios.runs.context import Context, Identity, Progress
    from aios.runs.inbox import Item
    from aios.runs.live import Seen
    from aios.store.remote import Remote

Report = Callable[["Progress"], None]
KEYRING = "keyring:"
NOW = "AIOS_NOW"
PAST = "recall-past.sqlite"  # the index of trees of long ago


def utc_now() -> datetime:
    """The time. `AIOS_NOW` (ISO 8601, with its offset) stands for it in tests and replays of whole days, where several
    processes must agree on what day it is; it stands still then."""
    told = os.environ.get(NOW)
    if not told:
        return datetime.now(UTC)
    try:
        at: datetime | None = datetime.fromisoformat(told)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UsageError(f"{NOW} is {told!r}, and no point in time", f"unset it, or {NOW}=2026-08-03T05:40:00+00:00")
    return at.astimezone(UTC)


class Company:
    """One company repository, opened. Cheap to make: what costs is made when it is first asked for."""

    def __init__(self, git: Git, *, report: Report | None = None, clock: Callable[[], datetime] = utc_now) -> None:
        self.git = git
        self.root = git.root
        self.clock = clock
        self._report = report

    @classmethod
    def find(cls, start: Path, *, report: Report | None = None, clock: Callable[[], datetime] = utc_now) -> Company:
        """The company that contains `start`. Raises UsageError where there is none."""
        git = Git(start)
        company = cls(git, report=report, clock=clock)
        if not (git.root / COMPANY).is_file() and git.read_blob(f"HEAD:{COMPANY}") is None:
            raise UsageError(f"{git.root} is a git repository but no company", "`aios init` makes one")
        return company

    # Where things are

    @cached_property
    def main(self) -> str:
        """The branch of canonical state."""
        return self.git.default_branch()

    @cached_property
    def local(self) -> Path:
        """`.aios/`: rebuildable, ignored by git."""
        folder = self.root / LOCAL
        folder.mkdir(exist_ok=True)
        return folder

    @cached_property
    def identity(self) -> Identity:
        """Who works here, as git knows them."""
        from aios.runs.context import Identity

        name, email = self.git.config("user.name"), self.git.config("user.email")
        if not email and actions.in_actions():
            from aios.runs.context import AIOS_EMAIL, AIOS_NAME

            return Identity(AIOS_NAME, AIOS_EMAIL)  # nobody's machine: what is done there is done by aios
        if not email:
            raise RefusedError("git does not know who you are", "git config --global user.email you@example.com")
        return Identity(name or email, email)

    def tree(self, commit: str = "") -> Tree:
        """Canonical state at a commit (default: main's tip)."""
        from aios.store.trees import CommitTree

        return CommitTree(self.git, commit or self.git.rev(self.main) or "HEAD")

    # Where it is shared

    @cached_property
    def forge_settings(self) -> Settings | None:
        """What main's company record says of a forge; None where proposals are branches alone."""
        content = self.git.read_blob(f"{self.main}:{COMPANY}") or b""
        if b"forge" not in content:  # most companies: no parser is loaded for them
            return None
        from aios.forge.settings import read
        from aios.store.documents import parse

        document, _ = parse(COMPANY, content)
        return read(document.data) if document else None

    def token(self) -> str:
        """What authenticates at the forge: the job's in Actions, else where the settings say; empty: git's own ways."""
        settings = self.forge_settings
        if settings is None or actions.in_actions():
            return actions.token()
        if settings.token_keyring:
            return secret(f"{KEYRING}{settings.token_keyring}") or ""
        return (secret(settings.token_env) or "") if settings.token_env else actions.token()

    @cached_property
    def remote(self) -> Remote | None:
        """The copy that several machines share; None where this one stands alone."""
        from aios.store.remote import Remote

        settings = self.forge_settings
        remote = Remote(self.git, settings.remote, token=self.token) if settings else None
        return remote if remote and remote.url() else None

    @cached_property
    def forge(self) -> Forge | None:
        """Where proposals are reviewed; None where that is branches alone. Asks nobody by itself."""
        settings = self.forge_settings
        if settings is None:
            return None
        from aios.forge.github import opened

        return opened(settings, token=self.token, pause=time.sleep, in_job=actions.in_actions())

    # The pieces

    @cached_property
    def memory(self) -> Memory:
        return self._memory_in("recall.sqlite")

    @cached_property
    def past_memory(self) -> Memory:
        """The same for trees of long ago, so that a look back does not turn over the index of today."""
        return self._memory_in(PAST)

    @cached_property
    def _past_words(self) -> Memory:
        from aios.memory import Memory

        return Memory(self.local / PAST)

    def _memory_in(self, name: str) -> Memory:
        from aios.memory import Memory

        return Memory(self.local / name, meaning=self._meaning)

    def _meaning(self) -> Meaning | None:
        """Recall by meaning, where main's company record chooses a model. Raises RefusedError for what is none."""
        content = self.git.read_blob(f"{self.main}:{COMPANY}") or b""
        if b"embedding" not in content:  # most companies: no parser is loaded for them
            return None
        from aios.memory.meaning.choice import chosen
        from aios.memory.meaning.meaning import Meaning
        from aios.store.documents import parse

        document, _ = parse(COMPANY, content)
        choice = chosen(document.data) if document else None
        return Meaning(self.local / "embedding", choice, self.root) if choice else None

    def _recall_varies(self) -> bool:
        try:
            return self.memory.meaning is not None
        except AiosError:
            return False

    def close(self) -> None:
        """Leave: what recall lacks is made in the background, by a process of its own that nobody waits for."""
        memory = self.__dict__.get("memory")
        if memory is None or not memory.behind or memory.without_meaning:
            return
        if self.background.is_marked(self.clock().timestamp()):
            return
        import subprocess

        # -P: what lies in the company's folder is data, and never imported in the place of a module.
        command = [sys.executable, "-P", "-m", "aios", "-C", str(self.root), "memory", "refresh", "--quiet"]
        nothing = subprocess.DEVNULL
        subprocess.Popen(command, cwd=self.root, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)

    @property
    def background(self) -> Background:
        """How the refresh of memory in the background is doing."""
        from aios.memory.meaning.background import Background

        return Background(self.local / "embedding" / "refreshing", this_process(), works)

    def refresh_memory(
        self, report: Callable[[int, int], None], *, quiet: bool = False, wait: bool = False
    ) -> Embedded | None:
        """Bring the index and the vectors to main; None where no model is chosen. Raises RefusedError. To `wait` for
        another process that makes them is for a person who asked for them.

        `quiet` is for the background: it steps aside for everything else, and what goes wrong is kept for `doctor`.
        """
        if quiet:
            os.nice(10)
            with self.background.at_it():
                return self.memory.refresh(self.tree(), report, wait=wait)
        done = self.memory.refresh(self.tree(), report, wait=wait)
        self.background.forget()
        return done

    def told_once(self, what: str) -> bool:
        """Was this said before on this machine? Remembers that it was."""
        file = self.local / "told"
        known = file.read_text().splitlines() if file.exists() else []
        if what in known:
            return True
        file.write_text("\n".join([*known[-20:], what]) + "\n")
        return False

    @property
    def _derived(self) -> Path:
        return self.local / "derived"

    @cached_property
    def _projection(self) -> Projection:
        from aios.projections import Projection

        return Projection(self.local / "projection.sqlite", self.git, self.main)

    @property
    def projection(self) -> Projection:
        """The projection, brought up to date whenever it is asked for (2 ms where nothing is new)."""
        self._projection.refresh()
        return self._projection

    def rebuild(self) -> Refreshed:
        """Make everything derived anew; the exported model and the vectors are put away, and made in the background.

        Raises RefusedError where a folder stands where the index belongs.
        """
        files = list(self.local.glob("recall*.sqlite*"))
        if folder := next((file for file in files if file.is_dir()), None):
            raise RefusedError(f"{folder} is a folder, and the index of memory belongs there", "move it away")
        done = self._projection.rebuild()
        for name in ("memory", "past_memory", "_past_words"):
            if memory := self.__dict__.pop(name, None):
                memory.close()
        for file in files:
            file.unlink(missing_ok=True)
        for derived in (self.local / "embedding", self._derived):
            shutil.rmtree(derived, ignore_errors=True)
        self.recall(self.tree(), "rebuild", 1, (), "")
        return done

    def recall(
        self, tree: Tree, query: str, limit: int, kinds: Sequence[str], now: str, only: Sequence[str] = ()
    ) -> Sequence[Hit]:
        return self.memory.recall(tree, query, limit=limit, kinds=kinds, now=now, only=only)

    def recall_by_words(
        self, tree: Tree, query: str, limit: int, kinds: Sequence[str], now: str, only: Sequence[str] = ()
    ) -> Sequence[Hit]:
        """Whatever model is chosen: what runs recalled that recorded none of it."""
        return self._past_words.recall(tree, query, limit=limit, kinds=kinds, now=now, only=only)

    def connectors(self, tree: Tree) -> Mapping[str, Connector]:
        """The connectors that `state/connectors/` declares, each in its stack of sidecars."""
        return self.load_connectors(tree)[0]

    def load_connectors(self, tree: Tree) -> tuple[Mapping[str, Connector], list[Finding]]:
        from aios.connectors.registry import load

        return load(tree, root=self.root, local=self.local, secret=self._seen, clock=self.clock)

    def connections(self) -> list[Connection]:
        """The connectors of main, and how each is doing. Nothing is contacted."""
        from aios.runs.connections import Desk, connections

        tree = self.tree()
        desk = Desk(self.git, self.local, self.clock(), self.secret, self.credentials, self.paused)
        return connections(desk, tree, *self.load_connectors(tree))

    def uncommitted_connectors(self) -> list[str]:
        """Declarations that lie in the work tree otherwise than on main."""
        return [path for path in self.git.dirty([CONNECTORS]) if path.endswith(".yaml")]

    def secret(self, name: str) -> str | None:
        """What a variable holds that the settings of a connector name; None where it is not set."""
        return os.environ.get(name)

    def _seen(self, name: str) -> str | None:
        value = self.secret(name)
        if value:
            self.credentials.saw(name, value)
        return value

    def compare(self) -> Seen:
        """The records on main beside what the services hold. Asks every connector that can tell; changes nothing."""
        from aios.connectors.registry import ignored_fields
        from aios.runs.live import compare
        from aios.store.catalog import Catalog

        tree = self.tree()
        return compare(Catalog(tree), self.connectors(tree), ignored_fields(tree))

    def models(self, tree: Tree, *, cached: bool = True) -> dict[Tier, Model]:
        """The language models that a tree's company record configures, each in its stack."""
        return self.model_stack(tree).models(cached=cached)

    def model_costs(self) -> dict[str, Any]:
        """What models cost today and this month, against the limits; nothing where none is configured."""
        record = self.company_record()
        tiers = record.get("tiers") if record else None
        return self.model_stack(self.tree()).costs() if isinstance(tiers, Mapping) and tiers else {}

    def model_stack(self, tree: Tree) -> Stack:
        from aios.llm.stack import Stack, World
        from aios.store.catalog import Catalog

        company = Catalog(tree).get("company", "company")
        world = World(self.git, self.local, self.clock, time.sleep, secret, this_process, works)
        return Stack(company.data if company else {}, world)

    @cached_property
    def context(self) -> Context:
        """What runs need from the world."""
        from dataclasses import replace

        from aios.agents.assisted import ASSISTED
        from aios.agents.offline import ENGINES, load
        from aios.connectors.drift import DRIFT, Folder
        from aios.runs.adapting import ADAPTER, adapter
        from aios.runs.context import Context
        from aios.runs.migrating import MIGRATOR, migrator
        from aios.runs.reconciling import RECONCILER, reconciler
        from aios.store.derived import Derived

        context = Context(
            git=self.git,
            main=self.main,
            clock=self.clock,
            operator=self.identity,
            engines={**ENGINES, MIGRATOR: migrator, RECONCILER: reconciler, ADAPTER: adapter},
            assisted=ASSISTED,
            recall=self.recall,
            recall_varies=self._recall_varies,
            recall_by_words=self.recall_by_words,
            connectors=self.connectors,
            worker=this_process(),
            pause=time.sleep,
            paused=self.paused,
            alive=alive,
            models=self.models,
            prospects=lambda tree, agent, tokens: self.model_stack(tree).prospects(agent, tokens),
            ticks=time.time_ns,
            derived=Derived(self._derived),
            ready=load,
            drift=Folder(self.local / DRIFT),
            remote=self.remote,
            forge=self.forge,
        )
        return replace(context, report=self._report) if self._report else context

    # The switch

    def _pause_file(self, connector: str) -> Path:
        return self.local / "paused-connectors" / connector if connector else self.local / "paused"

    def paused(self, connector: str = "") -> str:
        """Why outgoing effects (of a connector) are stopped; empty where they may go out."""
        if self._pause_file("").exists():
            return "paused on this machine (`aios pause --off` allows effects again)"
        if connector and self._pause_file(connector).exists():
            return (
                f"{connector} is paused on this machine (`aios connectors pause {connector} --off` allows them again)"
            )
        company = self.company_record()
        if company is None:
            return "state/company.yaml cannot be read (`aios check` says why)"
        outgoing = company.get("outgoing", "live")
        if outgoing == "paused":
            return "`outgoing: paused` in state/company.yaml"
        return "" if outgoing == "live" else f"`outgoing: {outgoing}` in state/company.yaml is neither live nor paused"

    def pause(self, *, on: bool, connector: str = "") -> None:
        file = self._pause_file(connector)
        if on:
            file.parent.mkdir(exist_ok=True)
            file.touch()
        else:
            file.unlink(missing_ok=True)

    @cached_property
    def credentials(self) -> Credentials:
        """Since when the secrets of connectors have the values that they have."""
        from aios.connectors.credentials import Credentials

        return Credentials(self.local / "credentials.json", self.clock, lambda: os.urandom(16))

    def company_record(self) -> Record | None:
        from aios.store.catalog import Catalog

        return Catalog(self.tree()).get("company", "company")

    # Runs

    def trigger(self) -> dict[str, Any]:
        """A manual trigger: new each time it is asked for."""
        import secrets

        return {"kind": "manual", "key": f"manual:{secrets.token_hex(16)}"}

    def resolve(self, name: str) -> str:
        """A run's full id from its id, ULID, an unambiguous part of it (4 or more characters) or of its subject."""
        from aios.runs.inbox import open_runs

        wanted = name.casefold().removeprefix("aios/")
        opened = open_runs(self.context)
        known = [*opened, *(str(row[0]) for row in self.projection.query("SELECT run FROM runs").rows)]
        known = list(dict.fromkeys(known))
        for candidates in (opened, known):
            found = [run for run in candidates if _names(run, wanted)]
            if len(found) == 1:
                return found[0]
            if len(found) > 1:
                listed = ", ".join(run.split("/")[2] for run in found[:5])
                raise UsageError(f"`{name}` fits {len(found)} runs", f"use one of {listed}")
        raise UsageError(f"no run or proposal is called `{name}`", "`aios inbox` and `aios runs` list them")

    def unfinished(self) -> list[str]:
        """Runs that main tells as not over."""
        rows = self.projection.query("SELECT run FROM runs WHERE status IN ('running', 'waiting') ORDER BY run").rows
        return [str(row[0]) for row in rows]

    def trigger_keys(self) -> list[str]:
        """Keys of the triggers whose runs main tells of."""
        rows = self.projection.query(
            "SELECT json_extract(data, '$.trigger.key') FROM records WHERE kind = 'run'", limit=1_000_000
        ).rows
        return [str(row[0]) for row in rows if row[0]]

    def inbox(self) -> list[Item]:
        from aios.runs.inbox import items

        return items(self.context, self.unfinished())

    def published_page(self, run: str) -> tuple[str, str]:
        """Where the page that a run published lies here (its URL where it does not), and its receipt's key."""
        from aios.effects.payloads import effect_of
        from aios.runs.effects import receipts

        planned, receipt = receipts(self.context, run)[-1]
        connector = self.connectors(self.tree())[planned.connector]
        known = connector.lookup(effect_of(planned, run)).found
        return str(known.response.get("page") or receipt.url) if known else receipt.url, receipt.key

    # Checking

    def check(self, *, work_tree: bool = True) -> list[Finding]:
        """Every finding of the files as they lie in the work tree (or on main)."""
        from aios.runs.checking import check_company
        from aios.store.trees import WorkTree

        tree = WorkTree(self.root, git=self.git) if work_tree else self.tree()
        return check_company(tree, cache=self.local / "check.sqlite", connectors=self.load_connectors)


def _names(run: str, wanted: str) -> bool:
    if run == wanted:
        return True
    if run.count("/") != 2:
        return False
    workflow, subject, ulid = run.split("/")
    part = len(wanted) >= 4 and (ulid.startswith(wanted) or ulid.endswith(wanted) or subject.startswith(wanted))
    return wanted in {ulid, subject, f"{workflow}/{subject}"} or part
