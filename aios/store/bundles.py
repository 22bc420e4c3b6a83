"""Commits in a file: how one machine hands them to another without a server (git's bundle format, v2; v3 for SHA-256).

Writing is deterministic: the same commits give the same bytes. Whoever reads one trusts nothing in it: the header is
parsed by itself, sizes are bounded, every object is checked by git before it counts, and until somebody moves a ref to
them, what came in is named by nothing.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aios.errors import InvalidError
from aios.store.durable import sync_directory
from aios.store.git import Git
from aios.store.launch import failure
from aios.store.packs import Caps, survey

LARGEST = 256 * 1024 * 1024  # bytes of a bundle that is read, where the caller says nothing else
_HEADER = 64 * 1024
_TITLES = {b"# v2 git bundle\n": 2, b"# v3 git bundle\n": 3}
_FORMATS = {20: "sha1", 32: "sha256"}
_PREREQUISITE = re.compile(rb"-([0-9a-f]{40}|[0-9a-f]{64})(?: [^\n]*)?")
_REF = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) (refs/[\x21-\x7e]+)")
# One thread and no delta that was made before: what else lies in the repository must not show in the bytes.
_PACK = ("pack-objects", "--stdout", "--revs", "--thin", "--delta-base-offset", "--no-reuse-delta", "--no-reuse-object")
_ALIKE = (
    "pack.threads=1",
    "pack.window=10",
    "pack.depth=50",
    "pack.compression=-1",
    "core.compression=-1",
    "pack.useBitmaps=false",
    "pack.useSparse=false",
    "core.bigFileThreshold=512m",
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a bundle says of itself: refs → commits, the commits that the reader must have, where the pack begins."""

    refs: Mapping[str, str]
    prerequisites: tuple[str, ...]
    algorithm: str
    offset: int


def write(git: Git, file: Path, refs: Mapping[str, str], *, without: Sequence[str] = ()) -> None:
    """Write what `refs` (full names → commits) reach and `without` (commits that the reader has) do not.

    With nothing new in it, it still names its refs. The file is there whole or not at all.
    """
    listed = "".join(f"{oid}\n" for oid in sorted(set(refs.values())))
    left = "".join(f"^{oid}\n" for oid in sorted(set(without)))
    settings = [word for setting in _ALIKE for word in ("-c", setting)]
    done = git.process(*settings, *_PACK, input=(listed + left).encode())
    if done.returncode:
        raise failure(("pack-objects",), done.stderr, done.returncode)
    lines = ["# v2 git bundle"] if git.hash_size == 20 else ["# v3 git bundle", "@object-format=sha256"]
    lines += [f"-{oid}" for oid in sorted(set(without))]
    lines += [f"{oid} {name}" for name, oid in sorted(refs.items())]
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    part.write_bytes(("\n".join(lines) + "\n\n").encode() + done.stdout)
    part.replace(file)
    sync_directory(file.parent)


def header_of(file: Path) -> Header:
    """The header alone; no git is asked. Raises InvalidError for what is no bundle that we could have written."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_HEADER)
    except OSError as error:
        raise _wrong(file, f"it cannot be read ({error.strerror})") from error
    end = data.find(b"\n\n")
    title = data[: data.find(b"\n") + 1]
    if title not in _TITLES or end < 0:
        raise _wrong(file, "its header is that of no git bundle, or longer than 64 KiB")
    algorithm, refs, prerequisites = "sha1", dict[str, str](), list[str]()
    for number, line in enumerate(data[:end].split(b"\n")[1:], 2):
        if line.startswith(b"@object-format=") and _TITLES[title] == 3:
            algorithm = line.partition(b"=")[2].decode(errors="replace")
        elif (found := _PREREQUISITE.fullmatch(line)) and not refs:
            prerequisites.append(found[1].decode())
        elif (found := _REF.fullmatch(line)) and (name := found[2].decode()) not in refs:
            refs[name] = found[1].decode()
        else:
            raise _wrong(file, f"line {number} of its header is none that belongs there")
    return Header(refs, tuple(prerequisites), algorithm, end + 2)


@contextmanager
def quarantined(
    git: Git, file: Path, *, limit: int = LARGEST, caps: Caps | None = None
) -> Iterator[tuple[Git, Header]]:
    """The bundle opened beside a repository: a passing repository that has the bundle's objects and refs and sees all
    that `git` has. Nothing gets into `git`. With `caps`, what is more than they allow is not even unpacked. Raises
    InvalidError where the bundle is not in order."""
    header = _checked_header(git, file)
    with tempfile.TemporaryDirectory(prefix="aios-bundle-") as folder:
        place = Path(folder)
        git.run("init", "--quiet", "--bare", "--template=", f"--object-format={header.algorithm}", folder)
        (place / "objects/info").mkdir(parents=True, exist_ok=True)
        (place / "objects/info/alternates").write_text(f"{git.dir / 'objects'}\n")
        with Git(place) as apart:
            _index(apart, file, header, limit, caps=caps)
            for name, oid in header.refs.items():
                apart.run("update-ref", name, oid)
            yield apart, header


def take_in(git: Git, file: Path, *, limit: int = LARGEST) -> Header:
    """Bring a bundle's objects into the repository; no ref names them yet. The caller has reasons to trust it, or looks
    at it before anything else does. Raises InvalidError where the bundle is not in order."""
    header = _checked_header(git, file)
    _index(git, file, header, limit, durable=True)
    return header


def _checked_header(git: Git, file: Path) -> Header:
    header = header_of(file)
    if header.algorithm != _FORMATS[git.hash_size]:
        raise _wrong(file, f"its objects are named by {header.algorithm}, ours by {_FORMATS[git.hash_size]}")
    missing = next((oid for oid in header.prerequisites if git.rev(oid) is None), "")
    if missing:
        raise _wrong(file, f"it builds on {missing[:10]}, which is not here", "fetch all branches first")
    return header


def _index(
    git: Git, file: Path, header: Header, limit: int, *, durable: bool = False, caps: Caps | None = None
) -> None:
    size = file.stat().st_size
    if size > limit:
        raise _wrong(file, f"it holds {size} bytes, more than the {limit} that are read")
    with file.open("rb") as opened:
        opened.seek(header.offset)
        pack = opened.read()
    if caps is not None:
        try:
            survey(pack, caps, hash_size=git.hash_size)
        except InvalidError as error:
            raise _wrong(file, error.message) from error
    # Twelve bytes of title, no objects, and a checksum: git keeps no such pack, and there is nothing to keep.
    if pack[:12] != b"PACK\0\0\0\2\0\0\0\0":
        command = ("index-pack", "--stdin", "--fix-thin", "--strict", f"--max-input-size={limit}")
        done = git.process(*command, input=pack, durable=durable)
        if done.returncode:
            raise _wrong(file, failure(("index-pack",), done.stderr, done.returncode).message)
        git.close()  # the long-lived reader looks for new packs when it starts again
    absent = next((oid for oid in header.refs.values() if git.rev(oid) != oid), "")
    if absent:
        raise _wrong(file, f"{absent[:10]}, which it names, is no commit in it")
    below = [f"^{oid}" for oid in header.prerequisites]
    done = git.process("rev-list", "--objects", "--quiet", *header.refs.values(), *below)
    if done.returncode:
        raise _wrong(file, "something is missing in it that its commits need")


def _wrong(file: Path, why: str, hint: str = "") -> InvalidError:
    return InvalidError(f"{file} is not in order: {why}", hint or "nothing of it was used; run the job again")
