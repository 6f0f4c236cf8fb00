"""`python -m tests.support.drill_gateway`: a whole gateway whose engine breaks when it is told to.

A token costs always the same time, so that its capacity is known on any machine.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctr_service.backend.scripted import ScriptedBackend
from ctr_service.commands.settings_options import settings_from, settings_options
from ctr_service.errors import BackendFailedError
from ctr_service.outside import Outside
from ctr_service.running import run_until_signal
from ctr_service.scoring import Engine
from ctr_service.telemetry.logs import configure_logs
from tests.support.faults_file import FaultsFile

if TYPE_CHECKING:
    from ctr_service.backend.base import Cost
    from ctr_service.backend.scripted import ScriptedRun
    from ctr_service.engine_order import EngineOrder

FAULTS = "CTR_TEST_FAULTS"
"""Variable of the file that says what is wrong."""
SLOTS = 2
TOKEN_S = 1e-4
"""Time that a padded token takes."""


def open_breakable(order: EngineOrder) -> Engine:
    """A backend that does as the file says."""
    file = FaultsFile(Path(os.environ[FAULTS]))

    async def run(run: ScriptedRun) -> None:
        faults = file.read()
        await asyncio.sleep(run.rows * run.bucket_tokens * TOKEN_S + faults.delay_s)
        if faults.fails:
            raise BackendFailedError("the engine broke")

    async def warm_up() -> tuple[Cost, ...]:
        return ()

    return Engine(ScriptedBackend(slots=SLOTS, clock=order.clock, script=run), warm_up)


@click.command()
@click.argument("command")
@settings_options
def main(command: str, config: Path | None, **flags: object) -> None:
    """Take what `ctr-service serve` takes."""
    assert command == "serve"
    settings = settings_from(config, flags)
    log = configure_logs(settings.log_level, settings.log_format)
    asyncio.run(run_until_signal(settings, log, Outside(open_engine=open_breakable)))


if __name__ == "__main__":
    main()
