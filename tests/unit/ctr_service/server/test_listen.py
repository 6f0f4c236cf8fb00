"""Binding the port."""

from __future__ import annotations

import socket

import grpc
import pytest

from ctr_service.errors import SettingsError
from ctr_service.server.listen import listen
from ctr_service.server.options import server_options


async def test_zero_takes_a_free_port() -> None:
    """Port 0 binds, and the port is told."""
    assert listen(grpc.aio.server(), "127.0.0.1", 0) > 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_taken_port_is_a_sentence(host: str) -> None:
    """Whoever listens there keeps the port; the error names it and says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"{host}:{port}.*in use.*--port"):
            listen(grpc.aio.server(), host, port)


async def test_a_host_that_is_not_ours_is_a_sentence() -> None:
    """An address of another machine cannot be listened on."""
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1"):
        listen(grpc.aio.server(), "192.0.2.1", 0)


async def test_two_servers_do_not_share_a_port() -> None:
    """GRPC's default lets two servers share a port in silence; ours does not."""
    options = server_options(max_message_bytes=1 << 20, max_connection_age_s=0)
    first = grpc.aio.server(options=options)
    port = listen(first, "127.0.0.1", 0)
    await first.start()
    with pytest.raises(SettingsError):
        listen(grpc.aio.server(options=options), "127.0.0.1", port)
    await first.stop(None)


def test_a_connection_age_is_an_option_only_when_set() -> None:
    """0 leaves gRPC's own default, which is never."""
    young = dict(server_options(max_message_bytes=1, max_connection_age_s=1.5))
    old = dict(server_options(max_message_bytes=1, max_connection_age_s=0))
    assert young["grpc.max_connection_age_ms"] == 1500
    assert "grpc.max_connection_age_ms" not in old
