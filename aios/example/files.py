"""The example company's files: beside the package in a checkout, inside it in a wheel. One source, never a copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from aios.errors import AiosError

# Who runs the company, as git knows them.
OPERATOR = ("Mara Lindqvist", "mara@fernwerk.example")
NAME = "Fernwerk"
# What `aios demo` writes about: eight of the company's sources know something of it.
DEMO_TOPIC = "raising prices for existing customers"
SECOND_TOPIC = "price rises and churn"  # some of its questions are the first one's, most are not

# Folder in a checkout's top level, folder in the wheel, and where its files go in a company.
_PARTS = (("state", "state", "state"), ("workflows", "workflows", "workflows"), ("memory", "memory", "memory"))
# For companies that work with GitHub: `aios init --github` brings them in line with the company, and writes them.
_GITHUB = (".github/operator", "github", ".github")
_MACHINERY = (
    "state/schemas/",
    "state/agents/",
    "state/cases/",
    "state/policies/",
    "workflows/",
    "memory/policy.yaml",
)
_IGNORED = frozenset({".keep", ".DS_Store"})


def company_files() -> dict[str, bytes]:
    """Every file of the example company by path, sorted. Raises AiosError where the package was installed without."""
    files = {path: content for part in _PARTS for path, content in _files(*part)}
    if "workflows/publish-content.yaml" not in files:
        raise AiosError(
            "the example company is missing from this installation", "install aios from its wheel or checkout"
        )
    return dict(sorted(files.items()))


def github_files() -> dict[str, str]:
    """The files below `.github/` of a company that works with GitHub, as they are before it is known what it needs."""
    files = {path: content.decode() for path, content in _files(*_GITHUB)}
    if not files:
        raise AiosError(
            "the workflow files for GitHub are missing from this installation",
            "install aios from its wheel or checkout",
        )
    return dict(sorted(files.items()))


def _files(beside: str, inside: str, target: str) -> Iterator[tuple[str, bytes]]:
    package = Path(__file__).parent
    checkout, wheel = package.parents[1], package / "company"
    folder = wheel / inside if wheel.is_dir() else checkout / beside
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in _IGNORED:
            yield f"{target}/{path.relative_to(folder).as_posix()}", path.read_bytes()


def machinery(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """What every company needs, whatever it does: schemas, agents, policies, workflows."""
    return {path: content for path, content in files.items() if path.startswith(_MACHINERY)}
