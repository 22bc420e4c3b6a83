"""What models cost is told everywhere, held to the company's limits, and asked for before it is more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aios.errors import Exit
from tests.example.test_own_agent import ANSWER, CONTRACT, WORKFLOW, aios, company, told, waiting
from tests.llm.server import Says, serving

__all__ = ["company"]  # the fixture
RUN = ("run", "read-churn", "--input", "subject=churn")


def configure(root: Path, tier: str, more: str = "") -> None:
    record = root / "state/company.yaml"
    record.write_text(record.read_text() + f"tiers:\n  small: {{model: tiny, {tier}}}\n{more}")
    for command in (["add", "-A"], ["commit", "-qm", "An agent of my own"]):
        subprocess.run(["git", *command], cwd=root, check=True)


def test_a_run_its_proposal_and_the_company_tell_what_was_spent(company: Path) -> None:
    with serving([Says(ANSWER, usage=(2_000, 1_000))]) as service:
        configure(company, f"base_url: {service.url}, price: {{input: 10, output: 30}}", "  limits: {day: {usd: 5}}\n")
        assert aios(company, *RUN).returncode == Exit.WAITING
        assert aios(company, *RUN, "--replace").returncode == Exit.WAITING
    shown = aios(company, "show", "read-churn/churn").stdout
    assert "offline and small tier: 0.00 USD, 0 tokens in 1 call" in shown
    assert "the cache answered 1 of 1 call: 0.05 USD saved" in shown
    assert [(row["usd"], row["tokens"]) for row in told(company, "runs")] == [(0.0, 0)]
    costs = told(company, "status")["models"]
    assert costs["today"] == {"usd": 0.05, "tokens": 3_000, "limit_usd": 5, "limit_tokens": None}
    assert costs["cache"] == {"calls": 2, "hits": 1, "saved_usd": 0.05}
    said = aios(company, "status").stdout
    assert "today 0.05 of 5.00 USD, 3,000 tokens; this month 0.05 USD" in said
    assert "the cache answered 1 of 2 calls this month: 0.05 USD saved" in said


def test_what_was_spent_is_known_again_without_the_file(company: Path) -> None:
    with serving([Says(ANSWER, usage=(2_000, 1_000))]) as service:
        configure(company, f"base_url: {service.url}, price: {{input: 10, output: 30}}")
        aios(company, *RUN)
    before = told(company, "status")["models"]
    (company / ".aios/spending.sqlite").unlink()
    assert told(company, "status")["models"] == before
    assert before["month"]["usd"] == 0.05


@pytest.mark.parametrize(("said", "kinds"), [("go on", ["proposal"]), ("stop the run", [])])
def test_a_limit_is_a_question_before_anything_is_sent(company: Path, said: str, kinds: list[str]) -> None:
    with serving([Says(ANSWER)]) as service:
        configure(
            company, f"base_url: {service.url}, price: {{input: 10, output: 30}}", "  limits: {month: {usd: 0.01}}\n"
        )
        done = aios(company, *RUN)
        assert done.returncode == Exit.WAITING
        assert "0.00 of 0.01 USD are spent this month, and one more call to tiny could cost" in done.stderr
        assert service.asked == []
        assert [item["kind"] for item in waiting(company)] == ["question"]
        aios(company, "answer", "read-churn/churn", said)
        assert len(service.asked) == len(kinds)
    assert [item["kind"] for item in waiting(company)] == kinds


def test_a_model_without_a_price_is_told_once_and_stops_at_a_limit_in_dollars(company: Path) -> None:
    with serving([Says(ANSWER)]) as service:
        configure(company, f"base_url: {service.url}")
        aios(company, *RUN)
        shown = aios(company, "show", "read-churn/churn").stdout
        assert shown.count("the price of tiny is not known") == 1
        assert "no price is known for tiny: counted in tokens only" in aios(company, "status").stdout
        record = company / "state/company.yaml"
        record.write_text(record.read_text() + "  limits: {day: {usd: 1}}\n")
        contract = company / "state/agents/churn-reader.yaml"
        contract.write_text(CONTRACT.replace("Notes what", "Writes down what"))
        subprocess.run(["git", "commit", "-qam", "limits"], cwd=company, check=True)
        done = aios(company, "run", "read-churn", "--input", "subject=prices")
        assert "the price of tiny is not known, so no limit in dollars can be kept" in done.stderr
        assert len(service.asked) == 1


def test_the_budget_of_a_run_holds_within_a_step_too(company: Path) -> None:
    (company / "workflows/read-churn.yaml").write_text(WORKFLOW.replace("steps:", "budget: {tokens: 200}\nsteps:"))
    looks = Says(calls=[("list", {"glob": "state/sources/*"})], usage=(150, 60))
    with serving([looks, Says(ANSWER)]) as service:
        configure(company, f"base_url: {service.url}, price: {{input: 10, output: 30}}")
        done = aios(company, *RUN)
        assert "this run has spent 0.00 USD and 210 tokens, all that its workflow grants" in done.stderr
        assert len(service.asked) == 1
        aios(company, "answer", "read-churn/churn", "go on")
        assert len(service.asked) == 2  # what was answered before is not paid for again
    assert [item["kind"] for item in waiting(company)] == ["proposal"]


KEYRING = """
from keyring.backend import KeyringBackend


class Folder(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        return {"openai/mara": "sk-from-the-keyring"}.get(f"{service}/{username}")

    def set_password(self, service, username, password):
        raise NotImplementedError
"""


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes that a test starts have a keyring of ours."""
    (tmp_path / "ring.py").write_text(KEYRING)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "ring.Folder")


@pytest.mark.usefixtures("ring")
def test_a_key_may_lie_in_the_keyring_and_is_never_shown(company: Path) -> None:
    with serving([Says(ANSWER)]) as service:
        configure(company, f"base_url: {service.url}, key: 'keyring:openai/mara'")
        assert aios(company, "check").returncode == Exit.OK
        done = aios(company, *RUN)
        assert done.returncode == Exit.WAITING, done.stderr
    assert service.keys == ["Bearer sk-from-the-keyring"]
    found = subprocess.run(["grep", "-rl", "sk-from-the-keyring", "."], cwd=company, capture_output=True, check=False)
    assert found.stdout == b""


@pytest.mark.usefixtures("ring")
def test_the_doctor_explains_a_key_that_is_missing(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    configure(company, "key: 'keyring:openai/bob'", "  large: {model: big, key: 'env:NO_SUCH_KEY'}\n")
    said = [each for each in told(company, "doctor") if each["what"] == "model"]
    assert [each["state"] for each in said] == ["error", "error"]
    assert "keyring:openai/bob, and it is not set" in said[0]["says"]
    assert said[0]["hint"] == "keyring set openai bob"
    assert said[1]["hint"] == "export NO_SUCH_KEY=…"


def test_a_key_in_the_company_record_is_refused(company: Path) -> None:
    configure(company, "key: sk-1234567890")
    checked = aios(company, "check")
    assert checked.returncode == Exit.FINDINGS
    assert "not the key itself" in checked.stdout + checked.stderr
