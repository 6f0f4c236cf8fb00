"""Free ports of 127.0.0.1, never the same one twice in a process."""

from __future__ import annotations

import socket

from ctr_rehearsal.errors import RehearsalError
from ctr_rehearsal.kubelet.rewriting import LOOPBACK

TRIES = 100
_given: set[int] = set()


def free_port() -> int:
    """Return a port on which nobody listens now.

    Raises:
        RehearsalError: none was found.
    """
    for _ in range(TRIES):
        with socket.create_server((LOOPBACK, 0)) as server:
            port = int(server.getsockname()[1])
        if port not in _given:
            _given.add(port)
            return port
    raise RehearsalError("this machine has no free ports left")
