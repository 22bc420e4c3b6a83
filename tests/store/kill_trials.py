"""Kills a writer at random moments and looks at what is left: `python -m tests.store.kill_trials 1000`.

Each trial starts a process that appends steps to one and the same log, acknowledging each through a pipe; it is killed
with everything it started (or alone, its git then goes on) after a random number of acknowledgements and a random
moment more. The log is opened again, and must hold every acknowledged step once, in order.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from aios.store.git import Git
from aios.store.journal import Journal
from aios.store.maintain import maintain
from aios.store.runlog import RunLog, journal_path
from tests.store.drafts import draft

BRANCH = "aios/trial/kill"


def work(root: Path, trial: int, every: int) -> None:
    """Append for ever, printing each step's key once it is durable."""
    git = Git(root)
    log = RunLog(git, BRANCH, Journal(journal_path(git, "01kill")), start=git.rev("main"), every=every)
    number = 0
    while True:
        key = f"t{trial}-{number}"
        files: dict[str, bytes | None] = {f"state/notes/{number % 50}.yaml": f"key: {key}\n".encode() * 30}
        log.append(draft(key, files), key)
        os.write(1, f"{key}\n".encode())
        number += 1


def kill_once(root: Path, trial: int, chance: random.Random) -> tuple[int, list[str]]:
    """One trial; gives how many steps were acknowledged and what is wrong afterwards."""
    every = chance.choice((1, 2, 3, 7, 100))
    command = [sys.executable, "-m", "tests.store.kill_trials", "work", str(root), str(trial), str(every)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout is not None
        acknowledged = [child.stdout.readline().decode().strip() for _ in range(chance.randrange(1, 40))]
        try:
            child.wait(timeout=chance.random() * 0.03)
        except subprocess.TimeoutExpired:
            kill_session(child.pid, alone=chance.random() < 0.3)
        acknowledged += child.stdout.read().decode().split("\n")[:-1]
    return len(acknowledged), _problems(root, trial, acknowledged)


def kill_session(leader: int, *, alone: bool) -> None:
    """Kill the process, or its whole session: the gits that it started are in groups of their own."""
    os.kill(leader, signal.SIGKILL)
    for place in [] if alone else Path("/proc").glob("[0-9]*/stat"):
        try:
            session = int(place.read_text().rpartition(")")[2].split()[3])
            if session == leader:
                os.kill(int(place.parent.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue


def _problems(root: Path, trial: int, acknowledged: list[str]) -> list[str]:
    problems: list[str] = []
    with Git(root) as git:
        RunLog(git, BRANCH, Journal(journal_path(git, "01kill")), start=git.rev("main")).close()
        maintain(git, packs=30)
        form = "%(trailers:key=Aios-Key,valueonly,separator=)"
        mine = f"--grep=^Aios-Key: t{trial}-"
        found = git.text("log", "--reverse", "--topo-order", f"--format={form}", mine, f"main..{BRANCH}").split()
        if found[: len(acknowledged)] != acknowledged:
            problems.append(f"acknowledged {acknowledged[-3:]}, found {found[-3:]}")
        if len(found) not in (len(acknowledged), len(acknowledged) + 1):
            problems.append(f"{len(acknowledged)} acknowledged, {len(found)} found")
        if found != [f"t{trial}-{number}" for number in range(len(found))]:
            problems.append("a step is missing or doubled")
        checked = git.process("fsck", "--strict", "--no-dangling", "--connectivity-only")
        if checked.returncode or checked.stderr:
            problems.append(checked.stderr.decode())
        if git.dirty() or git.refs("refs/aios/"):
            problems.append(f"left over: {git.dirty()} {git.refs('refs/aios/')}")
    return problems


def main(trials: int) -> int:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "company"
        with Git.init(root) as git:
            git.run("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "--allow-empty", "-m", "start")
        chance = random.Random(1)
        total = failed = 0
        for trial in range(trials):
            count, problems = kill_once(root, trial, chance)
            total += count
            failed += bool(problems)
            if problems:
                sys.stderr.write(f"trial {trial}: {problems}\n")
        with Git(root) as git:
            whole = git.process("fsck", "--full", "--strict", "--no-dangling")
        sys.stdout.write(f"{trials - failed} of {trials} clean, {total} steps acknowledged, fsck {whole.returncode}\n")
        return failed or whole.returncode


if __name__ == "__main__":
    if sys.argv[1] == "work":
        work(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    sys.exit(main(int(sys.argv[1])))
