"""Whether anybody else used the machine meanwhile: a figure from a busy machine is no figure."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]  # -- ships no types

MAX_OTHERS_SHARE = 0.05
"""Of all CPUs; above it a target's figures are noted as disturbed."""
_NO_WORK = ("idle", "iowait", "guest", "guest_nice")
"""Fields of the system's CPU times that are no work, or that others hold already."""


@dataclass(frozen=True, slots=True)
class CpuClock:
    """CPU time in seconds since some begin.

    Attributes:
        busy_s: of the whole machine, what the hypervisor took (steal) included.
        own_s: of this process and of its descendants that have ended.
    """

    wall_s: float
    busy_s: float
    own_s: float


def read_clock() -> CpuClock:
    """Read it now; while children run, their time is missing from `own_s`."""
    system = psutil.cpu_times()._asdict()
    busy_s = sum(value for name, value in system.items() if name not in _NO_WORK)
    own = os.times()
    own_s = own.user + own.system + own.children_user + own.children_system
    return CpuClock(time.monotonic(), busy_s, own_s)


def others_share(before: CpuClock, after: CpuClock, cpus: int) -> float:
    """Return the share of the machine that others used; between both all children have ended."""
    others_s = (after.busy_s - before.busy_s) - (after.own_s - before.own_s)
    return max(0.0, others_s) / ((after.wall_s - before.wall_s) * cpus)
