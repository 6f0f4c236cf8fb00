"""`python -m ctr_bench.pinned CORE PROGRAM ARGS...`: become that program on one CPU.

The affinity is set before the program starts, so every thread that it makes inherits it.
"""

from __future__ import annotations

import os
import sys


def main(core: int, command: list[str]) -> None:
    """Stay on a CPU and replace this process."""
    os.sched_setaffinity(0, {core})
    os.execv(command[0], command)  # noqa: S606 -- our own command, and no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
