"""`python -m tests.support.scripted_gateway`: the whole gateway, but every batch takes 0.3 s.

So that a test finds requests in flight at any moment, however fast or busy the machine is.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from ctr_service.backend.scripted import ScriptedBackend, sleeping_script
from ctr_service.commands.settings_options import settings_from, settings_options
from ctr_service.outside import Outside
from ctr_service.running import run_until_signal
from ctr_service.scoring import Engine
from ctr_service.supervisor import run_supervisor
from ctr_service.telemetry.logs import configure_logs
from ctr_service.workers.seat import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ctr_service.backend.base import Cost
    from ctr_service.engine_order import EngineOrder

SLOTS = 8
BATCH_S = 0.3


def open_scripted(order: EngineOrder) -> Engine:
    """A backend that sleeps."""
    script = sleeping_script(lambda _, __: BATCH_S)

    async def warm_up() -> tuple[Cost, ...]:
        return ()

    return Engine(ScriptedBackend(slots=SLOTS, clock=order.clock, script=script), warm_up)


def gateway(open_engine: Callable[[EngineOrder], Engine], worker: str = "") -> click.Command:
    """Return the command of a gateway around an engine; several workers are this module."""

    @click.command()
    @click.argument("command")
    @settings_options
    def main(command: str, config: Path | None, **flags: object) -> None:
        """Take what `ctr-service serve` takes."""
        assert command == "serve"
        settings = settings_from(config, flags)
        log = configure_logs(settings.log_level, settings.log_format)
        if settings.workers > 1:
            run_supervisor(settings, log, Surroundings(command=(sys.executable, "-m", worker)))
            return
        asyncio.run(run_until_signal(settings, log, Outside(open_engine=open_engine)))

    return main


if __name__ == "__main__":
    gateway(open_scripted, "tests.support.scripted_worker")()
