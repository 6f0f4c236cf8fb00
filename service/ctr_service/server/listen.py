"""Binding the gRPC port, with a sentence when it cannot be had."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from ctr_service.errors import SettingsError

if TYPE_CHECKING:
    import grpc


def listen(server: grpc.aio.Server, host: str, port: int) -> int:
    """Bind `server` and return the port, which 0 leaves to the system.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    _probe(host, port)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        bound = server.add_insecure_port(address)
    except RuntimeError:
        raise _refusal(host, port, "gRPC could not bind it") from None
    return bound


def _probe(host: str, port: int) -> None:
    """Bind and let go, because gRPC's own failure says no reason and writes to stderr."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        raise _refusal(host, port, error.strerror or str(error)) from None


def _refusal(host: str, port: int, reason: str) -> SettingsError:
    return SettingsError(
        f"cannot listen on {host}:{port}: {reason}; choose another --port or --host, or stop what "
        "listens there"
    )
