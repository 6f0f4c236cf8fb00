"""`python -m tests.support.drill_gateway`: a whole gateway whose engine breaks when it is told to.

A token costs always the same time, so that its capacity is known on any machine.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_service.backend.scripted import ScriptedBackend
from ctr_service.errors import BackendFailedError
from ctr_service.scoring import Engine
from tests.support.faults_file import FaultsFile
from tests.support.gateway_command import gateway_command, no_warm_up

if TYPE_CHECKING:
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

    return Engine(ScriptedBackend(slots=SLOTS, clock=order.clock, script=run), no_warm_up)


if __name__ == "__main__":
    gateway_command(open_breakable)()
