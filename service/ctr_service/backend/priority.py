"""Threads that compute give way to the one that schedules."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

GIVES_WAY_BY = 5
"""Steps of niceness: a third of the weight of a thread that stayed where it was."""


def give_way() -> None:
    """Let the other threads of this process run before this one, where the system can do that.

    A session computes for milliseconds and the event loop works for microseconds, but to the
    scheduler they are equals: with as many sessions as CPUs an answer, or a new batch, waits for
    a turn, at times while it holds the lock that a session needs to hand its result over.
    """
    if sys.platform != "linux":  # elsewhere a priority is the whole process's
        return
    thread = threading.get_native_id()
    with contextlib.suppress(OSError):  # a sandbox may forbid it; a slower answer is still one
        os.setpriority(
            os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + GIVES_WAY_BY
        )
