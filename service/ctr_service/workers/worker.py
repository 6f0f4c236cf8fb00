"""`python -m ctr_service.workers.worker FD`: one worker. Only the supervisor starts it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import pickle
import socket
import sys
from typing import TYPE_CHECKING

from ctr_service.app import App
from ctr_service.errors import CtrError
from ctr_service.loops import loop_factory
from ctr_service.outside import Outside
from ctr_service.running import run_until_asked
from ctr_service.server.signals import StopSignals
from ctr_service.telemetry.logs import configure_logs
from ctr_service.workers.line import (
    ALIVE_EVERY_S,
    Alive,
    Brief,
    Refused,
    Serving,
    WorkerEnd,
    stop_patience_s,
)

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger


def main(outside: Outside | None = None) -> int:
    """Read the brief from stdin, serve, and return the exit code."""
    try:
        brief: Brief = pickle.load(sys.stdin.buffer)  # noqa: S301 -- from our own parent
    except EOFError:
        return 1  # the supervisor died before it wrote the brief
    with socket.socket(fileno=int(sys.argv[1])) as line:
        return work(brief, WorkerEnd(line), outside or Outside())


def work(brief: Brief, end: WorkerEnd, outside: Outside) -> int:
    """Serve until asked to stop; tell the supervisor what keeps us from it."""
    settings = brief.settings
    log = configure_logs(
        settings.log_level,
        settings.log_format,
        lines_per_minute=settings.log_lines_per_minute,
    ).bind(worker=brief.worker)
    try:
        with asyncio.Runner(loop_factory=loop_factory(settings.event_loop)) as runner:
            runner.run(_serve(brief, end, log, outside))
    except CtrError as error:
        end.tell(Refused(str(error)))
        return 1
    return 0


async def _serve(brief: Brief, end: WorkerEnd, log: FilteringBoundLogger, outside: Outside) -> None:
    settings, loop = brief.settings, asyncio.get_running_loop()
    seat = dataclasses.replace(outside, cpus=lambda: brief.cpus, worker=str(brief.worker))
    app = App(settings, log=log, outside=seat)
    with StopSignals(log) as signals:

        def hung_up() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nothing is left to stop
                loop.call_soon_threadsafe(signals.ask)

        end.watch(hung_up, patience_s=stop_patience_s(settings))
        log.info("worker_starting", pid=os.getpid(), cpus=brief.cpus)
        saying = asyncio.create_task(_say_alive(end))
        try:
            await run_until_asked(app, signals, log, lambda: end.tell(Serving(app.metrics_port)))
        finally:
            saying.cancel()


async def _say_alive(end: WorkerEnd) -> None:
    while True:
        await asyncio.sleep(ALIVE_EVERY_S)
        end.tell(Alive())


if __name__ == "__main__":
    sys.exit(main())
