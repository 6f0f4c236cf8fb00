"""The composition: builds every part, owns the order of start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from aiohttp import web

from ctr_monitor.around.objectives import objectives_from
from ctr_monitor.around.prometheus import Prometheus
from ctr_monitor.errors import SettingsError
from ctr_monitor.instruments import Instruments
from ctr_monitor.investigating import Investigator
from ctr_monitor.parts import Parts
from ctr_monitor.remedies.allow_list import read_allow_list
from ctr_monitor.remedies.running import RemedyRunner
from ctr_monitor.store.database import Database
from ctr_monitor.store.incidents import IncidentStore
from ctr_monitor.store.remedy_runs import RemedyRuns
from ctr_monitor.store.thread import StoreThread
from ctr_monitor.store.traces import TraceStore
from ctr_monitor.traces.grpc_receiver import GrpcReceiver
from ctr_monitor.traces.intake import MAX_BODY_BYTES, SpanIntake
from ctr_monitor.web.drawing import Drawing
from ctr_monitor.web.guard import allowed_hosts, errors_as_sentences, own_forms_only
from ctr_monitor.web.machines import Machines
from ctr_monitor.web.pages import Pages
from ctr_monitor.worker import Worker

if TYPE_CHECKING:
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

    from ctr_monitor.clock import WallClock
    from ctr_monitor.settings import Settings


class Monitor:
    """One monitor. `port` and `otlp_grpc_port` are known after `start`."""

    def __init__(self, settings: Settings, *, clock: WallClock, log: FilteringBoundLogger) -> None:
        self._settings = settings
        self._clock = clock
        self._log = log
        self._stack = contextlib.AsyncExitStack()
        self.port = 0
        self.otlp_grpc_port: int | None = None

    async def start(self) -> None:
        """Open the store, listen, and begin to work off what is due.

        Raises:
            SettingsError: a file is wrong, or an address cannot be listened on.
            StoreError: the store cannot be used.
        """
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def stop(self) -> None:
        """Take nothing new, finish what is under way, close the store."""
        await self._stack.aclose()
        self._log.info("stopped")

    async def _start(self) -> None:
        settings, stack = self._settings, self._stack
        objectives = objectives_from(settings.slo)
        allow_list = read_allow_list(settings.allow_list)
        instruments = Instruments()
        # What is entered last is closed first: the listeners, the worker, then what they use.
        database = Database(settings.store, serving=True)
        stack.callback(database.close)
        thread = StoreThread()
        stack.callback(thread.close)
        incidents = IncidentStore(database)
        traces = TraceStore(database, settings.keep)
        runs = RemedyRuns(database)
        runs.close_unended()
        prometheus = Prometheus(settings.prometheus)
        stack.push_async_callback(prometheus.close)
        investigator = Investigator(
            prometheus,
            traces,
            thread,
            objectives,
            look=settings.look,
            job=settings.job,
            deadline_s=settings.report_deadline_s,
            clock=self._clock,
        )
        worker = Worker(
            incidents,
            thread,
            investigator,
            settings.schedule,
            clock=self._clock,
            instruments=instruments,
            log=self._log,
        )
        working = asyncio.create_task(worker.run(), name="investigations")
        stack.push_async_callback(_end, working)
        intake = SpanIntake(traces, thread, instruments)
        parts = Parts(
            settings=settings,
            thread=thread,
            incidents=incidents,
            traces=traces,
            runs=runs,
            remedies=RemedyRunner(allow_list, runs, thread, self._clock),
            intake=intake,
            worker=worker,
            worker_runs=lambda: not working.done(),
            instruments=instruments,
            clock=self._clock,
            log=self._log,
        )
        await self._listen(parts)
        self._tell()

    async def _listen(self, parts: Parts) -> None:
        settings = self._settings
        drawing = Drawing()
        self._stack.callback(drawing.close)
        drawing.warm_up()
        application = web.Application(
            middlewares=[
                errors_as_sentences(parts.instruments, self._log),
                own_forms_only(allowed_hosts(settings.host, settings.public_url)),
            ],
            client_max_size=MAX_BODY_BYTES,
        )
        application.add_routes(Machines(parts).routes())
        application.add_routes(Pages(parts, drawing).routes())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=settings.grace_s)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, settings.host, settings.port).start()
        except OSError as error:
            raise SettingsError(
                f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
                "choose another --listen"
            ) from None
        self.port = int(runner.addresses[0][1])
        if settings.otlp_grpc_port is not None:
            receiver = GrpcReceiver(parts.intake, parts.instruments)
            self.otlp_grpc_port = await receiver.start(settings.host, settings.otlp_grpc_port)
            self._stack.push_async_callback(receiver.stop, settings.grace_s)

    def _tell(self) -> None:
        ports = {"http": self.port, "otlp_grpc": self.otlp_grpc_port}
        if self._settings.port_file is not None:
            _write(self._settings.port_file, json.dumps(ports))
        self._log.info("serving", page=f"http://{self._settings.host}:{self.port}/", **ports)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _write(path: Path, text: str) -> None:
    """Aside, then renamed: whoever waits for the file reads all of it."""
    aside = path.with_name(path.name + ".new")
    aside.write_text(text, "utf-8")
    aside.replace(path)
