"""The CPUs of this process: how many it may use, and who must not use them."""

from __future__ import annotations

import os
from pathlib import Path

TOKENIZER_THREADS = "TOKENIZERS_PARALLELISM"
CGROUP_V2_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available_cpus(quota_file: Path = CGROUP_V2_QUOTA) -> int:
    """Return how many CPUs this process may use, at least 1.

    That is its affinity and its cgroup quota, not the host's count.

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


def keep_tokenizer_on_its_thread() -> None:
    """Let the tokenizers library use the calling thread alone, as it asks its variable each time.

    By itself it deals a batch out to a thread a CPU, and the event loop waits for them. A list's
    texts take half a millisecond together; a thread that has to win a CPU from the engine's first
    takes longer (16 titles beside two busy cores: 4.0 ms in the 90th percentile, not 0.5).
    """
    os.environ[TOKENIZER_THREADS] = "false"


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
