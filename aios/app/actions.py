"""What GitHub Actions tells a job, and how a job tells something back. Outside of it all of this is empty."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def in_actions() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def event() -> Mapping[str, Any]:
    """The event that started the workflow, as the forge sent it: data from outside."""
    place = os.environ.get("GITHUB_EVENT_PATH", "")
    try:
        told = json.loads(Path(place).read_bytes()) if place else {}
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, Mapping) else {}


def actor() -> str:
    """The login that started the workflow; on a schedule it says nothing."""
    return "" if os.environ.get("GITHUB_EVENT_NAME") == "schedule" else os.environ.get("GITHUB_ACTOR", "")


def run_url() -> str:
    """The page of this workflow run; empty outside of Actions."""
    server, repository, run = (os.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""


def run_id() -> str:
    """What names this workflow run, the same when it is run again; empty outside of Actions."""
    return os.environ.get("GITHUB_RUN_ID", "")


def token() -> str:
    return os.environ.get("GITHUB_TOKEN", "")


def output(values: Mapping[str, str]) -> None:
    """Outputs of the step, one line each. Raises ValueError for a value that has more."""
    place = os.environ.get("GITHUB_OUTPUT", "")
    for name, value in values.items():
        if "\n" in value or "\r" in value:
            raise ValueError(f"the output {name} has more than one line")
    if place:
        with Path(place).open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())


def summary(text: str) -> None:
    """Markdown for whoever opens the workflow's run."""
    place = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if place:
        with Path(place).open("a") as file:
            file.write(text + "\n")
