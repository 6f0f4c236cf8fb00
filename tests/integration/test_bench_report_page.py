"""The load report in a real browser: readable at a desk and on a phone, light or dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from selenium.webdriver.common.by import By

from ctr_bench.cli import main
from tests.support.browser import Browser
from tests.support.simulated_report import HOSTILE, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTHS = (1280, 400)
SMALLEST_TEXT_PX = 9.0
DARK = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
LIGHT = {"features": [{"name": "prefers-color-scheme", "value": "light"}]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for the whole file."""
    opened = Browser()
    yield opened
    opened.driver.quit()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A report of simulated files of every kind, made by the command."""
    folder = write_all(tmp_path_factory.mktemp("bench"))
    out = folder / "report.html"
    result = CliRunner().invoke(main, ["report", str(folder), "--out", str(out)])
    assert result.exit_code == 0, result.output
    return out.as_uri()


def unfold(browser: Browser) -> None:
    """Open every run and every long table."""
    browser.driver.execute_script(
        "document.querySelectorAll('details').forEach(d => d.open = true)"
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_the_report_needs_no_scrolling_sideways(url: str, browser: Browser, width: int) -> None:
    """All of it fits the window, everything unfolded, and the console says nothing."""
    browser.open(url, width)
    browser.shoot(f"load-report-{width}")
    assert not browser.overflow()
    unfold(browser)
    picture = browser.shoot(f"load-report-{width}-unfolded")
    assert picture.stat().st_size > 50_000
    assert not browser.overflow()
    assert not browser.complaints()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_letters_of_a_plot_are_large_enough(url: str, browser: Browser, width: int) -> None:
    """No text of any plot is smaller than about 9 pixels, and none leaves its plot."""
    browser.open(url, width)
    unfold(browser)
    heights, outside = browser.driver.execute_script(
        "const texts = [...document.querySelectorAll('figure svg text')];"
        "const sizes = texts.map(t => {"
        "  const m = t.getScreenCTM();"
        "  return parseFloat(getComputedStyle(t).fontSize) * Math.hypot(m.a, m.b); });"
        "const outside = texts.filter(t => {"
        "  const a = t.getBoundingClientRect();"
        "  const b = t.closest('svg').getBoundingClientRect();"
        "  return a.left < b.left - 2 || a.right > b.right + 2"
        "    || a.top < b.top - 2 || a.bottom > b.bottom + 2; });"
        "return [sizes, outside.map(t => t.textContent)];"
    )
    assert len(heights) > 200
    assert min(heights) >= SMALLEST_TEXT_PX
    assert not outside


def test_plots_follow_a_dark_scheme(url: str, browser: Browser) -> None:
    """Axis labels are dark on the light page and light on the dark one."""

    def lightness(scheme: dict[str, list[dict[str, str]]]) -> tuple[float, float]:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
        browser.open(url, 1280)
        ink, paper = browser.driver.execute_script(
            "const mean = c => c.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0) / 3;"
            "const text = document.querySelector('figure svg text');"
            "return [mean(getComputedStyle(text).fill),"
            " mean(getComputedStyle(text.closest('section')).backgroundColor)];"
        )
        return ink, paper

    ink, paper = lightness(LIGHT)
    assert paper - ink > 120
    ink, paper = lightness(DARK)
    browser.shoot("load-report-dark")
    assert ink - paper > 120
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", LIGHT)


def test_the_report_says_what_a_planner_wants_to_know(url: str, browser: Browser) -> None:
    """How many replicas, why, at what cost, what one holds, who is ahead, what to doubt."""
    browser.open(url, 1280)
    unfold(browser)
    text = browser.text()
    for part in (
        "replicas for a peak of 9,000 pairs/s with p99 within 100 ms",
        "one of two killed, at one's planned load",
        "a million scores, replicas fixed",
        "Cold start; image and scheduling come on top",
        "Replicas by peak",
        "ahead of the best peer, mosec",
        "No rate that was tried held the SLO for naive",
        "overload: INVALID, do not use these figures",
        "the longest stall is",
        "RESOURCE_EXHAUSTED",
        "From the time at which the request was scheduled",
        "simulated, 2 cores",
        "300 MiB",
    ):
        assert part in text, part
    assert HOSTILE in text
    assert not browser.driver.find_elements(By.CSS_SELECTOR, "script, img")
    assert not browser.complaints()
