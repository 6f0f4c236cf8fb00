"""Binding the gRPC port, with a sentence when it cannot be had."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from ctr_service.errors import SettingsError

if TYPE_CHECKING:
    import grpc


def listen(  # noqa: PLR0913 -- an address, and how it is bound
    server: grpc.aio.Server,
    host: str,
    port: int,
    credentials: grpc.ServerCredentials | None = None,
    *,
    share_port: bool = False,
    flag: str = "--port",
) -> int:
    """Bind `server` and return the port, which 0 leaves to the system.

    Args:
        server: not started.
        host: a name or an address.
        port: 0 to 65,535.
        credentials: for TLS; None speaks in clear.
        share_port: other workers listen there too, and the supervisor holds it for them.
        flag: what chose the port, for the refusal's sentence.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    if not share_port:
        # Asked first, because gRPC's own failure says no reason and writes to stderr.
        bind_alone(host, port, flag).close()
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        if credentials is None:
            bound = server.add_insecure_port(address)
        else:
            bound = server.add_secure_port(address, credentials)
    except RuntimeError:
        raise _refusal(host, port, flag, "gRPC could not bind it") from None
    return bound


def bind_alone(host: str, port: int, flag: str = "--port") -> socket.socket:
    """Bind a socket that shares with nobody, and return it without listening.

    Raises:
        SettingsError: the address cannot be had.
    """
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        holder = socket.socket(family, kind, protocol)
        try:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(where)
        except OSError:
            holder.close()
            raise
    except OSError as error:
        raise _refusal(host, port, flag, error.strerror or str(error)) from None
    return holder


def _refusal(host: str, port: int, flag: str, reason: str) -> SettingsError:
    return SettingsError(
        f"cannot listen on {host}:{port}: {reason}; choose another {flag} or --host, or stop what "
        "listens there"
    )
