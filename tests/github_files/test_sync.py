"""`aios github sync` keeps files in step with the company, writes between its marks alone, and says what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aios.app import Company
from aios.app.installed import is_requirement, of_direct_url
from aios.app.on_github import look, set_up
from aios.errors import Exit, UsageError
from aios.runs.on_actions.files import APPLY, REQUIREMENTS, RUN, renewed, synced
from aios.runs.on_actions.marked import as_written, bare, fill, part, stamp, unstamped
from aios.store.trees import WorkTree
from tests.conftest import commit_all
from tests.github_files.conftest import Said, aios, read, written

PAGES = ".github/workflows/aios-pages.yml"


def sync(root: Path, *arguments: str) -> Said:
    return aios("-C", str(root), "github", "sync", *arguments)


@pytest.fixture
def equipped(acme: Path) -> Path:
    """A company with its workflow files, committed."""
    for path, text in written(acme).items():
        (acme / path).parent.mkdir(parents=True, exist_ok=True)
        (acme / path).write_text(text)
    commit_all(acme, "Workflow files")
    return acme


def change(root: Path, path: str, edit: Callable[[str], str]) -> str:
    text = (root / path).read_text()
    new = edit(text)
    assert new != text
    (root / path).write_text(new)
    return new


def test_files_in_step_are_left_alone_and_a_new_schedule_is_written_once(equipped: Path) -> None:
    assert sync(equipped, "--check").code == Exit.OK
    change(
        equipped,
        "workflows/watch-content.yaml",
        lambda text: text.replace(
            'cron: "37 5 * * *", timezone: Europe/Berlin', 'cron: "0 6 * * 2", timezone: Asia/Tokyo'
        ),
    )
    before = (equipped / RUN).read_text()
    checked = sync(equipped, "--check")
    assert checked.code == Exit.FINDINGS
    assert '-    - cron: "41 5 * * *" # watch-content' in checked.stdout
    assert '+    - cron: "5 6 * * 2" # watch-content' in checked.stdout
    assert (equipped / RUN).read_text() == before, "checking writes nothing"
    assert sync(equipped).code == Exit.OK
    lines = read((equipped / RUN).read_text())["on"]["schedule"]
    assert {"cron": "5 6 * * 2", "timezone": "Asia/Tokyo"} in lines
    assert {"cron": "23 4 * * *", "timezone": "Europe/Berlin"} in lines, "nothing else fires daily: a sign of life does"
    after = (equipped / RUN).read_text()
    assert sync(equipped).code == Exit.OK
    assert (equipped / RUN).read_text() == after
    assert sync(equipped, "--check").code == Exit.OK


def test_the_edits_of_the_operator_stay(equipped: Path) -> None:
    def mine(text: str) -> str:
        return text.replace("    timeout-minutes: 15\n", "    timeout-minutes: 7 # mine\n", 1)

    edited = change(equipped, RUN, mine)
    change(
        equipped,
        "workflows/watch-content.yaml",
        lambda text: text.replace("37 5 * * *", "37 6 * * *"),
    )
    done = sync(equipped)
    assert done.code == Exit.OK
    assert f"{RUN} has edits of yours" in done.stderr
    assert (equipped / RUN).read_text() == edited.replace("41 5 * * *", "41 6 * * *")


def test_a_new_version_renews_files_that_nobody_edited_and_no_others(equipped: Path) -> None:
    company = Company.find(equipped)
    looked = look(company, WorkTree(equipped, git=company.git))
    change(equipped, APPLY, lambda text: text.replace("timeout-minutes: 60", "timeout-minutes: 61"))
    newer = {
        path: unstamped((equipped / path).read_text()).replace("ubuntu-24.04", "ubuntu-26.04") for path in (RUN, APPLY)
    }
    done = synced(WorkTree(equipped), newer, looked.wish, version="9.9.9")
    assert set(done.changed) == {RUN}
    assert done.edited == (APPLY,)
    assert "ubuntu-26.04" in done.changed[RUN]
    assert "ubuntu-24.04" not in done.changed[RUN]
    assert done.changed[RUN].startswith("# aios 9.9.9 wrote this file")
    assert as_written(done.changed[RUN])


def test_a_file_that_was_deleted_stays_deleted(equipped: Path) -> None:
    (equipped / PAGES).unlink()
    assert sync(equipped).code == Exit.OK
    assert not (equipped / PAGES).exists()


def test_a_company_without_the_files_is_told_how_to_have_them(acme: Path) -> None:
    done = sync(acme)
    assert done.code == Exit.REFUSED
    assert "aios init --github" in done.stderr


def test_marks_that_are_broken_or_gone_are_told_with_their_line(equipped: Path) -> None:
    change(equipped, RUN, lambda text: text.replace("  # <<< aios github sync\n", "", 1))
    done = sync(equipped)
    number = (equipped / RUN).read_text().splitlines().index("  # >>> aios github sync: schedule") + 1
    assert f"{RUN}:{number}:1" in done.stderr
    assert "nothing ends" in done.stderr
    assert done.code == Exit.FINDINGS
    change(equipped, RUN, lambda text: text.replace("  # >>> aios github sync: schedule\n", ""))
    assert "nothing marks where `schedule` belongs" in sync(equipped).stderr


def test_keys_of_models_that_no_job_can_have_are_told(equipped: Path) -> None:
    with (equipped / "state/company.yaml").open("a") as file:
        file.write('tiers:\n  small: {model: x, key: "keyring:aios/x"}\n  large: {model: y, key_env: GITHUB_TOKEN}\n')
    done = sync(equipped)
    assert "lies in the keyring of a machine" in done.stderr
    assert "no secret of GitHub's can be given to jobs as `GITHUB_TOKEN`" in done.stderr
    assert done.code == Exit.FINDINGS
    assert "secrets.GITHUB_TOKEN" not in (equipped / RUN).read_text()


def test_a_connector_that_only_observes_and_that_nothing_reads_gives_no_key(rich: Path) -> None:
    change(rich, "state/connectors/site.yaml", lambda text: text.replace("mode: dry-run", "mode: observe"))
    commit_all(rich, "Observe")
    files = written(rich)
    assert "PLAUSIBLE_KEY" in files[RUN]
    assert "WORDPRESS_PASSWORD" not in files[RUN]
    assert "WORDPRESS_PASSWORD" not in files[APPLY]


def test_where_aios_is_from_is_asked_once_and_only_its_version_is_renewed(equipped: Path) -> None:
    source = f"aios @ git+https://code.example/aios@{'a' * 40}"
    assert sync(equipped, "--aios-from", source).code == Exit.OK
    assert part((equipped / REQUIREMENTS).read_text(), "aios") == [source]
    assert sync(equipped).code == Exit.OK
    assert part((equipped / REQUIREMENTS).read_text(), "aios") == [source]
    wrong = sync(equipped, "--aios-from", "--index-url https://evil.example\naios")
    assert wrong.code == Exit.USAGE
    with pytest.raises(UsageError):
        look(Company.find(equipped), WorkTree(equipped), source="something-else")


@pytest.mark.parametrize(
    ("present", "ours", "expected"),
    [
        ("", "aios==2.0", "aios==2.0"),
        ("aios==1.0", "aios==2.0", "aios==2.0"),
        ("aios==1.0", "", "aios==1.0"),
        ("aios==1.0 --hash=sha256:00", "aios==2.0", "aios==1.0 --hash=sha256:00"),
        ("aios @ git+https://a.example/x@" + "1" * 40, "aios @ git+https://a.example/x@" + "2" * 40, "2" * 40),
        ("aios @ git+https://a.example/x@" + "1" * 40, "aios==2.0", "1" * 40),
        ("./vendor/aios.whl", "aios==2.0", "./vendor/aios.whl"),
    ],
)
def test_a_source_that_the_operator_chose_is_theirs(present: str, ours: str, expected: str) -> None:
    assert renewed(present, ours).endswith(expected)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"url": "file:///home/ann/aios", "dir_info": {"editable": True}}, ""),
        ({"url": "file:///tmp/aios.whl", "archive_info": {}}, ""),
        (
            {"url": "https://a.example/aios", "vcs_info": {"vcs": "git", "commit_id": "b" * 40}},
            f"aios @ git+https://a.example/aios@{'b' * 40}",
        ),
        (
            {"url": "https://a.example/aios.whl", "archive_info": {"hashes": {"sha256": "c" * 64}}},
            f"aios @ https://a.example/aios.whl#sha256={'c' * 64}",
        ),
        ({"url": "https://ann:word@a.example/aios", "vcs_info": {"vcs": "git", "commit_id": "b" * 40}}, ""),
        ({"url": "https://a.example/a b", "archive_info": {}}, ""),
        (None, ""),
    ],
)
def test_other_machines_have_aios_from_where_this_one_has_it(told: object, expected: str) -> None:
    assert of_direct_url(told) == expected
    assert not expected or is_requirement(expected)


def test_only_what_stands_between_the_marks_is_written() -> None:
    end = "# <<< aios github sync\n"
    text = f"a\n  # >>> aios github sync: one\n  old\n  {end}b\n# >>> aios github sync: two\n{end}"
    done = fill("x.yml", text, {"one": ["new:", "  more"], "two": []})
    assert done.text == text.replace("  old\n", "  new:\n    more\n")
    assert done.parts == {"one", "two"}
    assert not done.findings
    assert bare(done.text) == bare(text)
    stamped = stamp(text, "1.0")
    assert as_written(stamped)
    assert as_written(stamp(done.text, "1.0").replace("  more", "  less")), "what we write between marks is no edit"
    assert not as_written(stamped.replace("b\n", "c\n"))
    assert not as_written(text)
    assert unstamped(stamped) == text
    assert fill("x.yml", done.text, {"one": ["new:", "  more"], "two": []}).text == done.text


def test_many_schedules_are_told_for_each_costs_minutes(equipped: Path) -> None:
    company = Company.find(equipped)
    looked = look(company, company.tree())
    every = replace(next(iter(looked.workflows.values())), name="often")
    from aios.domain.workflow import Trigger
    from aios.runs.on_actions.files import wish

    triggers = tuple(
        Trigger("schedule", {"cron": f"{minute} {hour} {hour + 1} * *"}) for hour in range(23) for minute in (1,)
    )
    found = wish(company.tree(), [replace(every, triggers=triggers)], looked.wish.keys, main="main", requirement="")
    assert any("lines of schedules" in finding.message for finding in found.findings)
    bad = replace(
        every,
        triggers=(
            Trigger("schedule", {"cron": "99 * * * *"}),
            Trigger("schedule", {"cron": "1 1 * * *", "timezone": "No/Where"}),
        ),
    )
    found = wish(company.tree(), [bad], looked.wish.keys, main="main", requirement="")
    assert len(found.findings) == 2
    assert [line.by for line in found.schedules] == [("heartbeat",)]


def test_rounds_that_follow_one_another_by_themselves_come_to_an_end(
    equipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = aios("-C", str(equipped), "github", "start", "--again")
    assert nowhere.code == Exit.USAGE
    assert "aios init --github" in nowhere.stderr
    set_up(Company.find(equipped), repository="ann/acme", login="ann", source="aios==0.1.0")
    event = tmp_path / "event.json"
    event.write_text('{"inputs": {"round": "5"}}')
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    done = aios("-C", str(equipped), "github", "start", "--again")
    assert done.code == Exit.REFUSED
    assert "5 rounds followed one another" in done.stderr
