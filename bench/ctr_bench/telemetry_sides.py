"""Gateways to compare: without telemetry, with all of it, with a Collector that does not work."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_bench.child import running_child
from ctr_bench.gateway_process import GatewaySetup, metrics_port_of, running_gateway
from ctr_bench.metrics_page import read_with_exemplars

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ctr_bench.child import Child

WITHOUT = ("--no-tracing", "--no-metrics")
WITH = ("--tracing", "--trace-ratio", "0.01", "--metrics")
ANSWERING, ABSENT = "answering", "absent"
FAULTS = (ABSENT, "hanging", "refusing", "slow")
SCRAPE_EVERY_S = 5.0
"""Prometheus asks every 15 s or less often."""


@dataclass(frozen=True, slots=True)
class Side:
    """One gateway under comparison; `metrics_port` is None without metrics."""

    name: str
    gateway: Child
    metrics_port: int | None


@contextlib.contextmanager
def without(bundle: Path, flags: tuple[str, ...]) -> Iterator[Side]:
    """Run a gateway that counts, traces and serves no metrics at all."""
    with running_gateway(GatewaySetup(bundle, (*WITHOUT, *flags))) as gateway:
        yield Side("without", gateway, None)


@contextlib.contextmanager
def with_all(bundle: Path, flags: tuple[str, ...], collector: str = ANSWERING) -> Iterator[Side]:
    """Run a gateway with everything on, scraped as Prometheus does, beside such a Collector."""
    with contextlib.ExitStack() as stack:
        endpoint = stack.enter_context(_collector(collector))
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{endpoint}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        }
        setup = GatewaySetup(bundle, (*WITH, *flags), variables=variables)
        gateway = stack.enter_context(running_gateway(setup))
        yield Side(collector, gateway, metrics_port_of(gateway))


@contextlib.contextmanager
def scraped(side: Side) -> Iterator[None]:
    """Read the side's metrics page, if it has one, at once and every few seconds."""
    if side.metrics_port is None:
        yield
        return
    ended, port = threading.Event(), side.metrics_port

    def scrape() -> None:
        while True:
            read_with_exemplars(port)
            if ended.wait(SCRAPE_EVERY_S):
                return

    scraper = threading.Thread(target=scrape)
    scraper.start()
    try:
        yield
    finally:
        ended.set()
        scraper.join()


@contextlib.contextmanager
def _collector(kind: str) -> Iterator[str]:
    """Run a Collector of a kind and yield its address."""
    if kind == ABSENT:
        with socket.create_server(("127.0.0.1", 0)) as holder:
            port = holder.getsockname()[1]
        yield f"127.0.0.1:{port}"  # nobody listens there
        return
    with running_child("collector", ("-m", "ctr_bench.otlp_sink", kind)) as sink:
        yield sink.target
