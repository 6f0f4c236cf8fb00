"""Binding the port of probes."""

from __future__ import annotations

import socket

import pytest

from ctr_service.errors import SettingsError
from ctr_service.server.health import HealthBoard
from ctr_service.server.probe_port import open_probe_port

HOST = "127.0.0.1"


async def test_a_taken_probe_port_is_a_sentence() -> None:
    """The refusal comes before the start, with the address and the flag to change."""
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"{HOST}:{port}.*in use.*--health-port"):
            open_probe_port(HealthBoard(("",)), HOST, port, share_port=False)


async def test_no_port_listens_nowhere() -> None:
    """Without the setting there is nothing to start or stop."""
    async with open_probe_port(HealthBoard(("",)), HOST, None, share_port=False) as nothing:
        assert nothing is None
