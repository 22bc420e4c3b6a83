"""GitHub Actions of one repository: events start workflows, workflows wait in their groups, jobs follow one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from tests.actions.evaluating import Scope
from tests.actions.expressions import Expressions
from tests.actions.hub.hub import Hub
from tests.actions.hub.things import Event, stamp
from tests.actions.job import Done, Job, Machine
from tests.actions.pinned import Shelf
from tests.actions.workflow import Workflow

# (workflow file, job, attempt) → seconds that the job's own command lives; None: as long as it wants.
Kill = Callable[[str, str, int], float | None]
_SCOPES = (
    "actions",
    "attestations",
    "checks",
    "contents",
    "deployments",
    "id-token",
    "issues",
    "packages",
    "pages",
    "pull-requests",
    "statuses",
)
_JOB_KEYS = frozenset(
    {
        "name",
        "needs",
        "if",
        "runs-on",
        "timeout-minutes",
        "permissions",
        "outputs",
        "steps",
        "strategy",
        "env",
        "environment",
        "concurrency",
    }
)


@dataclass
class Run:
    """A workflow that an event started. `jobs` has each job's newest outcome, one for each of its matrix' values."""

    id: int
    workflow: Workflow
    event: Event
    group: str
    queue_max: bool
    shelf: Shelf
    attempt: int = 1
    cancelled: bool = False
    jobs: dict[str, list[Done]] = field(default_factory=dict)

    def result(self, job: str) -> str:
        results = [each.result for each in self.jobs[job]]
        return next((each for each in ("cancelled", "failure", "success") if each in results), "skipped")

    @property
    def conclusion(self) -> str:
        results = [self.result(job) for job in self.jobs]
        return "cancelled" if self.cancelled else "failure" if "failure" in results else "success"

    def needs(self, job: Mapping[str, Any]) -> list[str]:
        needs = job.get("needs") or []
        return [needs] if isinstance(needs, str) else list(needs)

    def told(self) -> str:
        """One line of each job, for whoever reads why a test failed."""
        return f"{self.workflow.file} on {self.event.name}: " + ", ".join(
            f"{job} {self.result(job)}" for job in self.jobs
        )

    def log(self) -> str:
        return "\n".join(
            f"--- {each.id}: {each.result}\n{each.log}{each.summary}" for jobs in self.jobs.values() for each in jobs
        )


class Actions:
    """`secrets` and `variables` are the repository's; the hub's clock is what every machine's clock says.

    `asked` tells how often each secret was shown to the service that it opens.
    """

    def __init__(
        self,
        hub: Hub,
        folder: Path,
        expressions: Expressions,
        *,
        secrets: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        kill: Kill = lambda *_: None,
        asked: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self.hub = hub
        self.secrets = dict(secrets or {})
        self.variables = dict(variables or {})
        self.kill = kill
        self._asked = asked
        self.runs: list[Run] = []
        self.problems: list[str] = []
        self.warm = True
        self._folder = folder
        self._expressions = expressions
        self._cache: dict[str, Path] = {}
        self._read: dict[str, Workflow] = {}
        self._waiting: list[Run] = []

    def settle(self) -> list[Run]:
        """Run whatever events started, and what that starts, until nothing waits; in the order of their coming."""
        done: list[Run] = []
        while True:
            self._queue()
            if not self._waiting:
                return done
            run = self._waiting.pop(0)
            self._carry_out(run)
            done.append(run)

    def again(self, run: Run) -> Run:
        """“Re-run failed jobs”: those, and whatever depends on them, on the same commit."""
        run.attempt += 1
        failed = {job for job in run.jobs if run.result(job) in {"failure", "cancelled"}}
        for job, told in run.workflow.jobs.items():
            if failed & set(run.needs(told)):
                failed.add(job)
        for job in failed:
            run.jobs.pop(job, None)
        self._carry_out(run)
        return run

    # What starts

    def _queue(self) -> None:
        while self.hub.events:
            event = self.hub.events.pop(0)
            for workflow in self._workflows(event.sha):
                if workflow.starts(event):
                    self._enqueue(self._made(workflow, event))

    def _made(self, workflow: Workflow, event: Event) -> Run:
        number = len(self.runs) + 1
        shelf = Shelf(self._folder / f"run-{number}", cache=self._cache, warm=self.warm)
        shelf.folder.mkdir(parents=True)
        run = Run(number, workflow, event, "", queue_max=False, shelf=shelf)
        if told := workflow.told.get("concurrency"):
            whole = {"group": told} if not isinstance(told, Mapping) or set(told) == {"$"} else told
            scope = self._scope(run, set())
            run.group, run.queue_max = scope.text(whole["group"]), whole.get("queue") == "max"
            assert not (run.queue_max and whole.get("cancel-in-progress")), "queue: max excludes cancel-in-progress"
        self.runs.append(run)
        return run

    def _enqueue(self, run: Run) -> None:
        """One waits in a group, the newest, unless the file says that all do."""
        for other in list(self._waiting):
            if run.group and other.group == run.group and not run.queue_max:
                other.cancelled = True
                self._waiting.remove(other)
        self._waiting.append(run)

    def _workflows(self, commit: str) -> Iterator[Workflow]:
        listed = self.hub.bare.git("ls-tree", commit, ".github/workflows/").splitlines()
        for line in listed:
            (_, _, blob), path = line.split("\t")[0].split(), line.split("\t")[1]
            if path.endswith((".yml", ".yaml")):
                key = f"{blob} {path}"
                if key not in self._read:
                    self._read[key] = Workflow(
                        path, self._expressions.workflow(path, self.hub.bare.git("cat-file", "blob", blob) + "\n")
                    )
                yield self._read[key]

    # What runs

    def _carry_out(self, run: Run) -> None:
        told = {"id": run.id, "path": run.workflow.path, "event": run.event.name, "head_sha": run.event.sha}
        told |= {"status": "in_progress", "conclusion": None, "created_at": stamp(self.hub.clock())}
        self.hub.runs.insert(0, told)
        left = [job for job in run.workflow.jobs if job not in run.jobs]
        while left:
            ready = [job for job in left if all(each in run.jobs for each in run.needs(run.workflow.jobs[job]))]
            assert ready, f"{run.workflow.path}: jobs need each other"
            for job in ready:
                run.jobs[job] = list(self._job(run, job, run.workflow.jobs[job]))
                left.remove(job)
        told |= {"status": "completed", "conclusion": run.conclusion}

    def _job(self, run: Run, id: str, told: Mapping[str, Any]) -> Iterator[Done]:  # noqa: A002  GitHub's word
        unknown = sorted(told.keys() - _JOB_KEYS)
        assert not unknown, f"{unknown} of a job is not interpreted here"
        seen: set[str] = set()
        needs = {each: {"result": run.result(each), "outputs": _outputs(run.jobs[each])} for each in run.needs(told)}
        scope = self._scope(run, seen).with_(_status(run, told), needs=needs)
        if not scope.holds(told.get("if"), all(each["result"] == "success" for each in needs.values())):
            yield Done(id, id, "skipped")
            return
        strategy = told.get("strategy") or {}
        values = list(_matrix(scope.value(strategy.get("matrix")))) if "matrix" in strategy else [{}]
        assert 0 < len(values) <= 256, f"{id}: a matrix of {len(values)} jobs"
        for number, each in enumerate(values):
            fixed = {
                "job-index": number,
                "job-total": len(values),
                "fail-fast": strategy.get("fail-fast", True),
                "max-parallel": len(values),
            }
            yield self._once(run, id, told, scope.with_("success", matrix=each, strategy=fixed), number)

    def _once(self, run: Run, id: str, told: Mapping[str, Any], scope: Scope, number: int) -> Done:  # noqa: A002
        permissions = _permissions(told.get("permissions", run.workflow.told.get("permissions")))
        token = self.hub.token(self.hub.bot, permissions, job=f"{run.workflow.file}/{id}")
        secrets = {**self.secrets, "GITHUB_TOKEN": token.value}
        scope = scope.with_(secrets=secrets, github={**scope.contexts["github"], "token": token.value})
        if told.get("concurrency"):
            whole = told["concurrency"]
            scope.text(whole["group"] if isinstance(whole, Mapping) and "group" in whole else whole)
        folder = self._folder / f"machine-{run.id}-{run.attempt}-{id}-{number}"
        seconds = self.kill(run.workflow.file, id, run.attempt)
        at = {"AIOS_NOW": stamp(self.hub.clock())}
        machine = Machine(self.hub, run.shelf, folder, token, run.attempt, at, seconds)
        env = scope.texts(run.workflow.told.get("env"))
        before = self._asked()
        done = Job(id, told, scope, env, machine).run()
        done.shown = {name for name, times in self._asked().items() if times > before.get(name, 0)}
        done.secrets = set(scope.seen)
        self._require_secret(done, [*self.secrets.values(), token.value])
        return done

    def _require_secret(self, done: Done, values: list[str]) -> None:
        for text in (done.log, done.summary, *done.outputs.values()):
            if any(value in text for value in values):
                self.problems.append(f"{done.id}: a secret stands in its log, its summary or its outputs")

    def _scope(self, run: Run, seen: set[str]) -> Scope:
        event, hub = run.event, self.hub
        ref_name = event.ref.removeprefix("refs/heads/").removeprefix("refs/tags/").removeprefix("refs/")
        pull = event.payload.get("pull_request", {}) if event.name == "pull_request" else {}
        github = {
            "action": "",
            "action_path": "",
            "actor": event.actor,
            "actor_id": "1",
            "api_url": hub.api,
            "base_ref": pull.get("base", {}).get("ref", ""),
            "event": event.payload,
            "event_name": event.name,
            "graphql_url": f"{hub.url}/api/graphql",
            "head_ref": pull.get("head", {}).get("ref", ""),
            "ref": event.ref,
            "ref_name": ref_name,
            "ref_protected": False,
            "ref_type": "branch",
            "repository": hub.repository,
            "repository_id": "1",
            "repository_owner": hub.owner.login,
            "run_attempt": str(run.attempt),
            "run_id": str(run.id),
            "run_number": str(run.id),
            "server_url": hub.url,
            "sha": event.sha,
            "triggering_actor": event.actor,
            "workflow": run.workflow.name,
            "workflow_ref": f"{hub.repository}/{run.workflow.path}@{event.ref}",
        }
        contexts = {"github": github, "vars": self.variables, "inputs": run.workflow.inputs(event)}
        tell = lambda what: self.problems.append(f"{run.workflow.file}: {what}")  # noqa: E731
        return Scope(self._expressions, contexts, tell=tell, seen=seen)


def _outputs(done: list[Done]) -> dict[str, str]:
    return {name: value for each in done for name, value in each.outputs.items()}


def _status(run: Run, told: Mapping[str, Any]) -> str:
    """What `success()` and `failure()` mean for a job: of what it needs, and of what that needs."""
    before: set[str] = set()
    todo = run.needs(told)
    while todo:
        each = todo.pop()
        before.add(each)
        todo += run.needs(run.workflow.jobs[each])
    results = {run.result(each) for each in before}
    direct = {run.result(each) for each in run.needs(told)}
    if "failure" in results:
        return "failure"
    return "success" if direct <= {"success"} else "skipped"


def _matrix(told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    assert not told.keys() & {"include", "exclude"}, "include and exclude of a matrix are not interpreted here"
    for values in product(*told.values()):
        yield dict(zip(told, values, strict=True))


def _permissions(told: Any) -> dict[str, str]:
    """Of a job's token. Where a file says nothing GitHub gives what the repository's settings say: ours must say."""
    assert told is not None, "no permissions are declared"
    assert isinstance(told, Mapping), f"permissions: {told} gives more than a job needs"
    assert set(told) <= set(_SCOPES), f"unknown permissions: {sorted(set(told) - set(_SCOPES))}"
    return {str(scope).replace("-", "_"): str(level) for scope, level in told.items()} | {"metadata": "read"}
