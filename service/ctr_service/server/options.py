"""gRPC server options, each set on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MIN_CLIENT_PING_MS = 10_000
"""Clients may ping this often. gRPC's default is 300 s, and it hangs up on those below it."""


def server_options(
    *, max_message_bytes: int, max_connection_age_s: float
) -> Sequence[tuple[str, int]]:
    """Return the options of the server.

    Args:
        max_message_bytes: a larger request is refused by gRPC with RESOURCE_EXHAUSTED.
        max_connection_age_s: a connection this old is asked to move on, gently; 0 is never.
    """
    options = [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        # A second server on the same port must fail, not share the port silently.
        ("grpc.so_reuseport", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", MIN_CLIENT_PING_MS),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
    if max_connection_age_s > 0:
        options.append(("grpc.max_connection_age_ms", round(max_connection_age_s * 1000)))
    return options
