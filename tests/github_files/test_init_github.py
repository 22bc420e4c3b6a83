"""`aios init --github` sets a company up for GitHub, prints the way there, and is safe to call again."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from aios.app import Company
from aios.errors import Exit
from aios.runs.on_actions.files import REQUIREMENTS, RUN
from aios.runs.on_actions.marked import part
from aios.store.git import Git
from tests.conftest import commit_all
from tests.github_files.conftest import Said, aios

COMPANY = "state/company.yaml"


def init(root: Path, *arguments: str, expect: int = Exit.OK) -> Said:
    done = aios("--no-input", "init", str(root), *arguments)
    assert done.code == expect, done.stdout + done.stderr
    return done


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def test_a_new_company_is_made_and_set_up_in_one_go(tmp_path: Path) -> None:
    root = tmp_path / "acme"
    arguments = ("--email", "ann@acme.example", "--github", "Ann/acme", "--login", "ann", "--aios-from", "aios==0.1.0")
    init(root, *arguments)
    company = Company.find(root)
    assert company.forge_settings is not None
    assert company.forge_settings.repository == "Ann/acme"
    record = company.company_record()
    assert record is not None
    assert record.get("approvers") == ["ann@acme.example", "github:ann"]
    assert [finding for finding in company.check() if finding.severity.value == "error"] == []
    assert git(root, "remote", "get-url", "origin") == "https://github.com/Ann/acme.git"
    assert git(root, "status", "--porcelain") == ""
    subjects = git(root, "log", "--format=%an %s").splitlines()
    assert subjects[0] == "ann company.equipped: Work with GitHub: Ann/acme"
    assert part((root / REQUIREMENTS).read_text(), "aios") == ["aios==0.1.0"]


def test_a_company_that_exists_keeps_every_comment_of_its_record(acme: Path) -> None:
    before = (acme / COMPANY).read_text()
    init(acme, "--github", "ann/acme", "--login", "ann")
    after = (acme / COMPANY).read_text()
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert added == ["  - github:ann", "forge:", "  use: github", "  repository: ann/acme"]


def test_calling_it_again_changes_nothing(acme: Path) -> None:
    init(acme, "--github", "ann/acme", "--login", "ann")
    tip = git(acme, "rev-parse", "HEAD")
    done = init(acme, "--github", "ann/acme", "--login", "Ann")
    assert git(acme, "rev-parse", "HEAD") == tip
    assert "all of it is so already" in done.stderr


def test_the_repository_is_known_from_the_record_or_from_git(acme: Path) -> None:
    git(acme, "remote", "add", "origin", "git@github.com:ann/acme.git")
    init(acme, "--github", "", "--login", "ann")
    assert git(acme, "remote", "get-url", "origin") == "git@github.com:ann/acme.git"
    git(acme, "remote", "remove", "origin")
    init(acme, "--github", "", "--login", "ann")
    assert git(acme, "remote", "get-url", "origin") == "https://github.com/ann/acme.git"


def test_files_that_were_edited_are_named_and_stay(acme: Path) -> None:
    init(acme, "--github", "ann/acme", "--login", "ann")
    mine = (acme / RUN).read_text() + "# mine\n"
    (acme / RUN).write_text(mine)
    (acme / ".github/workflows/aios-check.yml").unlink()
    commit_all(acme, "My own way")
    done = init(acme, "--github", "ann/acme", "--login", "ann")
    assert f"{RUN} was edited, or is not ours" in done.stderr
    assert (acme / RUN).read_text() == mine
    assert (acme / ".github/workflows/aios-check.yml").exists(), "what is not there is written"


def test_uncommitted_edits_are_never_lost(acme: Path) -> None:
    tip = git(acme, "rev-parse", "HEAD")
    edited = (acme / COMPANY).read_text() + "# not committed\n"
    (acme / COMPANY).write_text(edited)
    done = init(acme, "--github", "ann/acme", "--login", "ann", expect=Exit.REFUSED)
    assert COMPANY in done.stderr
    assert (acme / COMPANY).read_text() == edited
    assert git(acme, "rev-parse", "HEAD") == tip
    assert git(acme, "remote") == ""


@pytest.mark.parametrize(
    ("arguments", "expect", "says"),
    [
        (("--github", "ann", "--login", "ann"), Exit.USAGE, "`ann` is no repository"),
        (("--github", "ann/acme"), Exit.USAGE, "--login ann"),
        (("--github", "ann/acme", "--login", "two words"), Exit.USAGE, "is no account on GitHub"),
        (("--github", "", "--login", "ann"), Exit.USAGE, "which repository"),
        (("--login", "ann"), Exit.USAGE, "goes with `--github`"),
        (("--github", "ann/acme", "--login", "ann", "--aios-from", "flask==1"), Exit.USAGE, "pip does not find aios"),
    ],
)
def test_what_cannot_be_meant_is_said_and_nothing_is_done(
    acme: Path, arguments: tuple[str, ...], expect: int, says: str
) -> None:
    tip = git(acme, "rev-parse", "HEAD")
    assert says in init(acme, *arguments, expect=expect).stderr
    assert git(acme, "rev-parse", "HEAD") == tip
    assert git(acme, "remote") == ""


def test_another_repository_than_the_one_on_record_or_in_git_is_refused(acme: Path) -> None:
    git(acme, "remote", "add", "origin", "https://github.com/ann/other.git")
    done = init(acme, "--github", "ann/acme", "--login", "ann", expect=Exit.REFUSED)
    assert "git's `origin` is ann/other" in done.stderr
    git(acme, "remote", "remove", "origin")
    init(acme, "--github", "ann/acme", "--login", "ann")
    git(acme, "remote", "remove", "origin")
    done = init(acme, "--github", "ann/else", "--login", "ann", expect=Exit.REFUSED)
    assert "names the repository ann/acme, not ann/else" in done.stderr


def test_the_way_leads_over_every_page_that_has_to_be_seen(rich: Path) -> None:
    said = init(rich, "--github", "ann/acme", "--login", "ann").stdout
    numbers = [int(found) for found in re.findall(r"^ ?(\d+)\. ", said, re.MULTILINE)]
    assert numbers == list(range(1, 10))
    for link in (
        "https://github.com/new?owner=ann&name=acme&visibility=private",
        "https://github.com/settings/personal-access-tokens/new?name=aios+acme&",
        "&contents=write&pull_requests=write&",
        "https://github.com/ann/acme/settings/actions",
        "https://github.com/ann/acme/settings/secrets/actions/new",
        "https://github.com/settings/apps/new?name=aios+ann+acme&",
        "https://github.com/ann/acme/actions/workflows/aios-run.yml",
    ):
        assert link in said
    assert "WORDPRESS_PASSWORD: the connector site (wordpress)" in said
    assert re.search(r"IMAP_PASSWORD: .*\(collect, apply\)", said)
    assert re.search(r"SMTP_PASSWORD: .*\(apply\)", said)
    assert re.search(r"OPENAI_API_KEY: .*\(agents\)", said)
    assert "aios github sync --aios-from" in said, "a checkout is nothing that a job could install"
    assert "no rulesets" in said


def test_the_minutes_of_a_month_are_counted_from_the_schedules(rich: Path) -> None:
    said = init(rich, "--github", "ann/acme", "--login", "ann", "--aios-from", "aios==0.1.0").stdout
    # June of 2026: 30 days, 22 of them working days; the mailbox is read, so one job more works on it.
    assert re.search(r"^ +104  the schedule fires.*: 52 × 2 jobs$", said, re.MULTILINE)
    assert re.search(r"^ +120  watch-content works and proposes: 30 × 4 jobs$", said, re.MULTILINE)
    assert re.search(r"^ +88  triage-support works and proposes: 22 × 4 jobs$", said, re.MULTILINE)
    total = 104 + 120 + 88 + 52 * 3 + 30
    assert f"About {total} minutes of Actions in 30 days, of 2,000" in said
    assert "assumed: each job takes one minute" in said


def test_setting_up_goes_on_where_it_was_interrupted(acme: Path) -> None:
    """Killed after the commit, before git was told the address."""
    init(acme, "--github", "ann/acme", "--login", "ann")
    git(acme, "remote", "remove", "origin")
    done = init(acme, "--github", "ann/acme", "--login", "ann")
    assert "git's `origin` is https://github.com/ann/acme.git now" in done.stderr
    with Git(acme) as opened:
        assert opened.config("remote.origin.url") == "https://github.com/ann/acme.git"
