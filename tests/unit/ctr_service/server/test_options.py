"""The server's options: what each is, and that the kernel and gRPC take them."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import grpc
import pytest

from ctr_service.server.listen import listen
from ctr_service.server.options import KEEPALIVE_TIMEOUT_MS, MIN_CLIENT_PING_MS, server_options


def options(**changes: float) -> dict[str, int]:
    """The options of a small server."""
    return dict(
        server_options(
            max_message_bytes=1 << 20,
            max_connection_age_s=changes.get("age_s", 0),
            max_requests=100,
            max_deadline_s=10.0,
        )
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grpc.max_receive_message_length", 1 << 20),
        ("grpc.max_send_message_length", 1 << 20),
        ("grpc.max_concurrent_streams", 200),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", MIN_CLIENT_PING_MS),
        ("grpc.default_compression_algorithm", 0),
    ],
)
def test_each_option_is_set_on_purpose(name: str, value: int) -> None:
    """The table in `options.py` is what the server gets."""
    assert options()[name] == value


def test_a_connection_past_its_age_is_given_the_longest_call() -> None:
    """The grace outlasts the longest deadline, so that moving on cuts no call off."""
    old = options(age_s=60)
    assert old["grpc.max_connection_age_ms"] == 60_000
    assert old["grpc.max_connection_age_grace_ms"] > 10_000
    assert not [name for name in options() if "connection_age" in name]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at sockets through /proc")
async def test_the_kernel_drops_a_peer_that_acknowledges_nothing() -> None:
    """Accepted sockets carry TCP_USER_TIMEOUT, which gRPC takes from the keepalive's timeout."""
    server = grpc.aio.server(options=list(options().items()))
    port = listen(server, "127.0.0.1", 0)
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary("/none/None", None, None)(b"", timeout=10)
        assert _user_timeouts_ms(port) == {KEEPALIVE_TIMEOUT_MS}
    await server.stop(None)


def _user_timeouts_ms(port: int) -> set[int]:
    """TCP_USER_TIMEOUT of this process's accepted sockets on a port."""
    found = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 -- numbers, not paths
        try:
            with socket.socket(fileno=os.dup(int(name))) as copy:
                copy.getpeername()
                if copy.family is not socket.AF_UNIX and copy.getsockname()[1] == port:
                    found.add(copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))
        except OSError:
            continue  # no socket, or not connected
    return found
