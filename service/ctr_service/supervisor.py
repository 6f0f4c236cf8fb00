"""Several worker processes behind one port, started, watched, started again and stopped.

The supervisor itself serves nothing but metrics: it holds the port, and loads neither engine nor
gRPC, so that there is little in it that can fail.

Health speaks for the whole because of who listens. The kernel spreads connections over those who
listen on the port: a worker that warms up does not listen yet, and a dead one no longer, so a probe
reaches one that serves. All drain together, and then every probe hears NOT_SERVING.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from ctr_service.bundle.files import write_text_aside
from ctr_service.cpus import share_of
from ctr_service.errors import SettingsError, WorkerFailedError
from ctr_service.limits import NS_PER_S
from ctr_service.server.signals import StopSignals
from ctr_service.telemetry.endpoint import MetricsEndpoint
from ctr_service.telemetry.merged import LOOPBACK, WorkersMetrics, registry_of
from ctr_service.workers.line import Brief, stop_patience_s
from ctr_service.workers.port import reserved_port
from ctr_service.workers.process import Ending, WorkerProcess
from ctr_service.workers.seat import Seat, Surroundings

if TYPE_CHECKING:
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

    from ctr_service.settings import Settings
    from ctr_service.workers.line import Serving

FORCE_MARGIN_S = 5.0
"""A worker whose stop takes too long ends by itself; one that cannot even do that is killed."""


class Supervisor:
    """Runs `settings.workers` workers once, from start to stop."""

    def __init__(
        self,
        settings: Settings,
        *,
        log: FilteringBoundLogger,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._settings = settings
        self._log = log
        self._surroundings = surroundings or Surroundings()
        self._seats = [Seat(worker) for worker in range(settings.workers)]
        self._stopping = asyncio.Event()
        self._port = 0
        self._metrics_port: int | None = None
        self._cpus_a_worker = 1
        self._announced = False
        self._wrote_port = False

    async def run(self) -> None:
        """Serve until a signal asks to stop; then all workers drain.

        Raises:
            SettingsError: a port cannot be had, or the port file cannot be written.
            WorkerFailedError: the workers do not come to serve, or one had to be killed in the end.
        """
        settings = self._settings
        with contextlib.ExitStack() as stack:
            signals = stack.enter_context(StopSignals(self._log, self._end_at_once))
            self._port = stack.enter_context(reserved_port(settings.host, settings.port))
            if settings.health_port is not None:
                stack.enter_context(
                    reserved_port(settings.host, settings.health_port, "--health-port")
                )
            self._open_metrics(stack)
            self._divide_cpus()
            self._log.info("starting", bundle=str(settings.bundle), workers=settings.workers)
            try:
                await self._keep_all(signals)
            finally:
                if self._wrote_port and settings.port_file is not None:
                    settings.port_file.unlink(missing_ok=True)

    async def _keep_all(self, signals: StopSignals) -> None:
        asked = asyncio.create_task(signals.asked())
        keepers = [asyncio.create_task(self._keep(seat)) for seat in self._seats]
        try:
            await asyncio.wait({asked, *keepers}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Whatever ends one keeper ends all: they drain their workers and return.
            self._stopping.set()
            asked.cancel()
            endings = await asyncio.gather(*keepers, return_exceptions=True)
        for ending in endings:
            if isinstance(ending, BaseException):
                raise ending

    async def _keep(self, seat: Seat) -> None:
        """Fill a seat until the stop.

        Raises:
            WorkerFailedError: see `run`.
        """
        around = self._surroundings
        deaths_ns: tuple[int, ...] = ()
        while not self._stopping.is_set():
            ending = await self._live(seat)
            if self._stopping.is_set():
                return
            starting = not self._announced
            verdict = around.policy.judge(
                deaths_ns,
                now_ns=around.clock.now_ns(),
                served_ns=ending.served_ns,
                starting=starting,
                chance=around.chance(),
            )
            if starting and ending.refusal is not None:
                raise WorkerFailedError(ending.refusal)
            self._log.error(
                "worker_died",
                worker=seat.worker,
                how=ending.how,
                reason=ending.refusal,
                served_s=round(ending.served_ns / NS_PER_S, 3),
                restart_in_s=None if verdict.hopeless else round(verdict.delay_s, 3),
            )
            if verdict.hopeless:
                raise WorkerFailedError(
                    f"worker {seat.worker} died {around.policy.start_deaths} times before all "
                    f"workers served, and at last {ending.how}; the log above has its own words"
                )
            deaths_ns = verdict.deaths_ns
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), verdict.delay_s)
                return
            seat.restarts += 1

    async def _live(self, seat: Seat) -> Ending:
        """Run one process to its end; a stop drains it.

        Raises:
            WorkerFailedError: it did not stop when asked to, and was killed.
        """
        around = self._surroundings
        settings = self._settings.model_copy(
            update={
                "port": self._port,
                "port_file": None,
                "metrics_host": LOOPBACK,
                "metrics_port": 0,
            }
        )
        brief = Brief(settings, seat.worker, self._cpus_a_worker)
        try:
            async with WorkerProcess.spawned(around.command, brief, around.clock) as process:
                seat.process = process
                stopping = asyncio.create_task(self._stop(process))
                try:
                    ending = await process.watch(lambda event: self._serves(seat, event))
                finally:
                    seat.process = seat.metrics_port = None
                    stopping.cancel()
        except OSError as error:
            return Ending(f"could not be started: {error.strerror}")
        if stopping.done() and not stopping.cancelled():
            raise WorkerFailedError(f"worker {seat.worker} hung in its stop and was killed")
        return ending

    async def _stop(self, process: WorkerProcess) -> None:
        """Once the stop comes, ask for a drain; returns only after it had to kill."""
        await self._stopping.wait()
        process.ask_to_stop()
        await asyncio.sleep(stop_patience_s(self._settings) + FORCE_MARGIN_S)
        process.kill()

    def _serves(self, seat: Seat, event: Serving) -> None:
        seat.metrics_port = event.metrics_port
        seat.has_served = True
        if self._announced or not all(seat.has_served for seat in self._seats):
            return
        self._announced = True
        settings = self._settings
        if settings.port_file is not None:
            _write_port(settings.port_file, self._port)
            self._wrote_port = True
        self._log.info(
            "serving",
            address=f"{settings.host}:{self._port}",
            metrics_port=self._metrics_port,
            workers=settings.workers,
            cpus_a_worker=self._cpus_a_worker,
        )

    def _open_metrics(self, stack: contextlib.ExitStack) -> None:
        settings = self._settings
        if settings.metrics:
            registry = registry_of(WorkersMetrics(lambda: [seat.state() for seat in self._seats]))
            endpoint = MetricsEndpoint(
                registry, host=settings.metrics_host, port=settings.metrics_port
            )
            stack.callback(endpoint.close)
            self._metrics_port = endpoint.port

    def _divide_cpus(self) -> None:
        cpus, workers = self._surroundings.cpus(), self._settings.workers
        self._cpus_a_worker = share_of(cpus, workers)
        if workers > cpus:
            self._log.warning(
                "more_workers_than_cpus",
                workers=workers,
                cpus=cpus,
                advice=f"--workers {workers} share {cpus} CPUs: each computes with one thread and "
                "they wait for each other; fewer workers answer sooner",
            )

    def _end_at_once(self, code: int) -> None:
        for seat in self._seats:
            if seat.process is not None:
                seat.process.kill()
        self._surroundings.exit_now(code)


def _write_port(file: Path, port: int) -> None:
    try:
        write_text_aside(file, f"{port}\n")
    except OSError as error:
        raise SettingsError(f"--port-file {file} cannot be written: {error.strerror}") from None


def run_supervisor(
    settings: Settings, log: FilteringBoundLogger, surroundings: Surroundings | None = None
) -> None:
    """Run a supervisor in a loop of its own, of asyncio's kind: it only waits for processes.

    Raises:
        CtrError: see `Supervisor.run`.
    """

    async def run() -> None:
        await Supervisor(settings, log=log, surroundings=surroundings).run()

    asyncio.run(run())
