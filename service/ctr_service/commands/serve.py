"""`ctr-service serve`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from ctr_service.commands.settings_options import settings_from, settings_options
from ctr_service.errors import CtrError
from ctr_service.loops import loop_factory
from ctr_service.settings import unknown_variables
from ctr_service.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

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
      ctr-service serve --bundle /models/ctr --workers 4
      CTR_BUNDLE=/models/ctr CTR_LOG_LEVEL=debug ctr-service serve

    Each setting is a flag, a variable CTR_<NAME> or a key of the TOML file, in this order.
    """  # noqa: D301 -- \b is click's mark for text that it must not rewrap
    try:
        settings = settings_from(config, flags)
        log = configure_logs(
            settings.log_level,
            settings.log_format,
            lines_per_minute=settings.log_lines_per_minute,
        )
        if unknown := unknown_variables():
            log.warning("unknown_variables", names=unknown)
        _serve(settings, log)
    except CtrError as error:
        raise click.ClickException(str(error)) from None


def _serve(settings: Settings, log: FilteringBoundLogger) -> None:
    # Loaded when asked for: `--help` needs no engine, and neither does a supervisor.
    if settings.workers > 1:
        from ctr_service.supervisor import run_supervisor  # noqa: PLC0415 -- see above

        run_supervisor(settings, log)
        return
    from ctr_service.running import run_until_signal  # noqa: PLC0415 -- see above

    with asyncio.Runner(loop_factory=loop_factory(settings.event_loop)) as runner:
        runner.run(run_until_signal(settings, log))
