"""The company as static pages: everything is there, every link leads somewhere, nothing is loaded from elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aios.app import Company, found_company
from aios.app.pages import source_of
from aios.dashboard.folder import Folder
from aios.dashboard.prose import prose
from aios.dashboard.site import build
from aios.errors import Exit, RefusedError
from aios.example import DEMO_TOPIC
from tests.dashboard.pages import dead_links, read


def aios(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "aios", *args], cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example company with one piece published and one proposed, and a hostile record."""
    root = tmp_path_factory.mktemp("dashboard") / "fernwerk"
    found_company(root, name="", email="", example=True)
    aios(root, "run", "publish-content", "--input", f"topic={DEMO_TOPIC}")
    aios(root, "approve", "raising-prices-for-existing-customers", "--apply")
    aios(root, "run", "publish-content", "--input", "topic=Price rises and churn")
    (root / "state/decisions/hostile.yaml").write_text(
        'schema: decision.v1\ntitle: "<script>alert(1)</script><img src=x onerror=alert(2)>"\nstatus: accepted\n'
        'why: "</title></script><svg onload=alert(3)>"\ndecided: 2026-03-02\ntrust: external\n'
    )
    (root / "memory/lessons/hostile.md").write_text(
        "---\nschema: note.v1\nkind: lesson\ntitle: Hostile \u202e note\ntrust: external\n"
        "created: 2026-03-02T09:00:00Z\n---\n\n<script>alert(4)</script> [a](javascript:alert(5)) ![p](https://tracker.example/p.gif)\n"
    )
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    subprocess.run(["git", "commit", "-qm", "hostile"], cwd=root, check=True)
    return root


@pytest.fixture(scope="module")
def site(company: Path) -> Path:
    done = aios(company, "dashboard")
    assert done.returncode == Exit.OK, done.stderr
    index = Path(done.stdout.strip())
    assert index.is_absolute()
    return index.parent


def test_every_link_leads_to_a_page_that_is_there(site: Path) -> None:
    assert dead_links(site) == []
    assert len(list(site.rglob("*.html"))) > 150


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for file in site.rglob("*.html"):
        loads = read(file).loads
        assert all(not re.match(r"[a-z]+:|//", target) for target in loads), file


def test_what_records_say_is_text_whatever_it_looks_like(site: Path) -> None:
    for file in site.rglob("*.html"):
        page = read(file)
        assert page.handlers == [], file
        assert page.tags.count("script") <= 1
        assert {"img", "iframe", "object"}.isdisjoint(page.tags), file
        assert not any(link.casefold().startswith(("javascript:", "data:")) for link in page.links), file
    assert "&lt;script&gt;alert(1)" in (site / "records/decisions/hostile.html").read_text()
    assert "\u202e" not in (site / "records/memory/lessons/hostile.html").read_text()
    for script in (site / "search").glob("*.js"):
        assert "<" not in script.read_text().replace("<\\", "")


def test_what_waits_stands_in_the_order_of_the_inbox(company: Path, site: Path) -> None:
    inbox = [item["title"] for item in json.loads(aios(company, "inbox", "--json").stdout) if item["needs_you"]]
    assert len(inbox) >= 2
    text = (site / "waiting.html").read_text()
    places = [text.index(title.split("“")[0].strip()[:30]) for title in inbox]
    assert places == sorted(places)


def test_an_open_proposal_can_be_read_with_its_exact_preview(site: Path) -> None:
    (page,) = (site / "proposals").glob("*.html")
    text = page.read_text()
    assert "<h1>Publish “Price rises and churn”" in text
    for part in ("Effects", "Exact preview", "How it came about"):
        assert part in text
    assert "&lt;details&gt;" not in text
    assert "aios:publish-content" not in text


def test_a_run_leads_to_its_trace_and_its_receipt(site: Path) -> None:
    pages = [page for page in (site / "runs").glob("*.html") if "-trace" not in page.name and page.name != "index.html"]
    (run,) = [page for page in pages if "raising-prices-for-existing-customers" in page.read_text()]
    assert run.with_name(f"{run.stem}-trace.html").is_file()
    assert '<span class="state good">done</span>' in run.read_text()


def test_the_log_shows_what_each_event_changed(site: Path) -> None:
    text = (site / "log/index.html").read_text()
    assert '<span class="plus">+title: ' in text
    assert "content.published" in text


def test_the_search_holds_every_record_once(company: Path, site: Path) -> None:
    entries = []
    for file in sorted((site / "search").glob("[0-9]*.js")):
        entries += json.loads(file.read_text().removeprefix("aiosSearchAdd(").removesuffix(");\n"))
    places = [place for place, *_ in entries]
    known = json.loads(aios(company, "query", "SELECT count(*) AS n FROM records", "--json").stdout)
    assert len(places) == len(set(places)) == known[0]["n"]
    assert all((site / place).is_file() for place in places)


def test_a_second_build_writes_only_what_changed_and_removes_what_is_gone(company: Path, tmp_path: Path) -> None:
    here = Company.find(company)
    out = tmp_path / "out"
    first = build(source_of(here, events=50), out)
    assert first.changed >= first.pages
    again = build(source_of(here, events=50), out)
    assert again.changed <= 3  # the moment on the first page, the reports' own, and how long an open run has waited
    gone = out / "records/customers/gone.html"
    gone.write_text("stale")
    known = out / ".aios-dashboard"
    known.write_text(known.read_text() + "records/customers/gone.html\n")
    mine = out / "notes-of-mine.txt"
    mine.write_text("kept")
    assert build(source_of(here, events=50), out).removed == 1
    assert not gone.exists()
    assert mine.read_text() == "kept"


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(RefusedError, match="holds something else"):
        Folder(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_a_build_that_was_cut_off_is_gone_on_with(tmp_path: Path) -> None:
    with Folder(tmp_path / "out") as cut:
        cut.write("old.html", "old")
    with Folder(tmp_path / "out") as again:
        again.write("new.html", "new")
        assert again.finish() == 1
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [".aios-dashboard", "new.html"]


def test_a_company_in_which_nothing_happened_has_all_its_pages(tmp_path: Path) -> None:
    found_company(tmp_path / "new", name="New", email="new@example.com", example=False)
    build(source_of(Company.find(tmp_path / "new"), events=10), tmp_path / "out")
    assert dead_links(tmp_path / "out") == []
    assert "Nothing waits for you" in (tmp_path / "out/waiting.html").read_text()
    assert "No run yet" in (tmp_path / "out/runs/index.html").read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# One\n\n### Three\n\n## Two\n", ["h2", "h3", "h3"]),
        ("### Three\n\n# One\n", ["h2", "h2"]),
        ("## A\n\n#### B\n\n##### C\n\n## D\n", ["h2", "h3", "h4", "h2"]),
    ],
)
def test_headings_of_a_text_fit_below_the_page_s_own(text: str, said: list[str]) -> None:
    assert re.findall(r"<(h\d)>", prose(text)) == said
