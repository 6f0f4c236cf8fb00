"""The monitor, which turns alerts into incidents."""

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


@dataclass(frozen=True, slots=True)
class Monitor:
    """A running one.

    Attributes:
        address: host:port of page, webhook and API.
        otlp_port: of OTLP over gRPC.
    """

    address: str
    otlp_port: int


@contextlib.contextmanager
def running_monitor(
    folder: Path,
    prometheus_url: str,
    *,
    port: int = 0,
    slo: Path | None = None,
    scale: float = 1.0,
) -> Iterator[Monitor]:
    """Start one and wait until it serves.

    Args:
        folder: for its store and log.
        prometheus_url: whom it asks.
        port: of its page; 0 takes a free one.
        slo: the file of objectives, so that reports tell the burn.
        scale: on every window; that of the rules.

    Raises:
        ObserveError: it did not start; the message has its last words.
    """
    command = (
        *(sys.executable, "-m", "ctr_monitor", "serve", "--prometheus", prometheus_url),
        *("--store", str(folder / "monitor.sqlite"), "--listen", f"127.0.0.1:{port}"),
        *("--otlp-grpc", "0", "--log-format", "json", "--window-scale", str(scale)),
        *(() if slo is None else ("--slo", str(slo))),
    )
    child = Child("the monitor", command, folder / "monitor.log")
    with running(child):
        event = serving_event(child)
        yield Monitor(f"127.0.0.1:{event['http']}", int(event["otlp_grpc"]))
