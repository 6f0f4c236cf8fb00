"""The pages in a real browser: readable at a desk and on a phone, safe against what they show."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By

from tests.support.browser import Browser
from tests.support.monitor_series import FAULTS, open_metrics
from tests.support.monitor_spans import trace_id
from tests.support.monitor_story import HOSTILE, NOTE, tell_story
from tests.support.monitor_world import running_monitor, settings_for
from tests.support.prometheus_server import running_prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctr_monitor.settings import Settings

WIDTHS = (1280, 400)
RUNBOOKS = "https://git.example.org/ctr/blob/main"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for the whole file."""
    opened = Browser()
    yield opened
    opened.driver.quit()


@pytest.fixture(scope="module")
def prometheus() -> Iterator[str]:
    """One with the scripted faults."""
    with running_prometheus(open_metrics({"backend_slow": FAULTS["backend_slow"]})) as url:
        yield url


@pytest.fixture
def settings(prometheus: str, tmp_path: Path) -> Settings:
    """Of a monitor that looks at the slow backend, with objectives and an allow-list."""
    slo = tmp_path / "slo.yaml"
    slo.write_text(
        "objectives:\n  availability: {target_percent: 99.9}\n"
        "  latency: [{threshold_ms: 100, target_percent: 99}]\n"
        "  shed: {target_percent: 99}\n  degraded: {target_percent: 95}\n"
        "burn:\n  - {severity: page, burn_rate: 14.4, long: 30m, short: 5m}\n"
    )
    allow_list = tmp_path / "remedies.toml"
    allow_list.write_text(
        '[[remedy]]\nname = "add-replica"\ntitle = "Add a replica"\ncauses = ["backend_slow"]\n'
        'argv = ["echo", "deployment.apps/ctr-service scaled"]\n'
        'dry_run_argv = ["echo", "deployment.apps/ctr-service scaled (dry run)"]\n'
    )
    return settings_for(
        tmp_path,
        prometheus,
        job="backend-slow",
        slo=slo,
        allow_list=allow_list,
        runbook_base=RUNBOOKS,
    )


@pytest.mark.parametrize("width", WIDTHS)
async def test_every_page_is_readable_without_scrolling_sideways(
    settings: Settings, browser: Browser, width: int
) -> None:
    """Incident, list, traces and a trace fit the window, and the console says nothing."""
    async with running_monitor(settings) as world:
        number = await tell_story(world)
        pages = {
            "incident": f"/incidents/{number}",
            "list": "/",
            "traces": "/traces",
            "trace": f"/traces/{trace_id(1)}",
        }
        for name, path in pages.items():
            await asyncio.to_thread(browser.open, world.url + path, width)
            picture = await asyncio.to_thread(browser.shoot, f"{name}-{width}")
            assert picture.stat().st_size > 10_000
            assert not await asyncio.to_thread(browser.overflow), name
            assert not await asyncio.to_thread(browser.complaints), name


async def test_the_incident_says_what_one_wants_to_know(
    settings: Settings, browser: Browser
) -> None:
    """First suspect, evidence, onset, burn, runbook, plots, traces that open, the past's note."""
    async with running_monitor(settings) as world:
        number = await tell_story(world)
        await asyncio.to_thread(browser.open, f"{world.url}/incidents/{number}", 1280)
        text = await asyncio.to_thread(browser.text)
        for part in (
            "The engine (backend) is slow",
            "Engine time a token rose from 20 µs to 160 µs",
            "firing for 2 min",
            "Latency burns its budget 31 times too fast",
            "latency, 100 ms",
            NOTE,
            "took 35 min",
            "Dry run: Add a replica",
        ):
            assert part in text
        find = browser.driver.find_elements
        assert len(find(By.CSS_SELECTOR, "figure svg")) >= 10
        link = find(By.LINK_TEXT, "k8s/runbooks/CtrLatencyBurn.md")[0]
        assert link.get_attribute("href") == f"{RUNBOOKS}/k8s/runbooks/CtrLatencyBurn.md"
        await asyncio.to_thread(browser.follow, "#traces a")
        assert "ctr.compute" in (await asyncio.to_thread(browser.text))


async def test_what_was_learnt_is_kept_and_found(settings: Settings, browser: Browser) -> None:
    """A person fills the form in; the note stands on the page, and the search finds it."""
    async with running_monitor(settings) as world:
        number = await tell_story(world)

        def fill() -> None:
            browser.open(f"{world.url}/incidents/{number}", 400)
            for name, value in (
                ("note", "throttled by the rack"),
                ("minutes", "12"),
                ("by", "Ann"),
            ):
                field = browser.driver.find_element(By.CSS_SELECTOR, f"form.note [name={name}]")
                field.clear()
                field.send_keys(value)
            browser.follow("form.note button")

        await asyncio.to_thread(fill)
        assert "throttled by the rack" in (await asyncio.to_thread(browser.text))
        await asyncio.to_thread(browser.open, f"{world.url}/?q=throttled+rack", 400)
        assert f"{number}. CtrLatencyBurn" in (await asyncio.to_thread(browser.text))
        assert (await world.incident(number))["minutes_to_resolve"] == 12


async def test_a_dry_run_is_on_record(settings: Settings, browser: Browser) -> None:
    """The button rehearses; the page shows who, when, what, and its output."""
    async with running_monitor(settings) as world:
        number = await tell_story(world)

        def press() -> None:
            browser.open(f"{world.url}/incidents/{number}", 1280)
            browser.driver.find_element(By.CSS_SELECTOR, "form.inline [name=by]").send_keys("Ann")
            browser.follow("form.inline button")

        await asyncio.to_thread(press)
        text = await asyncio.to_thread(browser.text)
        assert "by Ann: exit 0" in text
        assert "deployment.apps/ctr-service scaled (dry run)" in text


async def test_an_alerts_text_is_only_text(settings: Settings, browser: Browser) -> None:
    """Markup in an annotation is shown as it was written and does nothing."""
    async with running_monitor(settings) as world:
        number = await tell_story(world, description=HOSTILE)
        await asyncio.to_thread(browser.open, f"{world.url}/incidents/{number}", 1280)
        assert HOSTILE in await asyncio.to_thread(browser.text)
        assert browser.driver.title == f"{number}. CtrLatencyBurn, CtrDegradedBurn"
        assert not browser.driver.find_elements(By.CSS_SELECTOR, "script, img")
        assert not await asyncio.to_thread(browser.complaints)
