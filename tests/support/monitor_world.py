"""A monitor in this event loop, and a client for it."""

from __future__ import annotations

import asyncio
import contextlib
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp

from ctr_monitor.app import Monitor
from ctr_monitor.around.prometheus import PrometheusSettings
from ctr_monitor.around.windows import LookSettings
from ctr_monitor.clock import ManualWallClock
from ctr_monitor.logs import configure_logs
from ctr_monitor.schedule import ScheduleSettings
from ctr_monitor.settings import Settings
from tests.support.monitor_alerts import T0_MS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from ctr_monitor.clock import WallClock

NOBODY = "http://127.0.0.1:9"
"""Where no Prometheus is: the discard port."""
PATIENCE_S = 30.0


class MonitorWorld:
    """One running monitor."""

    def __init__(self, monitor: Monitor, client: aiohttp.ClientSession, log: io.StringIO) -> None:
        self.monitor = monitor
        self.client = client
        self.log = log

    @property
    def url(self) -> str:
        """Of its page."""
        return f"http://127.0.0.1:{self.monitor.port}"

    async def alert(self, body: bytes) -> int:
        """Send a webhook; the incident's number."""
        async with self.client.post(f"{self.url}/api/v1/alerts", data=body) as answer:
            assert answer.status == 200, await answer.text()
            return int((await answer.json())["incident"])

    async def get(self, path: str, status: int = 200) -> str:
        """A page's text."""
        async with self.client.get(self.url + path) as answer:
            text = await answer.text()
            assert answer.status == status, text
            return text

    async def incident(self, number: int) -> dict[str, Any]:
        """An incident as JSON."""
        async with self.client.get(f"{self.url}/api/v1/incidents/{number}") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def reported(self, number: int, *, whole: bool = True) -> dict[str, Any]:
        """The incident once it has a report (that lacks nothing)."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await self.incident(number)
                if found["report"] and not (whole and found["report"]["missing"]):
                    return found
                await asyncio.sleep(0.01)


def settings_for(
    folder: Path,
    prometheus: str | PrometheusSettings = NOBODY,
    **changes: Any,  # noqa: ANN401 -- any setting
) -> Settings:
    """Settings of a test: free ports, short waits, the windows of the scripted series."""
    return replace(
        Settings(
            store=folder / "monitor.sqlite",
            prometheus=PrometheusSettings(prometheus, deadline_s=5.0)
            if isinstance(prometheus, str)
            else prometheus,
            port=0,
            otlp_grpc_port=0,
            look=LookSettings(window_s=1800, rate_s=60),
            schedule=ScheduleSettings(again_s=(), retry_s=0.05, retry_most_s=0.1, attempts=1000),
        ),
        **changes,
    )


@contextlib.asynccontextmanager
async def running_monitor(
    settings: Settings, clock: WallClock | None = None
) -> AsyncIterator[MonitorWorld]:
    """A monitor for the length of a block; its time stands two minutes after the alert."""
    log = io.StringIO()
    monitor = Monitor(
        settings,
        clock=clock or ManualWallClock(T0_MS + 120_000),
        log=configure_logs("debug", "json", log),
    )
    await monitor.start()
    try:
        async with aiohttp.ClientSession() as client:
            yield MonitorWorld(monitor, client, log)
    finally:
        await monitor.stop()
