"""`mode` is main's to say, after an approval too: what was only shown goes out, and what is to stop stops."""

from __future__ import annotations

from pathlib import Path

from aios.app import found_company
from aios.errors import Exit
from aios.example import DEMO_TOPIC
from tests.conftest import commit_all
from tests.example.test_flow import aios, waiting


def approved(root: Path, mode: str) -> Path:
    """A company whose site has that mode, with a piece that is approved and not yet published; its page."""
    found_company(root, name="", email="", example=True)
    set_mode(root, mode)
    done = aios(root, "run", "publish-content", "--input", f"topic={DEMO_TOPIC}")
    assert done.returncode == Exit.WAITING, done.stderr
    (item,) = waiting(root)
    assert aios(root, "approve", item["id"]).returncode == Exit.OK
    return root / "public/raising-prices-for-existing-customers/index.html"


def set_mode(root: Path, mode: str) -> None:
    file = root / "state/connectors/site.yaml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("mode:")]
    file.write_text("\n".join([*lines, f"mode: {mode}", ""]))
    commit_all(root, mode)


def test_what_a_dry_run_showed_is_done_once_the_connector_is_live(tmp_path: Path) -> None:
    page = approved(tmp_path / "mine", "dry-run")
    done = aios(tmp_path / "mine", "apply")
    assert done.returncode == Exit.WAITING
    assert "was not sent (`mode: live` in state/connectors/site.yaml sends it)" in done.stderr
    assert not page.exists()
    set_mode(tmp_path / "mine", "live")
    assert aios(tmp_path / "mine", "apply").returncode == Exit.OK
    assert "<h1" in page.read_text()


def test_a_connector_that_is_to_observe_since_the_approval_sends_nothing(tmp_path: Path) -> None:
    page = approved(tmp_path / "mine", "live")
    set_mode(tmp_path / "mine", "observe")
    done = aios(tmp_path / "mine", "apply")
    assert done.returncode == Exit.WAITING, done.stderr
    assert "observe" in done.stderr
    assert not page.exists()
