"""The pages in a real browser, from the disk: accessible, quiet, readable on a phone, in the light and in the dark."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests.dashboard.test_dashboard import company, site
from tests.peers import node_file

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Dialog

__all__ = ["company", "site"]
pytestmark = [pytest.mark.peer("axe"), pytest.mark.peer("chromium")]
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as peers:
        started = peers.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield started
        started.close()


def pages_of(site: Path) -> list[Path]:
    """One page of each sort."""
    found = [site / f"{name}.html" for name in ("index", "waiting", "content", "decisions", "memory", "connectors")]
    found += [site / "cost.html", site / "log/index.html", site / "records/index.html", site / "runs/index.html"]
    found += [site / "records/kind-customer.html", site / "records/decisions/hostile.html"]
    found += [next((site / "proposals").glob("*.html")), next((site / "records/content").glob("*.html"))]
    return [*found, next(page for page in (site / "runs").glob("0*.html") if "trace" not in page.name)]


def context(browser: Browser, width: int, scheme: Scheme, *, bare: bool = False) -> BrowserContext:
    # The checks are a script that the pages' own policy would not let in.
    return browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, bypass_csp=bare)


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_nothing_sticks_out_nobody_is_asked_and_nothing_complains(
    browser: Browser, site: Path, width: int, scheme: Scheme
) -> None:
    window = context(browser, width, scheme)
    tab = window.new_page()
    heard: list[str] = []

    def popped_up(dialog: Dialog) -> None:
        heard.append(dialog.message)
        dialog.dismiss()

    tab.on("dialog", popped_up)
    tab.on("console", lambda message: heard.append(message.text))
    tab.on("pageerror", lambda error: heard.append(str(error)))
    tab.on("request", lambda request: heard.append(request.url) if not request.url.startswith("file:") else None)
    for page in pages_of(site):
        tab.goto(page.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, page.name
        assert heard == [], page.name
    window.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_everybody_can_use_them(browser: Browser, site: Path, width: int, scheme: Scheme) -> None:
    window = context(browser, width, scheme, bare=True)
    tab = window.new_page()
    script = node_file("axe-core/axe.min.js")
    assert script is not None
    for page in pages_of(site):
        tab.goto(page.as_uri())
        tab.add_script_tag(path=script)
        told: dict[str, Any] = tab.evaluate(f"axe.run(document, {{runOnly: {RULES}}})")
        wrong = [(each["id"], each["nodes"][0]["html"][:120]) for each in told["violations"]]
        assert wrong == [], page.name
    window.close()


def test_the_search_finds_by_words_from_the_disk(browser: Browser, site: Path) -> None:
    window = context(browser, 390, "light")
    tab = window.new_page()
    tab.goto((site / "memory.html").as_uri())
    tab.fill("#q", "notice price")
    tab.wait_for_selector("#hits li")
    first = tab.locator("#hits a").first
    assert "otice" in first.inner_text()
    first.click()
    assert tab.locator("h1").is_visible()
    tab.go_back()
    tab.fill("#q", "zzzz-nothing")
    tab.wait_for_function("document.getElementById('found').textContent === 'Nothing fits.'")
    tab.goto(f"{(site / 'records/index.html').as_uri()}?q=alert")
    tab.wait_for_selector("#hits li")
    assert tab.locator("#hits img").count() == 0
    window.close()


def test_the_first_tab_skips_the_navigation(browser: Browser, site: Path) -> None:
    window = context(browser, 1280, "light")
    tab = window.new_page()
    tab.goto((site / "index.html").as_uri())
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    window.close()
