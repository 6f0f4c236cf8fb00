"""The port that workers share."""

from __future__ import annotations

import socket
import sys

import grpc
import pytest

from ctr_service.errors import SettingsError
from ctr_service.server.listen import listen
from ctr_service.server.options import server_options
from ctr_service.workers.port import reserved_port

HOST = "127.0.0.1"


def server(*, share_port: bool) -> grpc.aio.Server:
    """A server with our options."""
    options = server_options(
        max_message_bytes=1 << 20, max_connection_age_s=0, share_port=share_port
    )
    return grpc.aio.server(options=options)


async def test_workers_share_the_port_and_nobody_else_does() -> None:
    """Two workers listen on the reserved port; a lone gateway is refused, before and after."""
    with reserved_port(HOST, 0) as port:
        with pytest.raises(SettingsError, match=rf"{port}.*in use"):
            listen(server(share_port=False), HOST, port)
        workers = [server(share_port=True) for _ in range(2)]
        assert [listen(worker, HOST, port, share_port=True) for worker in workers] == [port, port]
        with pytest.raises(SettingsError, match=rf"{port}.*in use"):
            listen(server(share_port=False), HOST, port)
        for worker in workers:
            await worker.start()
            await worker.stop(None)


def test_a_second_supervisor_is_refused() -> None:
    """The reservation alone keeps another one away, also while no worker listens."""
    with (
        reserved_port(HOST, 0) as port,
        pytest.raises(SettingsError, match="in use"),
        reserved_port(HOST, port),
    ):
        pytest.fail("two supervisors hold one port")


def test_a_port_that_somebody_listens_on_is_refused() -> None:
    """The sentence is that of a single gateway."""
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(SettingsError, match=rf"{HOST}:{port}.*--port"),
            reserved_port(HOST, port),
        ):
            pytest.fail("the port was taken")


def test_the_port_is_given_back() -> None:
    """After the context the port is free."""
    with reserved_port(HOST, 0) as port:
        pass
    with socket.create_server((HOST, port)):
        pass


def test_elsewhere_than_linux_it_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel does not spread connections, several workers are refused."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SettingsError, match="Linux"), reserved_port(HOST, 0):
        pytest.fail("this is not Linux")
