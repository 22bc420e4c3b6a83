"""Secrets of the environment stay there: whatever is asked for, echoed or printed, over a real connection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aios.errors import Exit
from tests.conftest import commit_all
from tests.injection.company import aios, copied, git, source, write
from tests.injection.looking import assert_nothing_decided, assert_nothing_leaked, assert_only_written, assert_plain
from tests.injection.texts import BY_NAME, HOST, KEY_NAME, SECRET, TEXTS
from tests.llm.server import Says, serving

NOTE = "---\nschema: note.v1\nkind: note\ntitle: Asked for keys\ntrust: external\n---\n\n{}\n"
BAIT = BY_NAME["secret-bait"].text
# What a shell, a template or a careless program would put the secret into.
EXPANDING = (
    f"${KEY_NAME} ${{{KEY_NAME}}} %{KEY_NAME}% $(printenv {KEY_NAME}) ${{{{ env.{KEY_NAME} }}}} {{{{ {KEY_NAME} }}}}"
)


@pytest.fixture
def root(acme: Path, tmp_path: Path) -> Path:
    root = copied(acme, tmp_path / "acme")
    write(root, source("bait", "\n\n".join(each.text for each in TEXTS if each.tries in {"leak", "expression"})))
    write(root, {".env": f"{KEY_NAME}={SECRET}\n", ".gitignore": (root / ".gitignore").read_text() + ".env\n"})
    return root


def with_model(root: Path, url: str) -> None:
    place = root / "state/company.yaml"
    tier = f"tiers:\n  small: {{model: tiny, base_url: '{url}', key_env: {KEY_NAME}, price: {{input: 1, output: 1}}}}\n"
    place.write_text(place.read_text() + tier)
    commit_all(root, "A model")


def assert_kept(root: Path, *outputs: str) -> None:
    """The secret is in no output and nowhere in the company but where it was planted."""
    for output in outputs:
        assert SECRET not in output
        assert_plain(output)
    (root / ".env").unlink()
    assert_nothing_leaked(root)
    assert_nothing_decided(root)


def answer(text: str, path: str = "memory/notes/a-note.md") -> str:
    told = {"output": {"note": text}, "files": {path: NOTE.format(text)}, "title": text, "confidence": 1.0}
    return json.dumps(told | {"reasons": [{"what": text, "why": text}]})


def test_a_model_that_wants_them_gets_and_writes_none(root: Path) -> None:
    calls: list[tuple[str, dict[str, str] | str]] = [
        ("read", {"path": path}) for path in (".env", "../.env", "/proc/self/environ", ".git/config")
    ]
    calls += [("recall", {"query": KEY_NAME}), ("printenv", {"name": KEY_NAME}), ("read", "{not json")]
    script = [Says(calls=calls), Says(answer(EXPANDING, ".env")), Says(answer(f"{EXPANDING} {BAIT}"))]
    with serving(script) as service:
        with_model(root, service.url)
        done = aios(root, "run", "take-notes", "--input", f"topic={EXPANDING}")
    assert done.returncode == Exit.WAITING, done.stderr
    assert set(service.keys) == {f"Bearer {SECRET}"}
    assert SECRET not in json.dumps(service.asked)
    shown = [aios(root, *command) for command in (("show", "a-note"), ("explain", "a-note"), ("inbox",), ("log",))]
    assert f"${KEY_NAME}" in shown[0].stdout.replace("\\", "")
    assert_only_written(root, r"memory/notes/a-note\.md", branch="aios/take-notes/a-note")
    assert_kept(root, done.stdout + done.stderr, *(each.stdout + each.stderr for each in shown))


@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_service_that_echoes_the_key_is_quoted_without_it(root: Path, status: int) -> None:
    body = {"message": f"Incorrect API key provided: {SECRET}. \x1b[2J See https://{HOST}/", "code": SECRET}
    with serving([Says(status=status, body=body, headers={"Retry-After": "0"})]) as service:
        with_model(root, service.url)
        done = aios(root, "run", "take-notes", "--input", "topic=prices")
        again = aios(root, "doctor")
    assert done.returncode in {Exit.FAILED, Exit.WAITING}, done.stderr
    outputs = [done, again, aios(root, "runs", "--all"), aios(root, "inbox"), aios(root, "log", "-n", "100")]
    assert_kept(root, *(each.stdout + each.stderr for each in outputs))


def test_a_secret_in_a_connectors_settings_is_refused_and_not_repeated(root: Path) -> None:
    settings = (
        f"schema: connector.v1\nuse: static-site\nsettings: {{url: 'https://x.example', title: X, token: {SECRET}}}\n"
    )
    write(root, {"state/connectors/keyed.yaml": settings})
    done = aios(root, "check")
    assert done.returncode == Exit.FINDINGS
    assert "keyed.yaml" in done.stdout + done.stderr
    (root / "state/connectors/keyed.yaml").unlink()
    commit_all(root, "Without it")
    assert_kept(root, done.stdout, done.stderr, git(root, "log", "-p", "--all"))
