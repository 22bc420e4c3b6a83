"""The editor itself, a package of npm's: fetched once by npm, held to its hash, kept in `.aios/`."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from aios.errors import CorruptError, RefusedError, TransientError


@dataclass(frozen=True, slots=True)
class Package:
    """A package of npm's in one version. `hash` is its integrity, sha512 in base64; `script` the file a page loads."""

    name: str
    version: str
    hash: str
    script: str

    @property
    def archive(self) -> str:
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


# Runs against the program on this machine. MIT licence, as the other.
DECAP = Package(
    "decap-cms",
    "3.16.3",
    "hf+dPlCh7TJmWl8+6VRzHYOWhri5xgUknrZbDewaWe4s9B7xJ8PQugp2QHeSldMUKzav6+z0oIpwUYhUJDYtYw==",
    "decap-cms.js",
)
# Reads the same configuration, and signs in at GitHub with a token of the operator's: no server in between.
SVELTIA = Package(
    "@sveltia/cms",
    "0.221.1",
    "J+Qoik9kGMk2L7vNpOQrnDmFRi+NB6vwJ0f657YtsxWH0P8WYSYRRSRC2pQ/jGGbVlM//Pg/WIgmkpswqoo3gQ==",
    "sveltia-cms.js",
)
_SECONDS = 180


def installed(package: Package, folder: Path, archive: Path | None = None) -> Path:
    """The folder of the package's built files; fetched where it is not there yet, from `archive` where one is given.

    Raises RefusedError where npm is missing, TransientError where it cannot fetch, CorruptError where the archive is
    not the one that was meant.
    """
    place = folder / f"{package.archive.removesuffix('.tgz')}"
    if (place / package.script).is_file():
        return place
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        file = archive or _fetched(package, Path(scratch))
        _verify(package, file)
        unpacked = Path(scratch) / "unpacked"
        with tarfile.open(file) as tar:
            wanted = [each for each in tar.getmembers() if each.isfile() and each.name.startswith("package/dist/")]
            tar.extractall(unpacked, wanted, filter="data")
        built = unpacked / "package" / "dist"
        if not (built / package.script).is_file():
            raise CorruptError(f"{file.name} holds no {package.script}", "give the archive of the package itself")
        for source in built.rglob("*.map"):
            source.unlink()
        shutil.rmtree(place, ignore_errors=True)
        built.rename(place)
    return place


def _fetched(package: Package, folder: Path) -> Path:
    wanted = f"{package.name}@{package.version}"
    if shutil.which("npm") is None:
        hint = f"install Node.js; or fetch it elsewhere (`npm pack {wanted}`) and add --package {package.archive}"
        raise RefusedError("npm fetches the editor, and it is not installed", hint)
    command = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", str(folder), wanted]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, cwd=folder)
    except subprocess.TimeoutExpired as error:
        raise TransientError(f"npm did not fetch {wanted} within {_SECONDS} s", "look at the network") from error
    if done.returncode or not (folder / package.archive).is_file():
        said = (done.stderr or done.stdout).strip().splitlines()
        raise TransientError(f"npm cannot fetch {wanted}: {said[0][:200] if said else 'no reason given'}", "try again")
    return folder / package.archive


def _verify(package: Package, file: Path) -> None:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise RefusedError(f"{file} cannot be read: {error.strerror}", "look at the path") from error
    if base64.b64encode(hashlib.sha512(content).digest()).decode() != package.hash:
        raise CorruptError(
            f"{file.name} is not {package.name} {package.version}",
            "its hash differs: fetch it again, and do not use this",
        )
