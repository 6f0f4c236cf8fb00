"""The composition root: builds every object, and owns the order of start and stop.

Start: files of TLS and tokens are looked at, the bundle is checked, metrics open, the engine loads,
gRPC listens with health NOT_SERVING, warm-up runs, the batcher starts, the gate opens and health
says SERVING. One of several workers listens last: whoever listens on a shared port gets its part of
the connections, ready or not. Stop is the same backwards; `server.lifecycle` says how the server
lets go.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from ctr_service.bundle.bundle import load_bundle
from ctr_service.bundle.files import write_text_aside
from ctr_service.engine_events import EngineEvents
from ctr_service.engine_order import EngineOrder
from ctr_service.engines import decide_plan
from ctr_service.limits import NS_PER_S
from ctr_service.observing import instance_of, open_metrics, open_tracing
from ctr_service.outside import Outside
from ctr_service.scoring_start import Observers, start_scoring
from ctr_service.server.access import check_access
from ctr_service.server.assembly import Facilities, build_server
from ctr_service.server.item_cache import ItemCache
from ctr_service.server.standby import Standby
from ctr_service.telemetry.instruments import Instruments
from ctr_service.telemetry.lag import LoopLagProbe
from ctr_service.telemetry.silent import SilentInstruments

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from structlog.typing import FilteringBoundLogger

    from ctr_service.bundle.bundle import Bundle
    from ctr_service.plan import ServingPlan
    from ctr_service.server.lifecycle import Lifecycle
    from ctr_service.settings import Settings
    from ctr_service.telemetry.call_spans import CallSpans


class App:
    """One gateway in this event loop. `async with App(...) as app` serves for the block's length.

    Attributes:
        instruments: its metrics.
        port: where gRPC listens; 0 before the start.
        metrics_port: where /metrics is; None before the start and without metrics.
    """

    def __init__(
        self, settings: Settings, *, log: FilteringBoundLogger, outside: Outside | None = None
    ) -> None:
        self._settings = settings
        self._log = log
        self._outside = outside or Outside()
        self._stack = contextlib.AsyncExitStack()
        kind = Instruments if settings.metrics else SilentInstruments
        self.instruments = kind(CollectorRegistry())
        self._items = ItemCache(settings.item_cache_bytes)
        self._tracing: CallSpans | None = None
        self.port = 0
        self.metrics_port: int | None = None

    async def start(self) -> None:
        """Serve; returns when health says SERVING. What was begun is undone when it fails.

        Raises:
            SettingsError: a file of TLS or of tokens is wrong, a port cannot be had, or the bundle
                has not what was asked for.
            BundleError: the bundle is not what it should be.
            BackendFailedError: warm-up failed.
        """
        async with contextlib.AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()

    async def stop(self) -> None:
        """Drain, finish what was accepted, and free everything."""
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        settings, outside = self._settings, self._outside
        # The server reads these files again, but only after the engine has loaded: a wrong path
        # must not cost a long start first.
        await asyncio.to_thread(check_access, settings)
        bundle = await asyncio.to_thread(load_bundle, settings.bundle)
        plan = await decide_plan(settings, bundle, outside.cpus(), outside.sleep)
        self.metrics_port = open_metrics(
            stack, settings, bundle, plan, self.instruments, outside.worker
        )
        self._tracing = await open_tracing(stack, settings, bundle, plan, self.instruments, outside)
        events = EngineEvents(
            self.instruments.triton, self._log, outside.clock, gone_s=settings.triton_gone_s
        )
        order = EngineOrder(
            settings=settings,
            bundle=bundle,
            plan=plan,
            clock=outside.clock,
            sleep=outside.sleep,
            random=outside.rng.random,
            observer=events,
        )
        engine = await asyncio.to_thread(outside.open_engine, order)
        stack.push_async_callback(engine.backend.close)
        # The batcher is built last but stops between the server and the backend.
        before_backend = await stack.enter_async_context(contextlib.AsyncExitStack())

        standby = Standby()
        lifecycle = None
        if outside.worker is None:
            lifecycle = await self._listen(stack, bundle, plan, standby, serving=False)

        began_ns = outside.clock.now_ns()
        costs = await engine.warm_up()
        warm_up_s = (outside.clock.now_ns() - began_ns) / NS_PER_S
        self.instruments.warmed_up(warm_up_s)
        scoring, stores = await start_scoring(
            before_backend,
            settings=settings,
            bundle=bundle,
            plan=plan,
            backend=engine.backend,
            costs=costs,
            observers=Observers(self.instruments, self.instruments.stores),
            clock=outside.clock,
            rng=outside.rng,
        )
        if stores.hub is not None and (failure := await stores.hub.check()) is not None:
            # Redis is never needed, but nobody asks for one that is not there.
            self._log.warning(
                "redis_does_not_answer", failure=failure.value, until_then="served without it"
            )
        self.instruments.watch_caches(scoring.token_cache, self._items)
        self.instruments.watch_scores(scoring.score_cache, scoring.scorer.flights)
        standby.ready(scoring.predictor)
        if lifecycle is None:
            lifecycle = await self._listen(stack, bundle, plan, standby, serving=True)
        else:
            lifecycle.open()
        events.attach(lifecycle)
        self._probe_loop(stack)
        self._tell_serving(stack, bundle, plan, warm_up_s, engine.backend.slots)

    async def _listen(
        self,
        stack: contextlib.AsyncExitStack,
        bundle: Bundle,
        plan: ServingPlan,
        standby: Standby,
        *,
        serving: bool,
    ) -> Lifecycle:
        outside = self._outside
        facilities = Facilities(
            outside.clock,
            outside.sleep,
            outside.new_request_id,
            self.instruments,
            self._log,
            self._items,
            self._tracing,
            share_port=outside.worker is not None,
        )
        bound = build_server(self._settings, bundle, plan, standby, facilities)
        self.port = bound.port
        if self._tracing is not None:
            self._tracing.serve_at(instance_of(self._settings.host, bound.port, outside.worker))
        if serving:
            bound.lifecycle.open()  # before the first caller comes in
        await stack.enter_async_context(bound.probes)  # heard until nothing is left to tell
        await bound.server.start()
        await stack.enter_async_context(bound.background)
        stack.push_async_callback(bound.lifecycle.close)
        return bound.lifecycle

    def _probe_loop(self, stack: contextlib.AsyncExitStack) -> None:
        probe = LoopLagProbe(self.instruments, self._outside.clock)
        probe.start()
        stack.callback(probe.close)

    def _tell_serving(
        self,
        stack: contextlib.AsyncExitStack,
        bundle: Bundle,
        plan: ServingPlan,
        warm_up_s: float,
        slots: int,
    ) -> None:
        settings = self._settings
        if settings.port_file is not None:
            write_text_aside(settings.port_file, f"{self.port}\n")
            stack.callback(settings.port_file.unlink, missing_ok=True)
        self._log.info(
            "serving" if self._outside.worker is None else "worker_serving",
            address=f"{settings.host}:{self.port}",
            metrics_port=self.metrics_port,
            model=bundle.manifest.model_name,
            version=bundle.manifest.model_version,
            graph=plan.graph_name,
            warm_up_s=round(warm_up_s, 3),
            sessions=plan.sessions or slots,
            threads_a_session=plan.threads_a_session,
            cpus=plan.cpus,
        )
