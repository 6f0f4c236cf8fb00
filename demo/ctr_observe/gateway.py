"""A gateway on a bundle, whose spans go to the monitor."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_observe.child import Child, running
from ctr_observe.serving_event import serving_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXPORT_EVERY_MS = "1000"
"""How often finished spans are sent: a page must not be there before its trace."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running one.

    Attributes:
        target: host:port of gRPC.
        metrics: host:port of /metrics.
    """

    target: str
    metrics: str


@contextlib.contextmanager
def running_gateway(folder: Path, bundle: Path, otlp_port: int) -> Iterator[Gateway]:
    """Start one on free ports and wait until it serves.

    Args:
        folder: for its log.
        bundle: what it serves.
        otlp_port: of the monitor's OTLP over gRPC.

    Raises:
        ObserveError: it did not start; the message has its last words.
    """
    command = (
        *(sys.executable, "-m", "ctr_service", "serve", "--bundle", str(bundle)),
        *("--port", "0", "--metrics-port", "0", "--log-format", "json"),
    )
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{otlp_port}",
        "OTEL_BSP_SCHEDULE_DELAY": EXPORT_EVERY_MS,
    }
    child = Child("the gateway", command, folder / "gateway.log", environment)
    with running(child):
        event = serving_event(child)
        yield Gateway(str(event["address"]), f"127.0.0.1:{event['metrics_port']}")
