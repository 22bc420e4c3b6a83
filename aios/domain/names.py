"""Where things live: paths, refs and the names that nobody may use."""

from __future__ import annotations

BRANCHES = "aios/"
LEDGER = "refs/heads/aios/ledger"
TRACES = "refs/heads/aios/traces"
CLOSED = "refs/aios/closed/"
AGREED = "refs/aios/agreed/"  # what a branch was, here and at the shared copy, when both were compared last
APPLY = "aios-apply.yml"  # the workflow file that does what was approved
STATUS = "aios/proposal"  # the commit status that says: this was shown in full
RESERVED_WORKFLOWS = frozenset({"ledger", "traces"})

COMPANY = "state/company.yaml"
SCHEMAS = "state/schemas/"
AGENTS = "state/agents/"
CASES = "state/cases/"  # what agents are held to
POLICIES = "state/policies/"
CONNECTORS = "state/connectors/"
WORKFLOWS = "workflows/"
RUNS = "state/runs/"
SIGNALS = "state/signals/"
CURSORS = "state/cursors/"
SHAPES = "state/shapes/"  # how services' data was found to look, and was accepted
MEMORY = "memory/"
LOCAL = ".aios/"  # rebuildable, git-ignored

# Never writable by an agent's proposal: what decides is written by a person, what was decided by nobody.
PROTECTED = (
    ".github/",
    WORKFLOWS,
    POLICIES,
    AGENTS,
    CASES,
    CONNECTORS,
    SCHEMAS,
    COMPANY,
    RUNS,
    LOCAL,
    f"{MEMORY}policy.yaml",
    f"{MEMORY}golden.yaml",
    ".gitattributes",
    ".gitignore",
    ".gitmodules",
)


def branch_of(run: str) -> str:
    """The proposal's branch: `aios/<workflow>/<subject>`."""
    workflow, subject, _ = run.split("/")
    return f"{BRANCHES}{workflow}/{subject}"


def run_record_path(run: str, started_at: str) -> str:
    """`state/runs/<yyyy>/<mm>/<ulid>.yaml`."""
    return f"state/runs/{started_at[:4]}/{started_at[5:7]}/{run.split('/')[2]}.yaml"


def cursor_path(connector: str) -> str:
    """How far a connector was read: `state/cursors/<connector>.yaml`."""
    return f"{CURSORS}{connector}.yaml"


def shape_path(connector: str) -> str:
    """What was accepted of a connector's data since it was declared: `state/shapes/<connector>.yaml`."""
    return f"{SHAPES}{connector}.yaml"


def is_protected(path: str) -> bool:
    """In any case of its letters: some file systems keep `State/Policies` and `state/policies` in one place."""
    folded = path.casefold()
    return any(folded == name.rstrip("/") or (name.endswith("/") and folded.startswith(name)) for name in PROTECTED)
