"""gRPC server options, each set on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MIN_CLIENT_PING_MS = 10_000
"""Clients may ping this often. gRPC's default is 300 s, and it hangs up on those below it."""
KEEPALIVE_MS = 30_000
KEEPALIVE_TIMEOUT_MS = 10_000
CLEANUP_S = 5.0
STREAMS_A_REQUEST = 2
NO_COMPRESSION = 0


def server_options(
    *,
    max_message_bytes: int,
    max_connection_age_s: float,
    max_requests: int = 1_024,
    max_deadline_s: float = 10.0,
    share_port: bool = False,
) -> Sequence[tuple[str, int]]:
    """Return the options of the server.

    There is no `maximum_concurrent_rpcs`: gRPC would refuse without reason, pushback or metric, and
    count health checks too. `server.gate` bounds the calls in progress instead.

    Args:
        max_message_bytes: a larger request is refused by gRPC with RESOURCE_EXHAUSTED.
        max_connection_age_s: a connection this old is asked to move on, gently; 0 is never.
        max_requests: what the gate admits at once.
        max_deadline_s: the longest a call may take.
        share_port: the workers of one supervisor listen on the port together.
    """
    options = [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        # A second server on the same port must fail, not share the port silently. Workers do share
        # it, under a supervisor that refused the second server for them.
        ("grpc.so_reuseport", int(share_port)),
        # Bounds what one connection can pile up. Above the gate's limit, because a client holds
        # back what exceeds it and says nothing, while the gate refuses and says when to come back.
        ("grpc.max_concurrent_streams", STREAMS_A_REQUEST * max_requests),
        # A peer that vanished (power, network, NAT) is noticed after 40 s instead of two hours, and
        # its calls stop costing. gRPC makes the timeout the socket's TCP_USER_TIMEOUT as well, so
        # that unacknowledged bytes end a connection just as soon.
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        # Our pings need no data in between; gRPC would stop after two.
        ("grpc.http2.max_pings_without_data", 0),
        # Idle connections are pinged by both sides: a frontend keeps its channel warm at night.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", MIN_CLIENT_PING_MS),
        # Answers are a few kilobytes of numbers: compressing them costs more than it saves.
        ("grpc.default_compression_algorithm", NO_COMPRESSION),
    ]
    if max_connection_age_s > 0:
        options += [
            # So that connections spread over servers that were added later.
            ("grpc.max_connection_age_ms", round(max_connection_age_s * 1000)),
            # Calls end by their deadline; health watches never do, and would hold it open.
            ("grpc.max_connection_age_grace_ms", round((max_deadline_s + CLEANUP_S) * 1000)),
        ]
    return options
