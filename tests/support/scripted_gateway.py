"""`python -m tests.support.scripted_gateway`: the whole gateway, but every batch takes 0.3 s.

So that a test finds requests in flight at any moment, however fast or busy the machine is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.backend.scripted import ScriptedBackend, sleeping_script
from ctr_service.scoring import Engine
from tests.support.gateway_command import gateway_command, no_warm_up

if TYPE_CHECKING:
    from ctr_service.engine_order import EngineOrder

SLOTS = 8
BATCH_S = 0.3


def open_scripted(order: EngineOrder) -> Engine:
    """A backend that sleeps."""
    script = sleeping_script(lambda _, __: BATCH_S)
    return Engine(ScriptedBackend(slots=SLOTS, clock=order.clock, script=script), no_warm_up)


if __name__ == "__main__":
    gateway_command(open_scripted, "tests.support.scripted_worker")()
