"""Running one gateway in this event loop until it is asked to stop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from ctr_service.app import App
from ctr_service.cpus import keep_tokenizer_on_its_thread
from ctr_service.heap import settle_heap
from ctr_service.server.signals import StopSignals
from ctr_service.telemetry.logs import LoopErrors

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from ctr_service.outside import Outside
    from ctr_service.settings import Settings


async def run_until_signal(
    settings: Settings, log: FilteringBoundLogger, outside: Outside | None = None
) -> None:
    """Start, wait for a stop signal, and stop. A signal during the start ends the start.

    Raises:
        CtrError: the start failed.
    """
    with StopSignals(log) as signals:
        log.info("starting", bundle=str(settings.bundle))
        await run_until_asked(App(settings, log=log, outside=outside), signals, log, lambda: None)


async def run_until_asked(
    app: App, signals: StopSignals, log: FilteringBoundLogger, served: Callable[[], object]
) -> None:
    """Do the same for an app, whoever asks through `signals`. `served` hears when it serves.

    Raises:
        CtrError: the start failed.
    """
    asyncio.get_running_loop().set_exception_handler(LoopErrors(log))
    keep_tokenizer_on_its_thread()
    starting = asyncio.create_task(app.start())
    asked = asyncio.create_task(signals.asked())
    await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
    starting.cancel()  # does nothing to a start that is done
    with contextlib.suppress(asyncio.CancelledError):
        await starting
        settle_heap()
        served()
    await asked
    await app.stop()
