"""The editor's settings from the schemas, its package, and the real editor in a browser."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from aios.app import found_company
from aios.editing.config import LEFT_OUT, config, has_comments
from aios.editing.package import DECAP, SVELTIA, Package, installed
from aios.editing.page import page, settings
from aios.errors import CorruptError, Exit, RefusedError
from aios.store.schemas import Schemas
from aios.store.trees import WorkTree
from tests.peers import node_file

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    tree = WorkTree(TOP)
    return config(Schemas.from_tree(tree)[0], tree, {"name": "proxy"})


def collection(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in told["collections"] if each["name"] == name)


def field(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in told["fields"] if each["name"] == name)


def test_each_kind_that_people_write_has_a_collection(told: dict[str, Any]) -> None:
    names = {each["name"] for each in told["collections"]}
    assert {"customer", "product", "decision", "content", "note", "question"} <= names
    assert names.isdisjoint(LEFT_OUT)
    (company,) = collection(told, "company-files")["files"]
    assert company["file"] == "state/company.yaml"


def test_properties_become_fields_of_their_type(told: dict[str, Any]) -> None:
    customer = collection(told, "customer")
    assert field(customer, "name")["required"] is True
    assert field(customer, "email")["required"] is False
    assert field(customer, "email")["pattern"][1] == "an e-mail address looks like name@example.com"
    assert field(customer, "status")["options"] == ["lead", "trial", "active", "paused", "churned"]
    assert field(customer, "seats") | {"hint": ""} == {
        "name": "seats", "label": "Seats", "required": False, "widget": "number", "value_type": "int", "min": 1,
        "hint": "",
    }  # fmt: skip
    assert field(customer, "since")["widget"] == "datetime"
    assert field(customer, "product")["collection"] == "product"
    assert [each["name"] for each in field(customer, "price")["fields"]] == ["amount", "currency"]
    assert field(customer, "schema") == {
        "name": "schema", "label": "Schema", "widget": "hidden", "default": "customer.v1",
    }  # fmt: skip
    assert field(collection(told, "content"), "body")["widget"] == "markdown"


def test_what_aios_or_a_service_writes_has_no_field(told: dict[str, Any]) -> None:
    names = {each["name"] for each in collection(told, "content")["fields"]}
    assert names.isdisjoint({"url", "published", "receipt", "score"})


def test_the_settings_are_a_file_that_any_reader_of_yaml_understands(told: dict[str, Any]) -> None:
    assert yaml.safe_load(settings(told)) == told


def test_comments_that_would_be_dropped_are_warned_of() -> None:
    tree = WorkTree(TOP)
    told = config(Schemas.from_tree(tree)[0], tree, {"name": "github"}, commented=True)
    warned = [each for each in told["collections"] if "drops the comments" in str(each.get("description"))]
    commented = {path.parent.name for path in (TOP / "state").rglob("*.yaml") if has_comments(path.read_bytes())} - {
        "agents",
        "cases",
        "connectors",
        "policies",
        "state",
        "evidence",
    }
    assert {each["folder"].rpartition("/")[2] for each in warned} == commented


@pytest.mark.parametrize(
    ("text", "has"),
    [
        (b"# yaml-language-server: $schema=x\na: 1\n", False),
        (b"a: 1\n# why\nb: 2\n", True),
        (b"---\na: 1\n---\n\n# A heading\n", False),
    ],
)
def test_a_comment_is_told_from_a_heading_and_from_the_line_for_editors(text: bytes, has: bool) -> None:
    assert has_comments(text) is has


# ── the package ──


def packed(folder: Path, name: str = "package/dist/editor.js") -> Package:
    (folder / "editor.js").write_text("// it")
    with tarfile.open(folder / "an-editor-1.0.0.tgz", "w:gz") as tar:
        tar.add(folder / "editor.js", arcname=name)
        tar.add(folder / "editor.js", arcname="package/dist/editor.js.map")
        tar.add(folder / "editor.js", arcname="../outside.js")
    digest = hashlib.sha512((folder / "an-editor-1.0.0.tgz").read_bytes()).digest()
    return Package("an-editor", "1.0.0", base64.b64encode(digest).decode(), "editor.js")


def test_a_package_is_unpacked_once_and_nothing_beside_it(tmp_path: Path) -> None:
    package = packed(tmp_path)
    place = installed(package, tmp_path / "editors", tmp_path / package.archive)
    assert sorted(file.name for file in place.iterdir()) == ["editor.js"]
    assert not (tmp_path / "outside.js").exists()
    (tmp_path / package.archive).unlink()
    assert installed(package, tmp_path / "editors") == place


def test_another_archive_than_the_one_meant_is_refused(tmp_path: Path) -> None:
    package = packed(tmp_path)
    other = Package("an-editor", "1.0.0", DECAP.hash, "editor.js")
    with pytest.raises(CorruptError, match="is not an-editor"):
        installed(other, tmp_path / "editors", tmp_path / package.archive)
    hollow = packed(tmp_path, "package/src/editor.js")
    with pytest.raises(CorruptError, match="holds no editor"):
        installed(hollow, tmp_path / "editors", tmp_path / hollow.archive)
    assert not (tmp_path / "editors/an-editor-1.0.0").exists()


def test_without_npm_it_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RefusedError, match="npm fetches the editor") as refused:
        installed(DECAP, tmp_path / "editors")
    assert "--package decap-cms-3.16.3.tgz" in refused.value.hint


# ── the editors themselves ──


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as peers:
        started = peers.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield started
        started.close()


def window(browser: Browser, home: str) -> tuple[Page, list[str]]:
    """A page of a context of its own, with what it complained of and whom else it asked."""
    tab = browser.new_page(viewport={"width": 1280, "height": 1000})
    heard: list[str] = []
    tab.on("pageerror", lambda error: heard.append(str(error)))
    tab.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    ours = (home, "data:", "blob:")
    tab.on("response", lambda told: heard.append(told.url) if not told.url.startswith(ours) else None)
    return tab, heard


@pytest.mark.peer("editors")
def test_the_editor_edits_a_company_without_asking_anybody_else(browser: Browser, tmp_path: Path) -> None:
    root = tmp_path / "fernwerk"
    found_company(root, name="", email="", example=True)
    script = node_file(f"{DECAP.name}/dist/{DECAP.script}")
    assert script is not None
    shutil.copytree(script.parent, root / f".aios/editors/{DECAP.name}-{DECAP.version}")
    command = [sys.executable, "-m", "aios", "edit"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        try:
            assert served.stdout is not None
            home = served.stdout.readline().strip()
            tab, heard = window(browser, home)
            tab.goto(home)
            tab.get_by_role("button", name="Login").click()
            tab.get_by_text("Acorn Scheduling").or_(tab.get_by_text("Customer").first).first.wait_for()
            tab.goto(f"{home}#/collections/customer/entries/acorn-scheduling")
            _change(tab, "name", "Acorn Scheduling Ltd")
            tab.get_by_text("Entry saved").wait_for()
            tab.goto(f"{home}#/collections/customer/entries/birdsong-crm")
            tab.reload()
            _change(tab, "email", "hello@acorn-scheduling.example")
            tab.get_by_text("Failed to persist entry").first.wait_for()
            assert not any(line.startswith("http") for line in heard)
        finally:
            served.terminate()
            served.communicate(timeout=20)
    log = _git(root, "log", "-1", "--format=%s", "--stat")
    assert log.startswith("Edit customers/acorn-scheduling")
    assert "1 insertion(+), 1 deletion(-)" in log
    assert "# yaml-language-server" in (root / "state/customers/acorn-scheduling.yaml").read_text()
    checked = subprocess.run([*command[:3], "check"], cwd=root, capture_output=True, text=True, check=False)
    assert checked.returncode == Exit.OK, checked.stdout


def _change(tab: Page, name: str, value: str) -> None:
    box = tab.locator(f"input[id^={name}-field]").first
    box.wait_for()
    box.fill(value)
    tab.get_by_role("button", name="Publish").first.click()
    tab.get_by_text("Publish now").click()


def _git(root: Path, *args: str) -> str:
    return subprocess.run(["git", *args], cwd=root, capture_output=True, text=True, check=True).stdout


@pytest.mark.peer("editors")
def test_the_pages_for_github_start_with_our_settings_and_load_nothing_else(browser: Browser, tmp_path: Path) -> None:
    script = node_file(f"{SVELTIA.name}/dist/{SVELTIA.script}")
    assert script is not None
    tree = WorkTree(TOP)
    told = config(Schemas.from_tree(tree)[0], tree, {"name": "github", "repo": "ann/acme", "branch": "main"})
    (tmp_path / "config.yml").write_text(settings(told))
    (tmp_path / "index.html").write_text(page("Editor", SVELTIA.script, connect="'self' https://api.github.com"))
    shutil.copyfile(script, tmp_path / SVELTIA.script)
    command = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(tmp_path), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as served:
        try:
            assert served.stdout is not None
            port = served.stdout.readline().split("port ")[1].split(" ")[0]
            tab, heard = window(browser, f"http://127.0.0.1:{port}/")
            tab.goto(f"http://127.0.0.1:{port}/")
            tab.get_by_role("button", name="Access Token").wait_for()
            # It would like fonts and news from elsewhere, and the page's policy lets it have none.
            assert [line for line in heard if "Security Policy" not in line] == []
        finally:
            served.terminate()
            served.communicate(timeout=20)
