"""The page of a trace in a real browser: it fits, opens by keyboard, keeps its own rules and runs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from aios.trace.waterfall import page
from tests.trace.samples import huge, ordinary
from tests.trace.test_waterfall import hostile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

pytestmark = pytest.mark.peer("chromium")
PAGES = {"ordinary": ordinary, "huge": huge, "hostile": hostile}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    import shutil

    from playwright.sync_api import sync_playwright

    with sync_playwright() as peers:
        started = peers.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield started
        started.close()


def shown(
    browser: Browser, folder: Path, name: str, *, width: int = 1280, dark: bool = False
) -> tuple[Page, list[str]]:
    """The page in the browser, with everything that it asked for, complained of or popped up."""
    file = folder / f"{name}.html"
    file.write_text(page(PAGES[name]()), encoding="utf-8")
    scheme: Literal["dark", "light"] = "dark" if dark else "light"
    tab = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
    heard: list[str] = []

    def popped_up(dialog: Dialog) -> None:
        heard.append(dialog.message)
        dialog.dismiss()

    tab.on("console", lambda message: heard.append(message.text))
    tab.on("dialog", popped_up)
    tab.on("request", lambda request: heard.append(request.url) if request.url != file.as_uri() else None)
    tab.goto(file.as_uri())
    return tab, heard


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_sticks_out_and_nobody_is_asked(browser: Browser, tmp_path: Path, name: str, width: int) -> None:
    tab, heard = shown(browser, tmp_path, name, width=width)
    for summary in tab.locator("summary:visible").all()[:6]:
        summary.click()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert heard == []
    tab.context.close()


def test_a_row_opens_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    tab, _ = shown(browser, tmp_path, "ordinary")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.innerText").startswith("plan")
    assert not tab.get_by_text("aios.title").first.is_visible()
    tab.keyboard.press("Enter")
    assert tab.get_by_text("aios.title").first.is_visible()
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.context.close()


def test_the_style_is_let_in_by_its_hash_and_bars_are_drawn_to_scale(browser: Browser, tmp_path: Path) -> None:
    tab, _ = shown(browser, tmp_path, "ordinary")
    assert tab.evaluate("getComputedStyle(document.querySelector('.row')).display") == "grid"
    boxes = [each.bounding_box() for each in tab.locator(".bar rect").all()]
    widths = [box["width"] for box in boxes if box]
    plan, agent, call = widths[:3]  # 1.0 s, 0.8 s and 0.6 s
    assert agent / plan == pytest.approx(0.8, abs=0.01)
    assert call / plan == pytest.approx(0.6, abs=0.01)
    tab.context.close()


@pytest.mark.parametrize("dark", [False, True])
def test_texts_stand_out_from_what_is_behind_them(browser: Browser, tmp_path: Path, dark: bool) -> None:
    """The contrast that the web's guidelines ask of small text: 4.5 to 1."""
    tab, _ = shown(browser, tmp_path, "ordinary", dark=dark)
    found = tab.evaluate(_CONTRASTS)
    assert len(found) > 50
    assert {text: round(ratio, 2) for text, ratio in found if ratio < 4.5} == {}
    tab.context.close()


# Every text with how far its colour is from the first opaque background around it.
_CONTRASTS = """() => {
  const parts = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility() || element.closest("title")) continue;
    const style = getComputedStyle(element);
    const [a, b] = [parts(element.closest("svg") ? style.fill : style.color), behind(element)].map(light);
    found.push([text, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]);
  }
  return found;
}"""
