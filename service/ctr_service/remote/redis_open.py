"""From a URL to a link. Nothing connects before the first exchange."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.errors import SettingsError
from ctr_service.remote.redis_cluster import ClusterLink
from ctr_service.remote.redis_connections import Access, connector, tls_context
from ctr_service.remote.redis_node import RedisNode
from ctr_service.remote.redis_pool import ConnectionPool
from ctr_service.remote.redis_sentinel import SentinelLink
from ctr_service.remote.redis_url import Address, RedisTarget, TlsFiles, Topology

if TYPE_CHECKING:
    import ssl

    from ctr_service.remote.link import RemoteLink

WAITING_A_CONNECTION = 16
"""Exchanges that may wait for each connection: more than that are late anyway."""


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """Bounds of a link.

    Attributes:
        max_connections: to one server.
        connect_s: limit of TCP, TLS and AUTH; connects run behind, no request waits for this long.
    """

    max_connections: int = 16
    connect_s: float = 1.0


def open_link(target: RedisTarget, tls: TlsFiles, limits: LinkLimits) -> RemoteLink:
    """Build the link to a target.

    Raises:
        SettingsError: a TLS file cannot be read, or is given without TLS.
    """
    context = _context(target, tls)
    master = Access(
        username=target.username,
        password=target.password,
        database=target.database,
        tls=context,
        connect_s=limits.connect_s,
    )

    def open_node(address: Address, access: Access = master) -> RedisNode:
        pool = ConnectionPool(
            connector(address, access),
            max_connections=limits.max_connections,
            max_waiting=limits.max_connections * WAITING_A_CONNECTION,
            connect_s=limits.connect_s,
        )
        return RedisNode(pool)

    if target.topology is Topology.CLUSTER:
        return ClusterLink(target.addresses, open_node, find_s=limits.connect_s)
    if target.topology is Topology.SENTINEL:
        # Sentinels have users of their own; ours are asked without one.
        anyone = Access("", "", 0, context, limits.connect_s)
        sentinels = [open_node(address, anyone) for address in target.addresses]
        return SentinelLink(target.service, sentinels, open_node, find_s=limits.connect_s)
    return open_node(target.addresses[0])


def _context(target: RedisTarget, tls: TlsFiles) -> ssl.SSLContext | None:
    given = {"ca": tls.ca, "cert": tls.certificate, "key": tls.key}
    flags = [f"--redis-{name}-file" for name, path in given.items() if path is not None]
    if not target.tls:
        if flags:
            raise SettingsError(
                f"{flags[0]} is given, but the Redis URL is without TLS; use rediss://"
            )
        return None
    try:
        return tls_context(tls)
    except OSError as error:
        raise SettingsError(
            f"{' or '.join(flags) or 'the system store'} cannot be used for TLS: {error.strerror}"
        ) from None
