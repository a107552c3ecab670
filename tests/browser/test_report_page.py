"""The report in a real browser: no errors, no requests, no barrier, on a telephone and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

LOCALES = ("en", "ko", "zh-Hans", "zh-Hant")
WIDE, NARROW = 1280, 360


class Opened:
    """A page with what it complained of and what it asked for."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on(
            "console",
            lambda m: self.complaints.append(m.text) if m.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.as_uri())

    def draw_all(self) -> None:
        """Scrolls down once: charts are drawn when they come near."""
        for plot in self.page.query_selector_all(".plot"):
            plot.scroll_into_view_if_needed()
            self.page.wait_for_function("p => p.querySelector('.main-svg')", arg=plot)


@contextmanager
def opened(browser: Browser, path: Path, width: int) -> Iterator[Opened]:
    page = browser.new_page(viewport={"width": width, "height": 900})
    try:
        yield Opened(page, path)
    finally:
        page.close()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_it_fits_draws_and_is_quiet(
    browser: Browser, pages: dict[str, Path], locale: str, width: int
) -> None:
    with opened(browser, pages[locale], width) as shown:
        shown.draw_all()
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
        assert len(shown.page.query_selector_all(".plot .main-svg")) > 10
        assert shown.complaints == []
        own = pages[locale].as_uri()
        assert [url for url in shown.requests if url != own and not url.startswith("data:")] == []


@pytest.mark.parametrize(("locale", "width"), [("en", WIDE), ("zh-Hant", NARROW), ("ko", WIDE)])
def test_axe_finds_no_barrier(
    browser: Browser, pages: dict[str, Path], locale: str, width: int
) -> None:
    with opened(browser, pages[locale], width) as shown:
        shown.draw_all()
        shown.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        found = Axe().run(shown.page).response["violations"]
        told = [
            (each["id"], each["impact"], [node["html"][:160] for node in each["nodes"][:3]])
            for each in found
            if each["impact"] in {"serious", "critical"}
        ]
        assert told == []


def test_the_keyboard_reaches_everything(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["en"], WIDE) as shown:
        page = shown.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("!!document.activeElement.closest('main')")
        style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert style != "none"


def test_a_number_leads_to_its_query(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["en"], WIDE) as shown:
        link = shown.page.locator("#glance .story a.n").first
        target = link.get_attribute("href")
        assert target is not None
        link.click()
        shown.page.wait_for_function("id => location.hash === id", arg=target)
        code = shown.page.locator(f"{target} pre code").first
        assert code.is_visible()
        assert "SELECT" in code.inner_text()


def test_contents_are_closed_on_a_telephone(browser: Browser, pages: dict[str, Path]) -> None:
    for width, expected in ((NARROW, False), (WIDE, True)):
        with opened(browser, pages["en"], width) as shown:
            assert shown.page.evaluate("document.querySelector('.toc').open") is expected


def test_it_prints(browser: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    with opened(browser, pages["en"], WIDE) as shown:
        page = shown.page
        page.emulate_media(media="print")
        assert not page.locator("nav").is_visible()
        assert page.locator("h1").is_visible()
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        page.wait_for_function(
            "() => [...document.querySelectorAll('.plot')].every(p => p.querySelector('.main-svg'))"
        )
        assert page.locator("#rates figure table").first.is_visible()
        paper = tmp_path / "report.pdf"
        page.pdf(path=paper, format="A4", print_background=True)
        assert paper.stat().st_size > 100_000
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        page.emulate_media(media="screen")
        assert not page.locator("#rates figure table").first.is_visible()


def test_without_javascript_the_tables_are_there(browser: Browser, pages: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["en"].as_uri())
    assert page.locator("noscript .note").is_visible()
    page.locator("#rates details summary").first.click()
    assert page.locator("#rates figure table").first.is_visible()
    context.close()
