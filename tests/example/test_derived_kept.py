"""What runs keep of sources is derived: a replay does without it, and `aios rebuild` makes it anew."""

from __future__ import annotations

from pathlib import Path

from aios.app import found_company
from aios.domain.keys import digest
from aios.errors import Exit
from aios.example import DEMO_TOPIC
from tests.example.test_draft_by_a_model import SUBJECT
from tests.example.test_flow import aios


def forge(entry: Path) -> None:
    """An entry that is whole, and says that its source has nothing in it."""
    entry.write_bytes(digest(entry.name.encode() + b"\n[]").encode() + b"\n[]")


def test_a_replay_takes_nothing_that_was_kept_on_trust_and_a_rebuild_forgets_it(tmp_path: Path) -> None:
    root = tmp_path / "fernwerk"
    found_company(root, name="", email="", example=True)
    run = ("run", "publish-content", "--input", f"topic={DEMO_TOPIC}")
    assert aios(root, *run).returncode == Exit.WAITING
    kept = sorted((root / ".aios/derived").iterdir())
    assert len(kept) > 10
    for entry in kept:
        forge(entry)
    replayed = aios(root, "replay", SUBJECT)
    assert replayed.returncode == Exit.OK, replayed.stdout
    assert "identical" in replayed.stderr
    misled = aios(root, *run, "--replace")  # a forged entry is one that a run would have believed
    assert "too little material" in misled.stderr
    assert aios(root, "replay", SUBJECT).returncode != Exit.OK  # and a replay would have found it out
    assert aios(root, "rebuild").returncode == Exit.OK
    assert not (root / ".aios/derived").exists()
    assert "Waits for your decision" in aios(root, *run, "--replace").stderr
