"""With Debian's Alertmanager and a scraping Prometheus: the real webhook, the real exemplar."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import time
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from ctr_monitor.around.prometheus import PrometheusSettings
from ctr_monitor.around.windows import LookSettings
from ctr_monitor.clock import SystemWallClock
from tests.support.monitor_alerts import iso, webhook, wire_alert
from tests.support.monitor_spans import call, trace_id
from tests.support.monitor_story import send_spans
from tests.support.monitor_world import running_monitor, settings_for
from tests.support.prometheus_server import require, running_prometheus
from tests.support.redis_server import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.monitor_world import MonitorWorld

PATIENCE_S = 30.0
ROUTES = """
route: {receiver: monitor, group_by: [alertname], group_wait: 0s, group_interval: 1s}
receivers:
  - name: monitor
    webhook_configs: [{url: "%s/api/v1/alerts", send_resolved: true}]
"""
SCRAPE = """
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: ctr-service
    static_configs: [{targets: ["127.0.0.1:%d"]}]
"""
PAGE = (
    "# TYPE traces_span_metrics_duration_milliseconds histogram\n"
    'traces_span_metrics_duration_milliseconds_bucket{span_kind="SPAN_KIND_SERVER",le="500.0"} %d'
    ' # {trace_id="%s",span_id="%016x"} 309.5\n'
    'traces_span_metrics_duration_milliseconds_bucket{span_kind="SPAN_KIND_SERVER",le="+Inf"} %d\n'
    "# EOF\n"
)


def now_ms() -> int:
    """The machine's time."""
    return round(time.time() * 1000)


@contextlib.asynccontextmanager
async def running_alertmanager(folder: Path, world: MonitorWorld) -> AsyncIterator[str]:
    """Its URL, for the length of a block; it sends everything to the monitor."""
    require("prometheus-alertmanager")
    routes = folder / "alertmanager.yml"
    routes.write_text(ROUTES % world.url)
    url = f"http://127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        *("prometheus-alertmanager", f"--config.file={routes}", "--cluster.listen-address="),
        *(f"--storage.path={folder / 'alertmanager'}", f"--web.listen-address={url[7:]}"),
        stderr=subprocess.DEVNULL,
    )
    try:
        yield url
    finally:
        process.kill()
        await process.wait()


async def until_state(world: MonitorWorld, state: str) -> dict[str, object]:
    """The one incident, once it is in a state."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = json.loads(await world.get("/api/v1/incidents"))["incidents"]
            if [incident["state"] for incident in found] == [state]:
                incident: dict[str, object] = found[0]
                return incident
            await asyncio.sleep(0.05)


async def post_alert(url: str, *, ends_ms: int | None) -> None:
    """Give Alertmanager an alert, as Prometheus does; waits until it listens."""
    alert = {
        "labels": {"alertname": "CtrShedBurn", "severity": "page", "slo": "shed"},
        "annotations": {"summary": "too much", "runbook": "k8s/runbooks/CtrShedBurn.md"},
        "startsAt": iso(now_ms() - 5000),
        **({} if ends_ms is None else {"endsAt": iso(ends_ms)}),
    }
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as client:
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with client.post(f"{url}/api/v2/alerts", json=[alert]) as answer:
                    assert answer.status == 200, await answer.text()
                    return
            await asyncio.sleep(0.05)


async def test_alertmanagers_own_webhook_is_understood(tmp_path: Path) -> None:
    """An alert given to a real Alertmanager becomes an incident, and its end ends it."""
    async with (
        running_monitor(settings_for(tmp_path), SystemWallClock()) as world,
        running_alertmanager(tmp_path, world) as url,
    ):
        await post_alert(url, ends_ms=None)
        found = await until_state(world, "firing")
        assert (found["title"], found["severity"]) == ("CtrShedBurn", "page")
        await post_alert(url, ends_ms=now_ms())
        await until_state(world, "resolved")


async def test_an_exemplar_leads_to_its_trace(tmp_path: Path) -> None:
    """A bucket's exemplar, scraped by a real Prometheus, is in the report, and its trace opens."""
    count = 0

    async def metrics(_: web.Request) -> web.Response:
        nonlocal count
        count += 1
        text = PAGE % (count, trace_id(7), 7, count)
        kind = "application/openmetrics-text; version=1.0.0; charset=utf-8"
        return web.Response(body=text.encode(), headers={"Content-Type": kind})

    application = web.Application()
    application.add_routes([web.get("/metrics", metrics)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    scrape = SCRAPE % runner.addresses[0][1]
    with running_prometheus("# EOF\n", scrape) as url:
        settings = settings_for(
            tmp_path,
            prometheus=PrometheusSettings(url),
            look=LookSettings(window_s=30, rate_s=5),
        )
        async with running_monitor(settings, SystemWallClock()) as world:
            await send_spans(world, call(7, at_ms=now_ms() - 3_600_000))
            traces: list[dict[str, object]] = []
            async with asyncio.timeout(PATIENCE_S):
                while not traces:
                    alert = wire_alert(starts_ms=now_ms(), fingerprint=str(now_ms()))
                    number = await world.alert(webhook(alert, group=str(now_ms())))
                    traces = (await world.reported(number))["report"]["traces"]
                    await asyncio.sleep(0.2)
            assert [(trace["trace_id"], trace["why"]) for trace in traces] == [
                (trace_id(7), "exemplar")
            ]
            assert "ctr.compute" in await world.get(f"/traces/{trace_id(7)}")
    await runner.cleanup()
