"""Works off the investigations that are due, one after the other, in the background."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING

from ctr_monitor.clock import MS_PER_S
from ctr_monitor.schedule import next_look

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from ctr_monitor.clock import WallClock
    from ctr_monitor.instruments import Instruments
    from ctr_monitor.investigating import Investigator
    from ctr_monitor.schedule import ScheduleSettings
    from ctr_monitor.store.incidents import Due, IncidentStore
    from ctr_monitor.store.thread import StoreThread

STORE_RETRY_S = 5.0
REST_S = 60.0
"""Looks at the store at least so often: a clock that was set does not strand an incident."""


class Worker:
    """What is due is in the store, so a restart goes on where it stopped."""

    def __init__(  # noqa: PLR0913 -- the composition hands over everything it uses
        self,
        incidents: IncidentStore,
        thread: StoreThread,
        investigator: Investigator,
        schedule: ScheduleSettings,
        *,
        clock: WallClock,
        instruments: Instruments,
        log: FilteringBoundLogger,
    ) -> None:
        self._incidents = incidents
        self._thread = thread
        self._investigator = investigator
        self._schedule = schedule
        self._clock = clock
        self._instruments = instruments
        self._log = log
        self._bell = asyncio.Event()

    def ring(self) -> None:
        """Say that something may be due."""
        self._bell.set()

    async def run(self) -> None:
        """Work until cancelled. A store that fails is tried again: the disk may get room."""
        while True:
            self._bell.clear()
            try:
                wait_s = await self._step()
            except sqlite3.Error as error:
                self._log.error("store_failed", error=type(error).__qualname__)
                wait_s = STORE_RETRY_S
            if wait_s <= 0:
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._bell.wait()

    async def _step(self) -> float:
        """Do the investigation that is due; return how long there is none, in seconds."""
        due = await self._thread.call(self._incidents.due)
        if due is None:
            return REST_S
        wait_s = (due.due_ms - self._clock.now_ms()) / MS_PER_S
        if wait_s > 0:
            return min(wait_s, REST_S)
        await self._work(due)
        return 0.0

    async def _work(self, due: Due) -> None:
        incident = await self._thread.call(self._incidents.get, due.incident_id, with_report=False)
        started_s = time.monotonic()
        try:
            report = await self._investigator.investigate(incident)
        except Exception as error:  # noqa: BLE001 -- one incident's defect must not stop the others
            self._log.error(
                "investigation_failed", incident=due.incident_id, error=type(error).__qualname__
            )
            self._instruments.investigations.labels("failed").inc()
            await self._after(due, firing=incident.state == "firing")
            return
        whole = not report.missing
        then = next_look(
            self._schedule,
            now_ms=self._clock.now_ms(),
            whole=whole,
            firing=incident.state == "firing",
            attempts=due.attempts,
            looks=due.looks,
        )
        await self._thread.call(
            self._incidents.investigated,
            due,
            report,
            next_ms=then.due_ms,
            attempts=then.attempts,
            looks=then.looks,
        )
        self._instruments.investigations.labels("whole" if whole else "incomplete").inc()
        self._instruments.investigation_seconds.observe(time.monotonic() - started_s)
        self._log.info(
            "investigated",
            incident=due.incident_id,
            suspect=report.suspects[0].key if report.suspects else None,
            missing=len(report.missing),
            again_at_ms=then.due_ms,
        )

    async def _after(self, due: Due, *, firing: bool) -> None:
        then = next_look(
            self._schedule,
            now_ms=self._clock.now_ms(),
            whole=False,
            firing=firing,
            attempts=due.attempts,
            looks=due.looks,
        )
        await self._thread.call(
            self._incidents.put_off, due, next_ms=then.due_ms, attempts=then.attempts
        )
