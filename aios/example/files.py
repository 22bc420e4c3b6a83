"""The example company's files: beside the package in a checkout, inside it in a wheel. One source, never a copy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aios.errors import AiosError

# Who runs the company, as git knows them.
OPERATOR = ("Mara Lindqvist", "mara@fernwerk.example")
NAME = "Fernwerk"
# What `aios demo` writes about: eight of the company's sources know something of it.
DEMO_TOPIC = "raising prices for existing customers"
SECOND_TOPIC = "price rises and churn"  # some of its questions are the first one's, most are not

# Folder in a checkout's top level, folder in the wheel, and where its files go in a company.
_PARTS = (
    ("state", "state", "state"),
    ("workflows", "workflows", "workflows"),
    ("memory", "memory", "memory"),
    (".github/operator", "github", ".github"),
)
_MACHINERY = (
    "state/schemas/",
    "state/agents/",
    "state/cases/",
    "state/policies/",
    "workflows/",
    "memory/policy.yaml",
    ".github/",
)
_IGNORED = frozenset({".keep", ".DS_Store"})


def company_files() -> dict[str, bytes]:
    """Every file of the example company by path, sorted. Raises AiosError where the package was installed without."""
    package = Path(__file__).parent
    checkout, wheel = package.parents[1], package / "company"
    files: dict[str, bytes] = {}
    for beside, inside, target in _PARTS:
        folder = wheel / inside if wheel.is_dir() else checkout / beside
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in _IGNORED:
                files[f"{target}/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
    if "workflows/publish-content.yaml" not in files:
        raise AiosError(
            "the example company is missing from this installation", "install aios from its wheel or checkout"
        )
    return dict(sorted(files.items()))


def machinery(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """What every company needs, whatever it does: schemas, agents, policies, workflows, .github."""
    return {path: content for path, content in files.items() if path.startswith(_MACHINERY)}
