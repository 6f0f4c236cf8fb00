"""The command of a whole gateway around a scripted engine, for `python -m tests.support.NAME`."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from ctr_service.commands.settings_options import settings_from, settings_options
from ctr_service.outside import Outside
from ctr_service.running import run_until_signal
from ctr_service.supervisor import run_supervisor
from ctr_service.telemetry.logs import configure_logs
from ctr_service.workers.seat import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctr_service.backend.base import Cost
    from ctr_service.engine_order import EngineOrder
    from ctr_service.scoring import Engine


async def no_warm_up() -> tuple[Cost, ...]:
    """A scripted engine is warm, and learns its costs from its script."""
    return ()


def gateway_command(
    open_engine: Callable[[EngineOrder], Engine], worker: str = ""
) -> click.Command:
    """Return the command of a gateway around an engine; several workers are the module `worker`."""

    @click.command()
    @click.argument("command")
    @settings_options
    def main(command: str, config: Path | None, **flags: object) -> None:
        """Take what `ctr-service serve` takes."""
        assert command == "serve"
        settings = settings_from(config, flags)
        log = configure_logs(settings.log_level, settings.log_format)
        if settings.workers > 1:
            assert worker, "this gateway has one worker alone"
            run_supervisor(settings, log, Surroundings(command=(sys.executable, "-m", worker)))
            return
        asyncio.run(run_until_signal(settings, log, Outside(open_engine=open_engine)))

    return main
