"""The workflow files keep the trust split: each job may do what the table says and no more, and holds no other key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aios.example import github_files
from tests.github_files.conftest import read, written

READ, WRITE = "read", "write"
PROPOSE = {"contents": WRITE, "pull-requests": WRITE, "statuses": WRITE}
# Job → what it may do. Beyond the plain table: `propose` and `listen` may start aios-apply.yml, and `apply` asks who
# merged and what was verified, and says on the proposal what came of it.
PERMISSIONS = {
    "aios-run/listen": {**PROPOSE, "actions": WRITE},
    "aios-run/tick": {"contents": READ},
    "aios-run/collect": {"contents": READ},
    "aios-run/agent": {"contents": READ},
    "aios-run/shard": {"contents": READ},
    "aios-run/join": {"contents": READ},
    "aios-run/verify": {"contents": READ},
    "aios-run/propose": {**PROPOSE, "actions": WRITE},
    "aios-apply/apply": {"contents": WRITE, "pull-requests": WRITE, "statuses": READ},
    "aios-apply/refresh": PROPOSE,
    "aios-check/check": {"contents": READ},
    "aios-pages/build": {"contents": READ, "actions": READ},
    "aios-pages/pages": {"pages": WRITE, "id-token": WRITE},
}
# The site can be read too, and no workflow does: the key that may write there stays where it is needed.
KEYS_READ = {"IMAP_PASSWORD", "PLAUSIBLE_KEY"}
KEYS_MODEL = {"OPENAI_API_KEY", "OTHER_KEY"}
KEYS_WRITE = {"WORDPRESS_PASSWORD", "IMAP_PASSWORD", "SMTP_PASSWORD"}
APP = {"AIOS_APP_PRIVATE_KEY"}
SECRETS = {
    "aios-run/collect": KEYS_READ,
    "aios-run/agent": KEYS_MODEL,
    "aios-run/shard": KEYS_MODEL,
    "aios-run/join": KEYS_MODEL,
    "aios-run/propose": APP,
    "aios-apply/apply": KEYS_WRITE,
}
# Who holds the token of the job, as a variable of a step: what may write, and what asks when the last look was.
TOKEN = {"aios-pages/build", "aios-run/listen", "aios-run/propose", "aios-apply/apply", "aios-apply/refresh"}


@pytest.fixture(scope="module")
def files(furnished: Path) -> dict[str, str]:
    return written(furnished)


def workflows(files: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, text in files.items():
        if "/workflows/" in path:
            yield Path(path).stem, read(text)


def jobs(files: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    return {f"{name}/{job}": spec for name, data in workflows(files) for job, spec in data["jobs"].items()}


def secrets_in(value: Any) -> set[str]:
    return set(re.findall(r"secrets\.([A-Za-z0-9_]+)", str(value)))


def steps(files: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    for job in jobs(files).values():
        yield from job["steps"]
    for path, text in files.items():
        if path.endswith("action.yml"):
            yield from read(text)["runs"]["steps"]


def test_each_job_may_do_what_the_table_says_and_nothing_by_default(files: dict[str, str]) -> None:
    assert {name: job["permissions"] for name, job in jobs(files).items()} == PERMISSIONS
    assert all(data["permissions"] == {} for _, data in workflows(files))


def test_each_job_is_given_its_keys_and_no_others(files: dict[str, str]) -> None:
    assert {name: found for name, job in jobs(files).items() if (found := secrets_in(job))} == SECRETS
    for _, data in workflows(files):
        assert not secrets_in({key: value for key, value in data.items() if key != "jobs"})


def test_a_key_is_seen_by_the_one_command_that_needs_it(files: dict[str, str]) -> None:
    for name, job in jobs(files).items():
        holding = [step for step in job["steps"] if secrets_in(step)]
        assert not secrets_in({key: value for key, value in job.items() if key != "steps"}), name
        assert len(holding) == (1 if name in SECRETS else 0), name
        assert all("run" in step or "create-github-app-token" in step["uses"] for step in holding), name


def test_only_jobs_that_need_it_hold_the_token(files: dict[str, str]) -> None:
    holding = {
        name for name, job in jobs(files).items() for step in job["steps"] if "GITHUB_TOKEN" in step.get("env", {})
    }
    assert holding == TOKEN
    assert all(WRITE in PERMISSIONS[name].values() for name in TOKEN - {"aios-pages/build"})


def test_a_company_without_keys_gives_none(founded: Path) -> None:
    found = {name: keys for name, job in jobs(written(founded)).items() if (keys := secrets_in(job))}
    assert found == {"aios-run/propose": APP}


def test_everything_that_is_used_is_pinned_by_its_commit_and_says_its_version(files: dict[str, str]) -> None:
    lines = [line for text in files.values() for line in text.splitlines() if re.search(r"\buses:", line)]
    assert len(lines) > 20
    for line in lines:
        own = line.split("uses:")[1].strip() == "$/.github/actions/aios"
        assert own or re.search(r"uses: actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_one_action_has_one_version_everywhere(files: dict[str, str]) -> None:
    used = {step["uses"] for step in steps(files) if "@" in step.get("uses", "")}
    names = [each.partition("@")[0] for each in used]
    assert sorted(names) == sorted(set(names))


def test_no_expression_stands_in_a_command(files: dict[str, str]) -> None:
    commands = [step["run"] for step in steps(files) if "run" in step]
    assert len(commands) > 10
    assert [command for command in commands if "${{" in command] == []


def test_no_checkout_leaves_its_token_behind_or_takes_a_branch_that_somebody_chose(files: dict[str, str]) -> None:
    checkouts = [step["with"] for step in steps(files) if "/checkout@" in step.get("uses", "")]
    assert len(checkouts) == len(PERMISSIONS) - 1  # publishing the dashboard needs none
    assert {each["persist-credentials"] for each in checkouts} == {False}
    assert {each.get("ref", "") for each in checkouts} == {"", "${{ github.event.repository.default_branch }}"}


def test_nothing_is_started_with_the_rights_of_main_by_the_pull_request_of_a_stranger(files: dict[str, str]) -> None:
    for _, data in workflows(files):
        assert not {"pull_request_target", "workflow_run"} & set(data["on"])


def test_what_writes_waits_in_line_and_is_never_cut_off(files: dict[str, str]) -> None:
    for name, job in jobs(files).items():
        if job["permissions"].get("contents") == WRITE:
            assert job["concurrency"]["queue"] == "max", name
            assert "cancel-in-progress" not in job["concurrency"], name
    run = dict(workflows(files))["aios-run"]
    assert run["concurrency"]["queue"] == "max"
    assert run["concurrency"]["group"].endswith("&& github.run_id || 'aios-run' }}"), (
        "strangers stand in no line of ours"
    )


def test_strangers_stand_in_no_line_of_ours_and_start_no_job(files: dict[str, str]) -> None:
    run = dict(workflows(files))["aios-run"]
    group, listens = run["concurrency"]["group"], run["jobs"]["listen"]["if"]
    for text in (group, listens):
        assert "github.event.comment.author_association" in text
        assert "github.event.review.author_association" in text
        assert "github.event.pull_request.head.repo.full_name" in text


def test_what_lay_within_reach_of_agents_is_read_by_digests_that_did_not(files: dict[str, str]) -> None:
    found = jobs(files)
    for name, wanted in {
        "verify": {"ORDERS": "needs.tick.outputs.digest", "COLLECTED": "needs.collect.outputs.digests"},
        "propose": {"ORDERS": "needs.tick.outputs.digest", "DIGESTS": "needs.verify.outputs.digests"},
    }.items():
        (step,) = (each for each in found[f"aios-run/{name}"]["steps"] if "--orders" in each.get("run", ""))
        for variable, source in wanted.items():
            assert step["env"][variable] == f"${{{{ {source} }}}}"
            assert f'digest{"" if variable == "ORDERS" else "s"} "${variable}"' in step["run"]


def test_every_job_ends_in_time(files: dict[str, str]) -> None:
    assert all(0 < job["timeout-minutes"] <= 120 for job in jobs(files).values())


def test_what_a_job_made_is_kept_whatever_comes_of_it(files: dict[str, str]) -> None:
    for name in ("collect", "agent", "shard", "join"):
        last = jobs(files)[f"aios-run/{name}"]["steps"][-1]
        assert "upload-artifact" in last["uses"], name
        assert last["if"] == "${{ !cancelled() }}", name


def test_only_jobs_of_agents_restore_what_jobs_of_agents_stored(files: dict[str, str]) -> None:
    restoring = {
        name
        for name, job in jobs(files).items()
        for step in job["steps"]
        if step.get("with", {}).get("index") == "restore"
    }
    assert restoring == {f"aios-run/{name}" for name in ("agent", "shard", "join")}
    assert not [
        step for job in jobs(files).values() for step in job["steps"] if "actions/cache" in step.get("uses", "")
    ]


def test_what_crosses_between_jobs_is_what_another_job_kept(files: dict[str, str]) -> None:
    run = {name.partition("/")[2]: job for name, job in jobs(files).items() if name.startswith("aios-run/")}
    kept: set[str] = set()
    for job in run.values():
        for step in job["steps"]:
            given = step.get("with", {})
            wanted = given.get("name", given.get("pattern", ""))
            if "upload-artifact" in step.get("uses", ""):
                kept.add(wanted.replace("${{ strategy.job-index }}", "*"))
            elif "download-artifact" in step.get("uses", ""):
                assert set(re.findall(r"aios-[\w*-]+", wanted)) <= kept, wanted


def test_a_job_waits_for_every_job_whose_result_it_reads(files: dict[str, str]) -> None:
    for name, job in jobs(files).items():
        read_ = set(re.findall(r"needs\.(\w+)\.", str(job)))
        assert read_ <= set(job.get("needs", ())), name


def test_a_job_behind_one_that_may_be_left_out_says_itself_when_it_goes(files: dict[str, str]) -> None:
    """GitHub leaves a job out where any before it was, unless its own `if` looks."""
    for name, job in jobs(files).items():
        if name.startswith("aios-run/") and job.get("needs"):
            assert "!cancelled()" in job["if"], name


def test_templates_say_nothing_of_any_company() -> None:
    for path, text in github_files().items():
        assert not secrets_in(text) - APP, path
        assert "schedule:\n" not in text, path
