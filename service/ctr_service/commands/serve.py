"""`ctr-service serve`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import click

from ctr_service.commands.settings_options import settings_from, settings_options
from ctr_service.errors import CtrError
from ctr_service.server.signals import StopSignals
from ctr_service.settings import unknown_variables
from ctr_service.telemetry.logs import LoopErrors, configure_logs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

    from ctr_service.app import Outside
    from ctr_service.settings import Settings


@click.command()
@settings_options
def serve(config: Path | None, **flags: object) -> None:
    """Serve a bundle over gRPC until SIGTERM or SIGINT.

    Logs to stderr; the event "serving" says that it is ready, with the address. The first signal
    drains (health NOT_SERVING, accepted requests finish, exit 0), a second one ends at once.

    \b
    Examples:
      ctr-service serve --bundle build/demo/bundle
      ctr-service serve --bundle /models/ctr --host 0.0.0.0 --drain-delay-s 10
      CTR_BUNDLE=/models/ctr CTR_LOG_LEVEL=debug ctr-service serve

    Each setting is a flag, a variable CTR_<NAME> or a key of the TOML file, in this order.
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    try:
        settings = settings_from(config, flags)
        log = configure_logs(settings.log_level, settings.log_format)
        if unknown := unknown_variables():
            log.warning("unknown_variables", names=unknown)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run_until_signal(settings, log))
    except CtrError as error:
        raise click.ClickException(str(error)) from None


async def run_until_signal(
    settings: Settings, log: FilteringBoundLogger, outside: Outside | None = None
) -> None:
    """Start, wait for a stop signal, and stop. A signal during the start ends the start.

    Raises:
        CtrError: the start failed.
    """
    from ctr_service.app import App  # noqa: PLC0415 -- loads the engine; --help needs none

    asyncio.get_running_loop().set_exception_handler(LoopErrors(log))
    app = App(settings, log=log, outside=outside)
    with StopSignals(log) as signals:
        log.info("starting", bundle=str(settings.bundle))
        starting = asyncio.create_task(app.start())
        asked = asyncio.create_task(signals.asked())
        await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
        starting.cancel()  # does nothing to a start that is done
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        await asked
        await app.stop()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 -- absent on Windows
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
