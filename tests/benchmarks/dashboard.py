"""The dashboard of 10,000 notes beside a static site generator that writes the same texts as pages (`pelican`, on the
PATH; markdown package beside it), in CPU seconds of the whole process."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.start_up import Row, _cpu, company_of

PAGES = 10_000
_WORDS = (Path(__file__).parents[2] / "README.md").read_text().split()


def run() -> list[Row]:
    """The first build, and one after a single record changed."""
    choose = random.Random(6)
    texts = {f"note-{number:05}": _text(choose) for number in range(PAGES)}
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        company = company_of(
            root / "company", {f"memory/notes/{name}.md": _note(name, text) for name, text in texts.items()}
        )
        build = [sys.executable, "-m", "aios", "dashboard"]
        subprocess.run([*build[:3], "status"], cwd=company, check=True, capture_output=True)  # the projection is made
        ours = _cpu(build, company) / 1000
        peer = _peer(root / "peer", texts)
        rows = [
            Row(
                f"dashboard of {PAGES:,} notes, CPU s (peer: pelican)", ours, peer, ours / peer if peer else None, "≤ 1"
            )
        ]
        (company / "memory/notes/note-00007.md").write_text(_note("note-00007", "Another text."))
        subprocess.run(["git", "commit", "-qam", "one more"], cwd=company, check=True)
        again = _cpu(build, company) / 1000
        rows.append(Row("the same after one change, CPU s (peer: the first)", again, ours, again / ours, "≤ 1"))
    return rows


def _text(choose: random.Random) -> str:
    return "\n\n".join(" ".join(choose.choices(_WORDS, k=60)).replace("`", "") for _ in range(3))


def _note(name: str, text: str) -> str:
    front = f"schema: note.v1\nkind: note\ntitle: About {name}\ntrust: derived\ncreated: 2026-03-02T09:00:00Z"
    return f"---\n{front}\n---\n\n{text}\n"


def _peer(root: Path, texts: dict[str, str]) -> float | None:
    if shutil.which("pelican") is None:
        return None
    (root / "content").mkdir(parents=True)
    for name, text in texts.items():
        (root / "content" / f"{name}.md").write_text(
            f"Title: About {name}\nDate: 2026-03-02\nCategory: notes\n\n{text}\n"
        )
    (root / "settings.py").write_text(
        "SITENAME = 'Notes'\nTIMEZONE = 'UTC'\nDEFAULT_PAGINATION = 200\nFEED_ALL_ATOM = None\n"
    )
    return _cpu(["pelican", "content", "-s", "settings.py", "-o", "out", "-q"], root) / 1000
