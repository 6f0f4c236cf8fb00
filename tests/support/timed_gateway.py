"""`python -m tests.support.timed_gateway`: a whole gateway whose batches cost by their tokens.

Scripted time: a batch of one list takes LIST_S whatever the machine does, so that the capacity of a
pod is known and what is measured is the rollout.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from ctr_service.backend.base import Cost
from ctr_service.backend.scripted import ScriptedBackend, sleeping_script
from ctr_service.errors import BackendFailedError
from ctr_service.scoring import Engine
from tests.support.gateway_command import gateway_command

if TYPE_CHECKING:
    from ctr_service.engine_order import EngineOrder

TOKEN_S = 5e-5
"""Of one padded token."""
SLOW, SLOWER = "-slow", 40
"""A model whose version ends so takes so many times as long."""
WARM_UP = "REHEARSAL_WARM_UP"
"""Variable that makes warm-up fail, or take SLOW_WARM_UP_S, when it says so."""
SLOW_WARM_UP_S = 5.0
"""Well beyond what endpoints and balancers take to send calls to a pod that says it is ready."""


def open_timed(order: EngineOrder) -> Engine:
    """A backend that sleeps for as long as the batch is large, and longer for a slow model."""
    token_s = TOKEN_S
    if order.bundle.manifest.model_version.endswith(SLOW):
        token_s *= SLOWER

    def seconds(rows: int, bucket_tokens: int) -> float:
        return rows * bucket_tokens * token_s

    buckets = order.plan.layout.buckets_tokens
    costs = tuple(Cost(bucket, 8, seconds(8, bucket)) for bucket in buckets)

    async def warm_up() -> tuple[Cost, ...]:
        if os.environ.get(WARM_UP) == "fails":
            raise BackendFailedError("the script fails its warm-up")
        if os.environ.get(WARM_UP) == "slow":
            await asyncio.sleep(SLOW_WARM_UP_S)
        return costs

    backend = ScriptedBackend(
        slots=order.plan.sessions,
        clock=order.clock,
        script=sleeping_script(seconds),
        costs=costs,
    )
    return Engine(backend, warm_up)


if __name__ == "__main__":
    gateway_command(open_timed)()
