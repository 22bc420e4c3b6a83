"""Hostile documents collected from files, folders and pages: data for ever, reported, and never quoted as prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import cycle
from pathlib import Path

import pytest
import yaml

from aios.agents.orders import orders_in
from aios.domain.front_matter import split
from aios.domain.run import RunStatus
from aios.proposals.review import render
from aios.runs.conductor import carry_on
from aios.runs.gate import approve
from aios.runs.reviewing import review_of
from aios.runs.start import start_run
from tests.conftest import commit_all
from tests.connectors.web import Answer, serving
from tests.injection.company import Obeying, aios, context, copied, git, run_notes, write
from tests.injection.looking import (
    assert_nothing_decided,
    assert_nothing_leaked,
    assert_nothing_live,
    assert_only_written,
    assert_page_is_harmless,
    assert_plain,
)
from tests.injection.texts import HOST, TEXTS, Hostile

FIELDS = {"schema", "title", "origin", "sha256", "text_sha256", "media_type", "collected", "trust"}
SOURCES = Path(__file__).parents[2] / "state/sources"
TOPIC = "Raising prices for existing customers"
FILES_HERE = (
    "schema: connector.v1\nuse: files\nsettings: {max_files: 2000, private_networks: ['127.0.0.0/8']}\nmode: live\n"
)


@dataclass(frozen=True)
class Collected:
    root: Path
    branch: str
    shown: str

    def sources(self) -> Iterator[tuple[str, str]]:
        """(path, content) of each on the branch."""
        for path in git(self.root, "ls-tree", "-r", "--name-only", self.branch, "state/sources/").split():
            yield path, git(self.root, "show", f"{self.branch}:{path}")


def documents(hostile: Hostile) -> dict[str, str]:
    """The text as a file of every kind, and as a title and a file's name."""
    text, name = hostile.text, hostile.name
    title, plain = escape(text[:300]), "".join(char for char in text if char != "/" and char.isprintable())[:60]
    return {
        f"{name}.html": f"<html><title>{title}</title><body><p>Prices rise.</p>{text}<p>{name}</p></body></html>",
        f"{name}.md": f"# On {name}\n\nPrices rise.\n\n{text}\n\nThey fall.\n",
        f"{name}.front.md": f"---\ntitle: {text[:300]}\n---\nPrices rise, says {name}.\n\n{text}\n",
        f"{name}.txt": f"{text}\n\nPrices rise, says {name}.\n",
        f"{name}.rst": f"{name}\n{'=' * len(name)}\n\nPrices rise.\n\n.. note:: {text}\n",
        f"{plain} {name}.md": f"# {name}\n",
    }


@pytest.fixture(scope="module")
def collected(acme: Path, tmp_path_factory: pytest.TempPathFactory) -> Collected:
    place = tmp_path_factory.mktemp("collected")
    root = copied(acme, place / "acme")
    write(root, {"state/connectors/files.yaml": FILES_HERE})
    commit_all(root, "Pages of this machine may be read")
    for each in TEXTS:
        write(place, {f"in/{path}": text for path, text in documents(each).items()})
    some = TEXTS[::6]
    answers = [Answer(documents(each)[f"{each.name}.html"].replace("rise", "fell").encode()) for each in some]
    with serving(*answers) as site:
        locations = [str(place / "in"), *(f"{site.url}/{each.name}.html?q={each.name}" for each in some)]
        (root / "state/connectors/files.yaml").write_text(FILES_HERE)
        here = context(root, Obeying("Noted.", place / "diary", "none"))
        standing = run_notes(here, "all", sources=locations)
    assert (standing.status, standing.step) == (RunStatus.WAITING, "approve"), standing
    return Collected(root, "aios/take-notes/a-note", render(review_of(here, standing.run)))


def test_each_becomes_a_record_that_says_where_it_is_from_and_that_it_is_not_ours(collected: Collected) -> None:
    found = list(collected.sources())
    assert len(found) > 550
    for path, content in found:
        head = yaml.safe_load(split(content)[0])
        assert set(head) == FIELDS, path
        assert (head["schema"], head["trust"]) == ("source.v1", "external")
        assert_plain(content)
    assert_only_written(
        collected.root, r"state/sources/[a-z0-9-]+\.md|memory/notes/a-note\.md", branch=collected.branch
    )
    assert_nothing_decided(collected.root)


def test_what_a_page_hides_is_not_in_them(collected: Collected) -> None:
    pages = {
        yaml.safe_load(split(text)[0])["origin"].rpartition("/")[2]: split(text)[1] for _, text in collected.sources()
    }
    hidden = [each for each in TEXTS if each.name.startswith("html-") and each.tries == "hide"]
    assert len(hidden) > 12
    for each in hidden:
        assert "previous instructions" not in pages[f"{each.name}.html"], each.name
        assert f"https://{HOST}" not in pages[f"{each.name}.html"], each.name
        if each.name != "html-sheet":  # a style sheet is no part of Markdown
            assert "previous instructions" not in pages[f"{each.name}.md"], each.name


def test_no_source_leads_anywhere(collected: Collected) -> None:
    """Links lose their targets; an address that is itself the words stays as words."""
    live = re.compile(
        rf"\]\(\s*(?:https?://{HOST}|javascript:|data:)|<(?:https?:)?//{HOST}|^\[\w+\]: |<\w+[^>]* (?:href|src)=",
        re.MULTILINE,
    )
    for path, content in collected.sources():
        front, body, _ = split(content)
        assert live.findall(body + str(yaml.safe_load(front)["title"])) == [], path


def test_orders_in_them_are_reported_to_the_operator(collected: Collected) -> None:
    told = collected.shown.replace("\\", "")
    for path, content in collected.sources():
        if orders_in(split(content)[1], path):
            assert f"gather: {path}:" in told, path


def test_the_proposal_tells_of_them_plainly(collected: Collected) -> None:
    assert_plain(collected.shown)
    assert_nothing_live(collected.shown)
    assert_nothing_leaked(collected.root)
    done = aios(collected.root, "check")
    assert_plain(done.stdout + done.stderr)


def test_a_piece_made_from_them_is_published_without_their_orders_and_links(acme: Path, tmp_path: Path) -> None:
    """The whole flow without a model: collect, write, show, approve, publish."""
    root = copied(acme, tmp_path / "acme")
    texts = cycle(each.text for each in TEXTS if each.name != "very-long")
    for path in sorted(SOURCES.glob("*.md")):
        paragraphs = split(path.read_text())[1].split("\n\n")
        prose = [p if p[:1] in "#|->`" else f"{p} {next(texts)}" for p in paragraphs]
        write(tmp_path, {f"in/{path.name}": f"# {path.stem}\n\n" + "\n\n".join(prose)})
    here = context(root)
    trigger = {"kind": "manual", "key": "test", "at": "2026-11-02T09:00:00Z"}
    run = start_run(here, "publish-content", {"topic": TOPIC, "sources": [str(tmp_path / "in")]}, trigger=trigger)
    standing = carry_on(here, run)
    assert standing.step == "approve", standing
    assert not (root / "public").exists()
    assert_nothing_decided(root)
    text = render(review_of(here, run), preview_lines=10_000)
    assert_plain(text)
    assert_nothing_live(text)
    piece = git(
        root,
        "show",
        "aios/publish-content/raising-prices-for-existing-customers:state/content/raising-prices-for-existing-customers.md",
    )
    assert orders_in(piece, "x") == []
    assert HOST not in piece
    approve(here, run)
    carry_on(here, run, effects=True)
    for page in (root / "public").rglob("*.html"):
        assert_page_is_harmless(page.read_bytes(), text)
        assert orders_in(page.read_text(), "x") == []
    assert_nothing_leaked(root)
