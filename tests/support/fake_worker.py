"""`python -m tests.support.fake_worker WHAT FD`: a worker that starts at once, without a model."""

from __future__ import annotations

import pickle
import signal
import socket
import sys
import threading

from ctr_service.workers.line import Brief, Refused, Serving, encode

CRASH_CODE = 7


def main() -> int:
    """Do what the first argument says."""
    what, number = sys.argv[1], int(sys.argv[2])
    brief: Brief = pickle.load(sys.stdin.buffer)  # noqa: S301 -- from the test's own supervisor
    with socket.socket(fileno=number) as line:
        match what:
            case "crash":
                return CRASH_CODE
            case "refuse":
                line.sendall(encode(Refused(f"the bundle {brief.settings.bundle} is broken")))
                return 1
            case "babble":
                line.sendall(b"hello\n")
            case "half" if brief.worker > 0:
                return CRASH_CODE
            case "stubborn":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                line.sendall(encode(Serving(None)))
                threading.Event().wait()
            case _:
                line.sendall(encode(Serving(brief.cpus)))
        while line.recv(1):
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
