"""Holding the port that the workers share, so that nobody else gets it while one of them is away.

Linux alone spreads connections over the listeners of a port that is bound with SO_REUSEPORT.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from typing import TYPE_CHECKING

from ctr_service.errors import SettingsError
from ctr_service.server.listen import bind_alone

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def reserved_port(host: str, port: int, flag: str = "--port") -> Iterator[int]:
    """Hold a port without listening, and yield its number, which 0 leaves to the system.

    It is bound alone first, so that a second server is refused, and opened to sharing afterwards:
    then the kernel lets in whoever sets SO_REUSEPORT and has our user id, which is our workers.
    Without SO_REUSEADDR a rival's probe fails also while no worker listens.

    Raises:
        SettingsError: the port cannot be had, or this is not Linux.
    """
    if sys.platform != "linux":
        raise SettingsError("--workers above 1 needs Linux, which spreads connections; use 1 here")
    with bind_alone(host, port, flag) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        yield int(holder.getsockname()[1])
