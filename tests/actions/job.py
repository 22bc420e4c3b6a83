"""One job, step after step, on a machine of its own."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.actions.evaluating import Scope
from tests.actions.hub.hub import Hub
from tests.actions.hub.tokens import Token
from tests.actions.pinned import KNOWN, FailedError, Shelf, Step
from tests.actions.place import KilledError, Place

_USES = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})")
_SHELLS = {None: ["bash", "-e"], "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"]}
_STEP_KEYS = frozenset(
    {
        "id",
        "name",
        "if",
        "uses",
        "with",
        "run",
        "env",
        "shell",
        "working-directory",
        "continue-on-error",
        "timeout-minutes",
    }
)
# Of the context `github`, what is also told in the environment. The token is not.
_TOLD = (
    "action_path",
    "actor",
    "actor_id",
    "api_url",
    "base_ref",
    "event_name",
    "graphql_url",
    "head_ref",
    "job",
    "ref",
    "ref_name",
    "ref_protected",
    "ref_type",
    "repository",
    "repository_id",
    "repository_owner",
    "run_attempt",
    "run_id",
    "run_number",
    "server_url",
    "sha",
    "triggering_actor",
    "workflow",
    "workflow_ref",
    "workspace",
)
_HEREDOC = re.compile(r"([^=<\n]+)<<(.+)")


@dataclass
class Done:
    """What became of a job. `took` are the seconds of its own command, `secrets` the names of those that
    it was given, `shown` of those that a service saw meanwhile, `killed` says that its machine was lost."""

    id: str
    name: str
    result: str
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    summary: str = ""
    token: Token | None = None
    secrets: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    steps: dict[str, str] = field(default_factory=dict)
    took: float = 0.0
    killed: bool = False


@dataclass
class Machine:
    """What a job runs with. `kill` is how many seconds its own command lives; None: as long as it wants."""

    hub: Hub
    shelf: Shelf
    folder: Path
    token: Token
    attempt: int
    clock: Mapping[str, str]
    kill: float | None = None


class Job:
    """A job of a file with its matrix' values, ready to be run once."""

    def __init__(
        self, name: str, told: Mapping[str, Any], scope: Scope, env: Mapping[str, str], machine: Machine
    ) -> None:
        self._told = told
        self._machine = machine
        self._place = Place(machine.folder, machine.hub.repository, paths=[])
        self._env = dict(env)
        self._steps: dict[str, dict[str, Any]] = {}
        self._later: list[Callable[[], None]] = []
        self._result = "success"
        github = {**scope.contexts["github"], "job": name, "workspace": str(self._place.workspace)}
        runner = {
            "os": "Linux",
            "arch": "X64",
            "temp": str(self._place.temp),
            "name": "a",
            "tool_cache": "/opt",
            "environment": "github-hosted",
        }
        job = {"status": "success", "container": {}, "services": {}}
        self._scope = scope.with_(github=github, runner=runner, job=job, steps={}, env=dict(env))
        self._event = self._place.file("event")
        self._event.write_text(json.dumps(github["event"]))
        self.done = Done(name, str(scope.text(told.get("name", name))), "success", token=machine.token)

    def run(self) -> Done:
        told = self._told
        self._env |= self._now().texts(told.get("env"))
        try:
            for number, step in enumerate(told["steps"]):
                self._step(step, f"__{number}", self._now(), self._steps, self._env)
            if self._result == "success":
                for each in reversed(self._later):
                    each()
            self.done.outputs = self._now().texts(told.get("outputs"))
        except KilledError as error:
            self._result, self.done.killed = "failure", True
            self._place.log.append(f"the machine is gone during: {error}\n")
        self.done.result = self._result
        self.done.log = "".join(self._place.log)
        self.done.summary = self._place.summary.read_text() if self._place.summary.exists() else ""
        self._machine.token.alive = False
        self._place.end()
        return self.done

    def _now(self, scope: Scope | None = None) -> Scope:
        job = {**self._scope.contexts["job"], "status": self._result}
        return (scope or self._scope).with_(self._result, job=job, env=dict(self._env), steps=self._steps)

    def _step(
        self,
        step: Mapping[str, Any],
        number: str,
        scope: Scope,
        steps: dict[str, dict[str, Any]],
        env: Mapping[str, str],
    ) -> None:
        """One step, within a job or within an action that is made of steps."""
        unknown = step.keys() - _STEP_KEYS
        assert not unknown, f"{sorted(unknown)} of a step is not interpreted here"
        name = step.get("id", number)
        told: dict[str, Any] = {"outputs": {}, "outcome": "skipped", "conclusion": "skipped"}
        steps[name] = told
        scope = scope.with_(self._result, steps=steps, env=dict(env))
        if not scope.holds(step.get("if"), self._result == "success"):
            self.done.steps[name] = "skipped"
            return
        own = {**env, **scope.texts(step.get("env"))}
        scope = scope.with_(env=own)
        self._place.log.append(f"##[{name}] {scope.text(step.get('name') or step.get('uses') or 'run')}\n")
        try:
            told["outcome"] = "success"
            told["outputs"] = self._uses(step, scope, own) if "uses" in step else self._runs(step, scope, own)
        except FailedError as error:
            told["outcome"] = "failure"
            self._place.log.append(f"##[error] {error}\n")
        told["conclusion"] = told["outcome"]
        if told["outcome"] == "failure":
            if scope.text(step.get("continue-on-error", "")) == "true":
                told["conclusion"] = "success"
            else:
                self._result = "failure"
        self.done.steps[name] = told["conclusion"]

    def _uses(self, step: Mapping[str, Any], scope: Scope, env: Mapping[str, str]) -> dict[str, str]:
        uses, inputs = step["uses"], scope.texts(step.get("with"))
        if uses.startswith(("./", "$/")):
            return self._composite(uses, inputs, scope, env)
        pinned = _USES.fullmatch(uses)
        assert pinned, f"{uses} is not pinned by the hash of a commit"
        known = KNOWN.get(pinned[1])
        assert known, f"what {pinned[1]} does is not known here"
        act, accepted = known
        unknown = sorted(inputs.keys() - accepted)
        assert not unknown, f"{pinned[1]}: what the inputs {unknown} do is not known here"
        place = self._told.get("environment", "")
        place = place["name"] if isinstance(place, Mapping) else place
        machine, github = self._machine, scope.contexts["github"]
        use = Step(
            machine.hub,
            self._place,
            machine.shelf,
            machine.token,
            github,
            inputs,
            str(place),
            machine.attempt,
            self._later,
        )
        return act(use)

    def _composite(self, uses: str, inputs: Mapping[str, str], scope: Scope, env: Mapping[str, str]) -> dict[str, str]:
        folder = self._own(uses, scope.contexts["github"]["sha"])
        file = folder / "action.yml"
        if not file.is_file():
            raise FailedError(f"Can't find 'action.yml' under '{folder}'. Did you forget to run actions/checkout?")
        told = scope.action(uses, file.read_text())
        assert told["runs"]["using"] == "composite", f"{uses} is of a kind that is not interpreted here"
        declared = told.get("inputs") or {}
        unknown = sorted(inputs.keys() - declared.keys())
        assert not unknown, f"{uses}: Unexpected input(s) {unknown}"
        given = {name: inputs.get(name, scope.text((how or {}).get("default", ""))) for name, how in declared.items()}
        lacking = [name for name, how in declared.items() if (how or {}).get("required") and not given[name]]
        assert not lacking, f"{uses}: {lacking} required and not supplied"
        inner: dict[str, dict[str, Any]] = {}
        github = {**scope.contexts["github"], "action_path": str(folder)}
        within = scope.with_(inputs=given, github=github)
        for number, step in enumerate(told["runs"]["steps"]):
            assert "uses" in step or "shell" in step, f"{uses}: Required property is missing: shell"
            self._step(step, f"__{number}", within, inner, env)
        if any(each["conclusion"] == "failure" for each in inner.values()):
            self._result = "failure"
        outputs = {name: each["value"] for name, each in (told.get("outputs") or {}).items()}
        return within.with_(steps=inner).texts(outputs)

    def _own(self, uses: str, commit: str) -> Path:
        """The folder of an action of the repository itself: `./` in the work tree as it is by now, `$/` of the commit
        that runs, which no step can have changed."""
        if uses.startswith("./"):
            return (self._place.workspace / uses).resolve()
        inside, there = uses.removeprefix("$/"), self._place.folder / "_actions"
        there.mkdir(exist_ok=True)
        done = self._machine.hub.bare.process("archive", commit, inside)
        if done.returncode == 0:
            subprocess.run(["tar", "-x", "-C", there], input=done.stdout, check=True)
        return there / inside

    def _runs(self, step: Mapping[str, Any], scope: Scope, env: Mapping[str, str]) -> dict[str, str]:
        shell = _SHELLS.get(step.get("shell"))
        assert shell, f"the shell {step['shell']} is not interpreted here"
        script = self._place.file("script")
        script.write_text(scope.text(step["run"]))
        files = {
            name: self._place.file(name) for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")
        }
        summary = self._place.file("summary")
        github = scope.contexts["github"]
        given = {
            **_told_by_github(github, scope.contexts["runner"]),
            **self._machine.clock,
            "GITHUB_EVENT_PATH": str(self._event),
            "GITHUB_STEP_SUMMARY": str(summary),
            **{name: str(file) for name, file in files.items()},
            **env,
        }
        cwd = self._place.workspace / scope.text(step.get("working-directory", "."))
        ours = "shell" not in step  # the file's own commands, and not those of the action that readies the job
        self._place.kill = self._machine.kill if ours else None
        try:
            code = self._place.run([*shell, str(script)], given, cwd)
        finally:
            self._place.kill = None
        if ours:
            self.done.took = self._place.took
        with self._place.summary.open("a") as whole:
            whole.write(summary.read_text())
        self._env |= _pairs(files["GITHUB_ENV"].read_text())
        self._place.paths[:0] = reversed(files["GITHUB_PATH"].read_text().split())
        outputs = _pairs(files["GITHUB_OUTPUT"].read_text())
        if code:
            raise FailedError(f"Process completed with exit code {code}.")
        return outputs


def _told_by_github(github: Mapping[str, Any], runner: Mapping[str, Any]) -> dict[str, str]:
    """The variables that every step has. The token is none of them."""
    told = {f"GITHUB_{name.upper()}": str(github[name]) for name in _TOLD if name in github}
    machine = {f"RUNNER_{name.upper()}": str(value) for name, value in runner.items()}
    return {"CI": "true", "GITHUB_ACTIONS": "true", **told, **machine}


def _pairs(text: str) -> dict[str, str]:
    """`name=value` in a line, or `name<<END`, lines and END."""
    pairs, lines = {}, iter(text.splitlines())
    for line in lines:
        if (heredoc := _HEREDOC.fullmatch(line)) and "=" not in heredoc[1]:
            inside = []
            for each in lines:
                if each == heredoc[2]:
                    break
                inside.append(each)
            else:
                raise AssertionError(f"{line} is never ended")
            pairs[heredoc[1]] = "\n".join(inside)
        elif line:
            name, equals, value = line.partition("=")
            assert equals, f"Invalid format '{line}'"
            pairs[name] = value
    return pairs
