"""What the handlers are handed: the parts that the composition built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from ctr_monitor.clock import WallClock
    from ctr_monitor.instruments import Instruments
    from ctr_monitor.remedies.running import RemedyRunner
    from ctr_monitor.settings import Settings
    from ctr_monitor.store.incidents import IncidentStore
    from ctr_monitor.store.remedy_runs import RemedyRuns
    from ctr_monitor.store.thread import StoreThread
    from ctr_monitor.store.traces import TraceStore
    from ctr_monitor.traces.intake import SpanIntake
    from ctr_monitor.worker import Worker


@dataclass(frozen=True, slots=True)
class Parts:
    """All of them. The stores are used in `thread` alone."""

    settings: Settings
    thread: StoreThread
    incidents: IncidentStore
    traces: TraceStore
    runs: RemedyRuns
    remedies: RemedyRunner
    intake: SpanIntake
    worker: Worker
    worker_runs: Callable[[], bool]
    instruments: Instruments
    clock: WallClock
    log: FilteringBoundLogger
