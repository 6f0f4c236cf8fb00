"""A worker's place under the supervisor, and what the supervisor takes from outside."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctr_service.clock import SystemClock
from ctr_service.cpus import available_cpus
from ctr_service.telemetry.merged import WorkerState
from ctr_service.workers.policy import RestartPolicy
from ctr_service.workers.process import WORKER_COMMAND, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctr_service.clock import Clock


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What comes from outside the supervisor; tests bring their own.

    Attributes:
        command: starts a worker; the line's file descriptor is added.
        chance: draws from [0, 1), for the jitter of restarts.
    """

    command: Sequence[str] = WORKER_COMMAND
    clock: Clock = field(default_factory=SystemClock)
    cpus: Callable[[], int] = available_cpus
    chance: Callable[[], float] = random.random
    exit_now: Callable[[int], object] = os._exit
    policy: RestartPolicy = field(default_factory=RestartPolicy)


@dataclass(slots=True)
class Seat:
    """The place of one worker, whichever process fills it."""

    worker: int
    process: WorkerProcess | None = None
    metrics_port: int | None = None
    has_served: bool = False
    restarts: int = 0

    def state(self) -> WorkerState:
        """Return what the metrics thread may know."""
        return WorkerState(self.worker, self.metrics_port, self.restarts)
