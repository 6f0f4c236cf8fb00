"""What a gateway takes from outside the program."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctr_service.clock import Clock, SystemClock
from ctr_service.cpus import available_cpus
from ctr_service.engines import open_engine
from ctr_service.settings.otel import read_otel

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_service.engine_order import EngineOrder
    from ctr_service.scoring import Engine
    from ctr_service.server.lifecycle import Sleep
    from ctr_service.settings.otel import OtelVariables

REQUEST_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Outside:
    """What comes from outside the program; tests bring their own.

    Attributes:
        wall_ns: nanoseconds since 1970.
        otel: what the environment says to every OpenTelemetry SDK.
        worker: the label of one of several gateways on a shared port; None is the only gateway.
    """

    clock: Clock = field(default_factory=SystemClock)
    wall_ns: Callable[[], int] = time.time_ns
    sleep: Sleep = asyncio.sleep
    new_request_id: Callable[[], str] = lambda: secrets.token_hex(REQUEST_ID_BYTES)
    open_engine: Callable[[EngineOrder], Engine] = open_engine
    cpus: Callable[[], int] = available_cpus
    rng: random.Random = field(default_factory=random.Random)
    otel: Callable[[], OtelVariables] = read_otel
    worker: str | None = None
