"""How many tokens wait in a gateway while it is loaded, as Prometheus would see them."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.gateway_process import metrics_port_of
from ctr_bench.metrics_page import read_page, total_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_bench.child import Child

QUEUED_TOKENS = "ctr_queued_tokens"
LOOK_EVERY_S = 0.1


class QueueWatch:
    """Reads the gauge ten times a second while a block runs."""

    def __init__(self, gateway: Child) -> None:
        self._port = metrics_port_of(gateway)
        self._ended = threading.Event()
        self._seen: list[float] = []

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def figures(self) -> dict[str, float]:
        """Return mean and 95th percentile of the tokens while any request was there or not."""
        seen = np.asarray(self._seen or [0.0])
        return {
            "mean_tokens": float(seen.mean()),
            "p95_tokens": float(np.percentile(seen, 95)),
            "looks": float(len(self._seen)),
        }

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            self._seen.append(total_of(read_page(self._port), QUEUED_TOKENS))
