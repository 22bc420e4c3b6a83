"""The whole flow on the example company, as its operator goes through it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aios.app import found_company
from aios.domain.front_matter import split
from aios.errors import Exit
from aios.example import DEMO_TOPIC, write_traffic
from tests.example.replays import require_identical

AIOS = (sys.executable, "-m", "aios")


def aios(root: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*AIOS, *args], cwd=root, capture_output=True, text=True, check=False)


def told(root: Path, *args: str) -> Any:
    done = aios(root, *args, "--json")
    return json.loads(done.stdout)


def waiting(root: Path) -> list[dict[str, Any]]:
    """What waits of runs: the example company has a question of its own open besides."""
    return [item for item in told(root, "inbox") if item["run"]]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "fernwerk"
    found_company(root, name="", email="", example=True)
    write_traffic(root, datetime.now(UTC))
    yield root
    require_identical(root)


def test_the_demonstration_ends_with_a_page_and_its_receipt(tmp_path: Path) -> None:
    done = aios(tmp_path, "demo", "--keep", str(tmp_path / "demo"))
    assert done.returncode == Exit.OK, done.stderr
    page = Path(done.stdout.strip())
    html = page.read_text()
    assert "<h1" in html
    assert "Raising prices for existing customers" in html
    assert "receipt" in done.stderr
    read, searched = (_cells(done.stderr, name) for name in ("sources and notes read", "questions that"))
    assert int(read[1].split()[0]) < 0.75 * min(int(read[0].split()[0]), int(read[2].split()[0]))
    assert [each.split(" of ")[0] for each in searched] == ["7", "1", "7"]
    assert "grew from “Raising prices for existing customers”, keeps “How much notice to give”" in done.stderr
    assert re.search(
        r"cites +memory/research/raising-prices-for-existing-customers-q\d\.md \(\d passages?\)", done.stderr
    )
    require_identical(tmp_path / "demo")
    assert aios(tmp_path / "demo", "check").returncode == Exit.OK
    again = aios(tmp_path / "demo", "apply")
    assert again.returncode in {Exit.OK, Exit.WAITING}
    assert page.read_text() == html


def _cells(text: str, name: str) -> list[str]:
    """The three figures behind a name in the demonstration's comparison."""
    line = next(line for line in text.splitlines() if line.startswith(f"  {name}"))
    return re.split(r" {2,}", line.strip())[1:]


def test_every_sentence_of_the_page_leads_back_to_its_source(company: Path) -> None:
    aios(company, "run", "publish-content", "--input", f"topic={DEMO_TOPIC}")
    branch = "aios/publish-content/raising-prices-for-existing-customers"
    text = subprocess.run(
        ["git", "show", f"{branch}:state/evidence/raising-prices-for-existing-customers.yaml"],
        cwd=company,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    import yaml

    quotes = [each for each in yaml.safe_load(text)["sentences"] if each["kind"] == "quote"]
    assert len(quotes) > 20
    for each in quotes:
        body = split((company / each["source"]).read_text())[1]
        assert " ".join(body[each["start"] : each["end"]].split()) == " ".join(each["text"].split())
    chain = told(company, "explain", quotes[0]["text"][:60])[0]
    assert [link["what"] for link in chain][:3] == ["sentence", "quoted from", "source"]
    assert {"run", "step plan", "step write", "policy"} <= {link["what"] for link in chain}


def test_readers_become_signals_and_signals_become_proposals_once(company: Path) -> None:
    first = told(company, "tick")
    assert [each["run"].split("/")[0] for each in first] == ["watch-content"]
    assert first[0]["status"] == "done"  # the policy lets numbers and lessons merge by themselves
    second = told(company, "tick")
    assert sorted(each["run"].rpartition("/")[0] for each in second) == [
        "publish-content/fair-use-limits",
        "refresh-content/free-trial-length",
    ]
    assert told(company, "tick") == []
    kinds = {item["run"].split("/")[1]: item["kind"] for item in waiting(company) if item["needs_you"]}
    assert kinds == {"fair-use-limits": "proposal", "free-trial-length": "proposal"}
    for subject in kinds:
        assert aios(company, "reject", subject, "--reason", "not now").returncode == Exit.OK
    assert told(company, "tick") == []


def test_the_next_plan_cites_what_was_learned(company: Path) -> None:
    aios(company, "run", "publish-content", "--input", f"topic={DEMO_TOPIC}")
    chain = told(company, "explain", "raising-prices-for-existing-customers")[0]
    learned = [link for link in chain if "memory/lessons/name-the-notice-period" in link["where"]]
    assert len(learned) == 1
    assert any("grew from “How to announce a price change”" in link["says"] for link in chain)


def test_an_interrupted_run_says_how_to_go_on_and_goes_on(company: Path) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command: Sequence[str] = [*AIOS, "run", "publish-content", "--input", f"topic={DEMO_TOPIC}"]

    def heed_interrupts() -> None:
        """As in a terminal: what is started in the background inherits that it ignores them."""
        signal.signal(signal.SIGINT, signal.default_int_handler)

    with subprocess.Popen(
        command,
        cwd=company,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=heed_interrupts,  # noqa: PLW1509  one thread, before anything else runs
    ) as running:
        assert running.stderr is not None
        lines = []
        for line in running.stderr:
            lines.append(line)
            if "✓ plan" in line:
                running.send_signal(signal.SIGINT)
                break
        lines += running.stderr.readlines()
    assert running.returncode == Exit.INTERRUPTED
    assert "aios resume" in lines[-1]
    resumed = told(company, "resume")
    assert [each["status"] for each in resumed] == ["waiting"]
    assert [item["kind"] for item in waiting(company)] == ["proposal"]
    assert (
        subprocess.run(["git", "status", "--porcelain"], cwd=company, capture_output=True, text=True, check=True).stdout
        == ""
    )


def test_a_refresh_that_is_taken_back_leaves_page_and_record_as_they_were(company: Path) -> None:
    page, record = company / "public/free-trial-length/index.html", company / "state/content/free-trial-length.md"
    before = (page.read_text(), split(record.read_text())[1])
    aios(company, "tick")
    aios(company, "tick")
    approved = aios(company, "approve", "free-trial-length", "--apply")
    assert "Extending a trial" in page.read_text(), approved.stderr
    assert "Extending a trial" in record.read_text()
    reverted = aios(company, "revert", "refresh-content/free-trial-length", "--yes")
    assert reverted.returncode == Exit.OK, reverted.stderr
    assert (page.read_text(), split(record.read_text())[1]) == before
    assert aios(company, "check").returncode == Exit.OK
    again = aios(company, "revert", "refresh-content/free-trial-length", "--yes")
    assert again.returncode == Exit.REFUSED


def test_a_proposal_can_be_read_compared_and_sent_back(company: Path) -> None:
    aios(company, "run", "publish-content", "--input", f"topic={DEMO_TOPIC}")
    subject = "raising-prices-for-existing-customers"
    shown = aios(company, "show", subject)
    assert shown.returncode == Exit.OK, shown.stderr
    order = ["## Effects", "## Exact preview", "## Why", "## Evidence", "## State diff", "## Checks", "## Cost"]
    places = [shown.stdout.index(heading) for heading in order]
    assert places == sorted(places)
    assert f"new: content/{subject}" in shown.stdout
    assert "state/sources/interview-kontor-price-rise.md:" in shown.stdout
    assert f"+++ b/state/content/{subject}.md" in aios(company, "diff", subject, "--lines").stdout
    revised = aios(company, "revise", subject, "--note", "shorter; drop section What people compare with")
    assert revised.returncode in {Exit.OK, Exit.WAITING}, revised.stderr
    again = aios(company, "show", subject).stdout
    assert "## What people compare with" not in again.split("## Why")[0]


def test_where_the_companys_record_cannot_be_read_nothing_is_approved_and_nothing_leaves(company: Path) -> None:
    aios(company, "run", "publish-content", "--input", f"topic={DEMO_TOPIC}")
    subject = "raising-prices-for-existing-customers"
    record = company / "state/company.yaml"
    for broken in (
        record.read_text() + "name: [oops\n",
        record.read_text().replace("outgoing: live", "outgoing: pausd"),
        record.read_text().replace("  - mara@fernwerk.example", "  - nobody@fernwerk.example"),
    ):
        before = record.read_text()
        record.write_text(broken)
        subprocess.run(["git", "commit", "-qam", "Broken"], cwd=company, check=True)
        subprocess.run(["git", "config", "user.email", "mallory@x.example"], cwd=company, check=True)
        refused = aios(company, "approve", subject, "--apply")
        assert refused.returncode == Exit.REFUSED
        subprocess.run(["git", "config", "user.email", "mara@fernwerk.example"], cwd=company, check=True)
        assert aios(company, "approve", subject, "--apply").returncode == Exit.REFUSED
        assert not (company / f"public/{subject}").exists()
        record.write_text(before)
        subprocess.run(["git", "commit", "-qam", "Mended"], cwd=company, check=True)
    assert aios(company, "approve", subject).returncode == Exit.OK
    record.write_text(before + "name: [oops\n")
    subprocess.run(["git", "commit", "-qam", "Broken again"], cwd=company, check=True)
    held = aios(company, "apply")
    assert "state/company.yaml cannot be read" in held.stderr + aios(company, "status").stdout
    assert not (company / f"public/{subject}").exists()
    record.write_text(before)
    subprocess.run(["git", "commit", "-qam", "Mended again"], cwd=company, check=True)
    assert aios(company, "apply").returncode == Exit.OK
    assert (company / f"public/{subject}/index.html").is_file()


def test_a_topic_that_is_out_already_is_updated_in_place(company: Path) -> None:
    for expected in ("cms.publish", "cms.update"):
        aios(company, "run", "publish-content", "--input", f"topic={DEMO_TOPIC}")
        shown = told(company, "show", "raising-prices-for-existing-customers")
        assert [effect["capability"] for effect in shown["effects"]] == [expected]
        done = aios(company, "approve", "raising-prices-for-existing-customers", "--apply")
        assert done.returncode == Exit.OK, done.stderr
        # The first run waits a week for its numbers; what is asked for now takes its place.
        aios(company, "cancel", "raising-prices-for-existing-customers")


def test_a_quotation_that_was_edited_by_hand_is_pointed_out(company: Path) -> None:
    aios(company, "run", "publish-content", "--input", f"topic={DEMO_TOPIC}")
    subject = "raising-prices-for-existing-customers"
    subprocess.run(["git", "switch", "-q", f"aios/publish-content/{subject}"], cwd=company, check=True)
    piece = company / f"state/content/{subject}.md"
    piece.write_text(piece.read_text().replace("forty oldest customers", "four oldest customers"))
    subprocess.run(["git", "commit", "-qam", "I know better"], cwd=company, check=True)
    subprocess.run(["git", "switch", "-q", "main"], cwd=company, check=True)
    shown = aios(company, "show", subject).stdout
    assert "no evidence for “Kontor told its four oldest customers" in shown.replace("\\", "")
    assert aios(company, "approve", subject).returncode == Exit.OK  # shown as it is: no second look is asked for


def test_a_sentence_is_explained_as_the_page_has_it_and_an_undo_is_told(company: Path) -> None:
    aios(company, "run", "publish-content", "--input", f"topic={DEMO_TOPIC}")
    subject = "raising-prices-for-existing-customers"
    aios(company, "approve", subject, "--apply")
    opening = split((company / f"state/content/{subject}.md").read_text())[1].strip().split("\n")[0]
    words = opening.split()
    assert told(company, "explain", f"`{words[0]}` *{words[1]}* {' '.join(words[2:])}")
    assert aios(company, "explain", "").returncode == Exit.USAGE
    aios(company, "revert", subject, "--yes", "--reason", "too early")
    (chain,) = told(company, "explain", subject)
    assert "too early" in next(link["says"] for link in chain if link["what"] == "undone")
