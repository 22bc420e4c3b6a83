"""The only caller of git.

Every git runs with a scrubbed environment: no variables of a calling git, no prompts, no pager, no hooks, literal
paths, one language. Objects are read through one long-lived process (`aios.store.objects`). Nothing here touches the
index or the work tree.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Self, TypeVar

from aios.domain.names import BRANCHES
from aios.errors import AiosError, MovedError, UsageError
from aios.store.durable import sync_directories
from aios.store.launch import DURABLE, NO_HOOKS, command_line, failure, launch, require_version, scrubbed
from aios.store.objects import GitObject, ObjectReader, TreeEntry, entry_of, parse_tree
from aios.store.writing import Writing, past_killed_writers, writing

__all__ = ["Git", "full_ref", "moved", "require_version"]

_BATCH = 256
_KEPT_ENTRIES = 64
_KEPT_TREES = 4
_REMOTE_HEAD = "refs/remotes/origin/HEAD"
_V = TypeVar("_V")


class Git:
    """A repository, seen from `root` (any directory inside it; becomes the top of its work tree).

    `dir` is the directory of the whole repository (shared by its worktrees), `worktree_dir` the one of this worktree.
    A bare repository can be read and written; its `root` is its `dir`. Raises AiosError where there is no repository.
    """

    def __init__(self, root: Path, *, environ: Mapping[str, str] | None = None) -> None:
        self._env = scrubbed(os.environ if environ is None else environ)
        self.root = Path(root)
        if not self.root.is_dir():
            raise UsageError(f"there is no folder {root}", "look at the path")
        facts = self._facts()
        self.dir, self.worktree_dir = Path(facts[0]), Path(facts[1])
        self.is_bare = facts[2] == "true"
        self.hash_size = 32 if facts[3] == "sha256" else 20
        self.root = Path(facts[4]) if len(facts) > 4 else self.dir
        self._reader = ObjectReader(self._cat_file)
        self._trees: dict[str, Mapping[str, tuple[str, str]]] = {}
        self._roots: dict[str, str] = {}
        self._directories: dict[str, Mapping[bytes, tuple[bytes, bytes]]] = {}

    @classmethod
    def init(cls, path: Path, *, branch: str = "main", environ: Mapping[str, str] | None = None) -> Self:
        """Make a repository in `path` (made too where missing), with an unborn `branch`, set up to be durable."""
        require_version()
        path.mkdir(parents=True, exist_ok=True)
        env = scrubbed(os.environ if environ is None else environ)
        done = launch(["init", "-q", "--template=", "-b", branch, "."], cwd=path, env=env)
        if done.returncode:
            raise failure(("init",), done.stderr)
        git = cls(path, environ=environ)
        # `gc.auto` would rewrite packs in the middle of a run; `aios.store.maintain` does it between runs instead.
        for name, value in (("core.fsync", "all"), ("gc.auto", "0"), ("core.quotePath", "false")):
            git.run("config", name, value)
        return git

    # ── launching ──

    def run(
        self,
        *args: str,
        input: bytes | None = None,  # noqa: A002 - the name that subprocess has taught everyone
        env: Mapping[str, str] | None = None,
        check: bool = True,
        hooks: bool = False,
        durable: bool = False,
        cwd: Path | None = None,
    ) -> bytes:
        """Run a git command, give its stdout. With `check`, raise AiosError (or a fitting kind) where it fails.

        `hooks` lets the operator's hooks run (a push); `durable` has git sync what it writes.
        """
        done = self.process(*args, input=input, env=env, hooks=hooks, durable=durable, cwd=cwd)
        if check and done.returncode:
            raise failure(args, done.stderr, done.returncode)
        return done.stdout

    def process(
        self,
        *args: str,
        input: bytes | None = None,  # noqa: A002
        env: Mapping[str, str] | None = None,
        hooks: bool = False,
        durable: bool = False,
        cwd: Path | None = None,
        writing: Writing | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Like `run`, for a caller who wants the exit code and stderr. `writing` is inherited by the git."""
        options = ([] if hooks else ["-c", NO_HOOKS]) + (["-c", DURABLE] if durable else [])
        held = writing.held if writing else ()
        return launch([*options, *args], cwd=cwd or self.root, env=self._env | dict(env or {}), input=input, held=held)

    def text(self, *args: str) -> str:
        """`run`, decoded (odd bytes kept as surrogates) and without the last line feed."""
        return os.fsdecode(self.run(*args)).removesuffix("\n")

    def settings(self, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
        """Environment variables that give one git further settings, which stand in no argument and no file."""
        given = self._env.get("GIT_CONFIG_COUNT", "")
        first = int(given) if given.isdigit() else 0  # the operator's own stay
        env = {"GIT_CONFIG_COUNT": str(first + len(pairs))}
        for number, (name, value) in enumerate(pairs, first):
            env |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        return env

    def open(
        self, *args: str, env: Mapping[str, str] | None = None, writing: Writing | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a git with unbuffered pipes, in a process group of its own so that Ctrl-C reaches only us.

        With `writing` it syncs what it writes, and its stderr can be read; without, stderr is thrown away.
        """
        options = ["-c", NO_HOOKS, *(["-c", DURABLE] if writing else [])]
        return subprocess.Popen(
            command_line([*options, *args]),
            cwd=self.root,
            env=self._env | dict(env or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if writing else subprocess.DEVNULL,
            bufsize=0,
            process_group=0,
            pass_fds=writing.held if writing else (),
        )

    # ── objects ──

    def read_object(self, name: str) -> GitObject | None:
        """Any object by id or revision syntax; None where there is none."""
        if "\n" in name:  # the protocol of the long-lived process is by lines
            name = self.rev(name, kind="") or ""
        return self._reader.read([name])[0] if name else None

    def read_objects(self, names: Iterable[str]) -> Iterator[GitObject | None]:
        """Many objects in the order asked, read in batches."""
        iterator = iter(names)
        while batch := list(islice(iterator, _BATCH)):
            yield from self._reader.read(batch)

    def read_blob(self, spec: str) -> bytes | None:
        """A file's content by blob id or `<commit>:<path>`; None where it is not there or is no blob."""
        found = self.read_object(spec)
        return found.content if found is not None and found.kind == "blob" else None

    def blobs(self, oids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Contents of blobs, in the order asked. Raises AiosError where one is missing."""
        iterator = iter(oids)
        while batch := list(islice(iterator, _BATCH)):
            for oid, found in zip(batch, self._reader.read(batch), strict=True):
                if found is None:
                    raise AiosError(f"The repository has no object {oid}.", "Run `git fsck`.")
                yield oid, found.content

    def tree(self, commit: str) -> Mapping[str, tuple[str, str]]:
        """All files of a commit or tree: path → (mode, blob id), sorted by path. Do not change what is returned."""
        known = self._trees.get(commit)
        if known is not None:
            return known
        files: dict[str, tuple[str, str]] = {}
        for line in self.run("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            if line:
                facts, _, path = line.partition(b"\t")
                mode, _, oid = facts.decode().split(" ")
                files[os.fsdecode(path)] = (mode, oid)
        files = dict(sorted(files.items()))
        if self._is_oid(commit):
            _keep(self._trees, commit, files, limit=_KEPT_TREES)
        return files

    def entry(self, commit: str, path: str) -> TreeEntry | None:
        """What a commit or tree has at `path`; reads only the directories on the way to it."""
        entries = self._directory(self._root(commit))
        *above, name = path.split("/")
        for part in above:
            entry = entry_of(entries, part)
            if entry is None or not entry.is_directory:
                return None
            entries = self._directory(entry.oid)
        return entry_of(entries, name)

    def _root(self, commit: str) -> str:
        known = self._roots.get(commit)
        if known is None:
            known = self.rev(commit, kind="tree")
            if known is None:
                raise AiosError(f"There is no commit `{commit}`.")
            if self._is_oid(commit):
                _keep(self._roots, commit, known)
        return known

    def _directory(self, oid: str) -> Mapping[bytes, tuple[bytes, bytes]]:
        known = self._directories.get(oid)
        if known is None:
            found = self._reader.read([oid])[0]
            if found is None:
                raise AiosError(f"The repository has no object {oid}.", "Run `git fsck`.")
            known = parse_tree(found.content, self.hash_size)
            _keep(self._directories, oid, known)
        return known

    # ── refs ──

    def rev(self, name: str, *, kind: str = "commit") -> str | None:
        """The commit (or object of another `kind`, any for "") that a name stands for; None where there is none."""
        spec = f"{name}^{{{kind}}}" if kind else name
        if "\n" in spec:
            return self.process("rev-parse", "--verify", "-q", spec).stdout.decode().strip() or None
        found = self._reader.read([spec])[0]
        return found.oid if found is not None else None

    def commit(self, name: str) -> str:
        """`rev`, or UsageError's milder sister: AiosError naming what is unknown."""
        found = self.rev(name)
        if found is None:
            raise AiosError(f"There is no commit `{name}`.", "`git branch` and `git log` list what there is.")
        return found

    def branches(self, prefix: str = "") -> dict[str, str]:
        """Local branches whose name starts with `prefix` → commit, sorted by name."""
        return {
            name.removeprefix("refs/heads/"): oid
            for name, oid in self.refs("refs/heads/").items()
            if name.startswith(f"refs/heads/{prefix}")
        }

    def refs(self, prefix: str) -> dict[str, str]:
        """Full ref names below `prefix` → object id, sorted."""
        lines = self.text("for-each-ref", "--format=%(refname) %(objectname)", prefix).splitlines()
        return dict(sorted((name, oid) for name, _, oid in (line.rpartition(" ") for line in lines)))

    def head_branch(self) -> str:
        """The branch checked out here (also where it has no commit yet); empty where HEAD is detached."""
        return self.process("symbolic-ref", "-q", "--short", "HEAD").stdout.decode().strip()

    def default_branch(self) -> str:
        """The company's main branch: the setting `aios.branch`, what `origin` calls its head, `init.defaultBranch`,
        main, master, the one checked out, whichever comes first and exists; in a new repository the unborn one."""
        listed = self.text("for-each-ref", "--format=%(refname) %(HEAD)%(symref)", "refs/heads/", _REMOTE_HEAD)
        existing = dict(line.split(" ", 1) for line in listed.splitlines())
        remote = existing.pop(_REMOTE_HEAD, "").strip().removeprefix("refs/remotes/")
        here = next((name.removeprefix("refs/heads/") for name, mark in existing.items() if mark[:1] == "*"), "")
        for name in (
            self.config("aios.branch"),
            remote.removeprefix("origin/"),
            self.config("init.defaultbranch"),
            "main",
            "master",
            "" if here.startswith(BRANCHES) else here,
        ):
            if name and f"refs/heads/{name}" in existing:
                return name
        own = [name.removeprefix("refs/heads/") for name in existing if not name.startswith(f"refs/heads/{BRANCHES}")]
        return own[0] if own else here or self.head_branch() or "main"

    def update_ref(self, ref: str, new: str, old: str | None, *, reason: str) -> None:
        """Move a ref from `old` (None: it must not exist yet) to `new`, durably. MovedError where it is elsewhere.

        Never touches index or work tree; for a branch that may be checked out use `commits.advance`.
        """
        self._move([f"update {full_ref(ref)} {new} {old or self.zero}"], reason, ref, old)

    def delete_ref(self, ref: str, old: str, *, reason: str = "aios: delete") -> None:
        """Delete a ref that is at `old`. Raises MovedError where it is elsewhere."""
        self._move([f"delete {full_ref(ref)} {old}"], reason, ref, old)

    def _move(self, commands: Sequence[str], reason: str, ref: str, old: str | None) -> None:
        def act() -> None:
            with writing(self.dir) as mark:
                self.update_refs(commands, reason=reason, ref=ref, expected=old, writing=mark)

        past_killed_writers(self.dir, act)

    def update_refs(
        self, commands: Sequence[str], *, reason: str, ref: str, expected: str | None, writing: Writing
    ) -> None:
        """Run commands of `git update-ref --stdin` as one durable transaction; `ref` is the one at stake."""
        script = "\n".join(["start", *commands, "prepare", "commit", ""]).encode()
        options = ("--no-deref", "--create-reflog", "-m", reason, "--stdin")
        done = self.process("update-ref", *options, input=script, durable=True, writing=writing)
        if done.returncode:
            now = self.rev(full_ref(ref))
            if now != expected:
                raise moved(ref, expected, now)
            raise failure(("update-ref",), done.stderr)
        sync_directories(self.dir, full_ref(ref))

    def merge_base(self, a: str, b: str) -> str | None:
        """The best common ancestor; None where histories are unrelated."""
        return self.process("merge-base", a, b).stdout.decode().split("\n")[0] or None

    def is_ancestor(self, a: str, b: str) -> bool:
        """Is commit `a` the same as `b` or contained in its history?"""
        return a == b or self.process("merge-base", "--is-ancestor", a, b).returncode == 0

    # ── settings and the work tree, read only ──

    def config(self, name: str, default: str = "") -> str:
        """One setting, from wherever git takes it."""
        return self._config.get(name.lower(), default)

    @cached_property
    def _config(self) -> dict[str, str]:
        pairs = (item.partition("\n") for item in os.fsdecode(self.run("config", "-z", "--list")).split("\0") if item)
        return {name.lower(): value for name, _, value in pairs}

    def dirty(self, paths: Sequence[str] = ()) -> list[str]:
        """Paths (all, or among `paths`) with uncommitted edits, staged or not, untracked files included; sorted."""
        listed = self.run("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *paths)
        return sorted(os.fsdecode(item[3:]) for item in listed.split(b"\0") if item)

    def is_dirty(self, paths: Sequence[str] = ()) -> bool:
        return bool(self.dirty(paths))

    # ── lifetime ──

    @property
    def zero(self) -> str:
        """The null object id."""
        return "0" * self.hash_size * 2

    def close(self) -> None:
        """End the long-lived process. The object may be used again afterwards."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_reader"):
            self._reader.close()

    def _facts(self) -> list[str]:
        questions = ("--git-common-dir", "--absolute-git-dir", "--is-bare-repository", "--show-object-format")
        done = self.process("rev-parse", "--path-format=absolute", *questions, "--show-toplevel")
        facts = os.fsdecode(done.stdout).splitlines()
        if done.returncode and len(facts) < len(questions):
            raise failure(("rev-parse",), done.stderr, done.returncode, self.root)
        return facts

    def _cat_file(self) -> subprocess.Popen[bytes]:
        return self.open("cat-file", "--batch-command", "--buffer")

    def _is_oid(self, name: str) -> bool:
        return len(name) == self.hash_size * 2 and not name.strip("0123456789abcdef")


def full_ref(ref: str) -> str:
    """`main` → `refs/heads/main`; a full name stays as it is."""
    return ref if ref.startswith("refs/") or ref == "HEAD" else f"refs/heads/{ref}"


def moved(ref: str, expected: str | None, now: str | None) -> MovedError:
    """The error of a lost compare-and-swap, with both ends named."""
    name = ref.removeprefix("refs/heads/")
    was, stands = (oid[:10] if oid else "nowhere" for oid in (expected, now))
    return MovedError(
        f"`{name}` moved meanwhile: expected at {was}, is at {stands}.", "Nothing was changed; try again."
    )


def _keep(cache: dict[str, _V], key: str, value: _V, *, limit: int = _KEPT_ENTRIES) -> None:
    while len(cache) >= limit:
        cache.pop(next(iter(cache), ""), None)
    cache[key] = value
