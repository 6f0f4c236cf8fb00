"""Several gateways side by side, behind the balancing that a frontend's own channel does."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_bench.gateway_process import metrics_port_of, running_gateway
from ctr_bench.metrics_page import read_page, total_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctr_bench.child import Child
    from ctr_bench.gateway_process import GatewaySetup

ADMITTED = "ctr_admitted_rows_total"
LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Replicas:
    """Running gateways.

    Attributes:
        gateways: at least one.
    """

    gateways: Sequence[Child]

    @property
    def target(self) -> str:
        """All addresses as one gRPC target; the client's round robin gives each its share."""
        return "ipv4:" + ",".join(gateway.target for gateway in self.gateways)


@contextlib.contextmanager
def running_replicas(setup: GatewaySetup, count: int) -> Iterator[Replicas]:
    """Start so many gateways together, and stop those that still run.

    Raises:
        BenchError: one did not start, or did not stop well.
    """
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(count) as threads:
        contexts = [running_gateway(setup) for _ in range(count)]
        starting = [threads.submit(context.__enter__) for context in contexts]
        wait(starting)
        for context, started in zip(contexts, starting, strict=True):
            if started.exception() is None:
                stack.push(context)
        yield Replicas([started.result() for started in starting])


class Killer:
    """Kills the last of several gateways once it has admitted so many rows.

    By what it did and not by the clock: a generator takes its time to start.
    """

    def __init__(self, replicas: Replicas, count: int, after_rows: float) -> None:
        """Take how many are killed, fewer than there are, and after what; 0 kills none."""
        self._replicas = replicas
        self._count = count
        self._after_rows = after_rows
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.admitted_rows = 0.0
        """Of all gateways when they were killed; 0 says that none was."""

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs."""
        if self._count:
            self._thread.start()
        try:
            yield
        finally:
            self._ended.set()
            if self._count:
                self._thread.join()

    def _watch(self) -> None:
        gateways = self._replicas.gateways
        ports = [metrics_port_of(gateway) for gateway in gateways]
        while not self._ended.wait(LOOK_EVERY_S):
            if total_of(read_page(ports[-1]), ADMITTED) >= self._after_rows:
                self.admitted_rows = sum(total_of(read_page(port), ADMITTED) for port in ports)
                for gateway in gateways[-self._count :]:
                    gateway.kill()
                return
