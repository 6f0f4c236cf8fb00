"""redis-py connections, set up to send nothing that was not asked for."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio.connection import AbstractConnection

    from ctr_service.remote.redis_url import Address, TlsFiles


@dataclass(frozen=True, slots=True)
class Access:
    """How to get into a server, wherever it is.

    Attributes:
        tls: None speaks in the clear.
        connect_s: limit of one TCP and TLS handshake.
    """

    username: str
    password: str
    database: int
    tls: ssl.SSLContext | None
    connect_s: float

    def __repr__(self) -> str:
        """Say nothing: there is a password inside."""
        return "Access(...)"


def connector(address: Address, access: Access) -> Callable[[], AbstractConnection]:
    """Return what makes an unconnected connection to a server.

    RESP2 and no driver info: a connection sends AUTH and SELECT, when they are needed, and nothing
    else. HELLO, CLIENT SETINFO and CLIENT SETNAME may be refused by an ACL (facts: 7.0 knows no
    SETINFO). No retries and no read timeouts: deadlines are the caller's.
    """
    options: dict[str, Any] = {
        "host": address.host,
        "port": address.port,
        "db": access.database,
        "username": access.username or None,
        "password": access.password or None,
        "socket_timeout": None,
        "socket_connect_timeout": access.connect_s,
        "socket_keepalive": True,
        "socket_keepalive_options": _KEEPALIVE,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
    }
    if access.tls is None:
        return lambda: Connection(**options)
    context = access.tls

    def connection() -> AbstractConnection:
        made = SSLConnection(**options)
        # redis-py would load the system's authorities for each connection anew, on the event
        # loop: 0.05 to 0.5 s each (measured on the build machine).
        made.ssl_context.context = context
        return made

    return connection


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """Return the context of all connections: the peer's name and chain are always checked.

    Args:
        files: with a `ca`, no other authority is trusted.

    Raises:
        OSError: a file cannot be read, or is no PEM of its kind (`ssl.SSLError`).
    """
    context = ssl.create_default_context(cafile=files.ca)
    if files.certificate is not None:
        context.load_cert_chain(files.certificate, files.key)
    return context


_KEEPALIVE = {
    getattr(socket, name): seconds
    for name, seconds in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
}
"""Notices within a minute that the other side is gone without a word."""
