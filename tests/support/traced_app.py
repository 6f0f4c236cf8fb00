"""A gateway in the test's loop around a scripted engine; its spans go to a real receiver."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctr_client.aio_client import AsyncPredictionClient
from ctr_client.options import ClientOptions
from ctr_service.app import App
from ctr_service.backend.scripted import ScriptedBackend
from ctr_service.outside import Outside
from ctr_service.scoring import Engine
from ctr_service.settings import load_settings
from ctr_service.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from ctr_client.security import Security
    from ctr_service.backend.base import Cost
    from ctr_service.backend.scripted import Script
    from ctr_service.engine_order import EngineOrder
    from ctr_service.telemetry.instruments import Instruments

ONE_ATTEMPT = ClientOptions(max_attempts=1)


@dataclass
class TracedApp:
    """A gateway and what it logged.

    Attributes:
        script: of every run of the engine.
        poison: a batch with such a token fails.
    """

    bundle: Path
    flags: Mapping[str, object] = field(default_factory=dict)
    script: Script | None = None
    poison: frozenset[int] = frozenset()
    log: io.StringIO = field(default_factory=io.StringIO)

    @contextlib.asynccontextmanager
    async def serving(
        self, security: Security | None = None
    ) -> AsyncIterator[AsyncPredictionClient]:
        """Serve, and yield a client that never retries."""
        flags: dict[str, object] = {
            "bundle": self.bundle,
            "port": 0,
            "metrics_port": 0,
            "log_level": "debug",
            **self.flags,
        }
        settings = load_settings(flags)
        self.app = App(
            settings,
            log=configure_logs("debug", "json", self.log),
            outside=Outside(open_engine=self._open),
        )
        async with self.app:
            target = f"127.0.0.1:{self.app.port}"
            async with AsyncPredictionClient(target, ONE_ATTEMPT, security=security) as client:
                yield client

    @property
    def instruments(self) -> Instruments:
        """Of the gateway."""
        return self.app.instruments

    def total(self, name: str, of: Callable[[dict[str, str]], bool] = lambda _: True) -> float:
        """The sum over a metric's samples whose labels fit."""
        return sum(
            sample.value
            for family in self.instruments.registry.collect()
            for sample in family.samples
            if sample.name == name and of(sample.labels)
        )

    def _open(self, order: EngineOrder) -> Engine:
        async def warm_up() -> tuple[Cost, ...]:
            return ()

        backend = ScriptedBackend(
            slots=2, clock=order.clock, script=self.script, poison_ids=self.poison
        )
        return Engine(backend, warm_up)
