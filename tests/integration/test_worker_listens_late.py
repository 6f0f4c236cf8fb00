"""A worker on a shared port, inside the test's loop."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest
import structlog

from ctr_client.aio_client import AsyncPredictionClient
from ctr_service.app import App
from ctr_service.backend.scripted import ScriptedBackend
from ctr_service.outside import Outside
from ctr_service.scoring import Engine
from ctr_service.settings import load_settings
from ctr_service.telemetry.merged import fetch_metrics
from ctr_service.workers.port import reserved_port
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_service.backend.base import Cost
    from ctr_service.engine_order import EngineOrder

HOST = "127.0.0.1"
PATIENCE_S = 30.0


class Engines:
    """Opens engines whose warm-up waits for the test."""

    def __init__(self) -> None:
        self.warming = asyncio.Event()
        self.go_on = asyncio.Event()

    def open(self, order: EngineOrder) -> Engine:
        """One slot, at no cost."""
        return Engine(ScriptedBackend(slots=1, clock=order.clock), self._warm_up)

    async def _warm_up(self) -> tuple[Cost, ...]:
        self.warming.set()
        await self.go_on.wait()
        return ()


def connects(port: int) -> bool:
    """Whether somebody listens."""
    try:
        socket.create_connection((HOST, port), timeout=PATIENCE_S).close()
    except ConnectionRefusedError:
        return False
    return True


async def test_a_worker_listens_only_when_it_serves(tmp_path: Path) -> None:
    """No connection goes to a worker that warms up; the first probe of one hears SERVING."""
    bundle, engines = make_tiny_bundle(tmp_path / "bundle"), Engines()
    with reserved_port(HOST, 0) as port:
        settings = load_settings({"bundle": bundle, "port": port, "metrics_port": 0})
        outside = Outside(open_engine=engines.open, worker="3")
        app = App(settings, log=structlog.testing.CapturingLogger(), outside=outside)
        starting = asyncio.create_task(app.start())
        await asyncio.wait_for(engines.warming.wait(), PATIENCE_S)
        assert not connects(port)
        engines.go_on.set()
        await asyncio.wait_for(starting, PATIENCE_S)
        async with AsyncPredictionClient(f"{HOST}:{port}") as client:
            assert await client.health() == "SERVING"
        assert app.metrics_port is not None
        text = await asyncio.to_thread(fetch_metrics, app.metrics_port)
        assert 'ctr_serving{worker="3"} 1.0' in text
        await app.stop()
        assert not connects(port)


async def test_a_second_gateway_cannot_join_a_workers_port(tmp_path: Path) -> None:
    """A gateway without a worker's name is refused on the shared port."""
    bundle, engines = make_tiny_bundle(tmp_path / "bundle"), Engines()
    engines.go_on.set()
    with reserved_port(HOST, 0) as port:
        settings = load_settings({"bundle": bundle, "port": port, "metrics": False})
        outside = Outside(open_engine=engines.open)
        app = App(settings, log=structlog.testing.CapturingLogger(), outside=outside)
        with pytest.raises(Exception, match="in use"):
            await app.start()
