"""How many CPUs this process may use: its affinity and its cgroup quota, not the host's count."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP_V2_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available_cpus(quota_file: Path = CGROUP_V2_QUOTA) -> int:
    """Return at least 1.

    Args:
        quota_file: cgroup v2's `cpu.max`: "max 100000" or "<quota us> <period us>".
    """
    allowed = _affinity()
    try:
        quota, period = quota_file.read_text().split()
        if quota != "max":
            # Rounded down: a thread more than the quota is throttled in the middle of a batch.
            allowed = min(allowed, int(quota) // int(period))
    except (OSError, ValueError):
        pass  # no cgroup v2 here, so there is no quota to keep
    return max(1, allowed)


def share_of(cpus: int, workers: int) -> int:
    """Return each worker's part of the CPUs, at least 1.

    Equal parts, because the kernel gives workers equal parts of the connections; what does not
    divide is left to their event loops.
    """
    return max(1, cpus // workers)


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
