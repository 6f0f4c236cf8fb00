"""A caller that sends searches by the clock, whether or not the last ones were answered."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import grpc

from ctr.v1 import prediction_pb2_grpc
from ctr_client.messages import Item, search
from ctr_client.options import ClientOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr.v1 import prediction_pb2

DEADLINE_S = 5.0


class OpenLoop(threading.Thread):
    """Sends until it is stopped; one attempt a search, no two searches alike.

    Attributes:
        outcomes: how often calls ended with each gRPC code.
        failures: how often calls ended with each code but OK, and the words of the gateway.
    """

    def __init__(self, target: str, *, per_s: float, items: int) -> None:
        """Take where to, how often, and how long a list is."""
        super().__init__(name=f"open loop, {per_s:g}/s", daemon=True)
        self.outcomes: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self._target = target
        self._every_s = 1 / per_s
        self._items = items
        self._stopped = threading.Event()
        self._lock = threading.Lock()

    def failures_since(self, before: Counter[str]) -> Counter[str]:
        """Return the failures that a copy from before does not hold."""
        with self._lock:
            return self.failures - before

    def run(self) -> None:
        """Send by the clock."""
        options = ClientOptions(max_attempts=1, own_connection=True).channel_options()
        with grpc.insecure_channel(self._target, options=options) as channel:
            stub = prediction_pb2_grpc.PredictionServiceStub(channel)
            due_s = time.monotonic()
            number = 0
            while not self._stopped.wait(max(0.0, due_s - time.monotonic())):
                items = [Item(str(n), f"mug {number} {n}") for n in range(self._items)]
                request = search(f"{self._items} mugs {number}", items)
                call = stub.PredictClicks.future(request, timeout=DEADLINE_S)
                call.add_done_callback(self._ended)
                due_s += self._every_s
                number += 1

    def stop(self) -> None:
        """Send no more."""
        self._stopped.set()
        self.join()

    def _ended(self, call: grpc.Future[prediction_pb2.PredictClicksResponse]) -> None:
        assert isinstance(call, grpc.Call)
        name = call.code().name
        with self._lock:
            self.outcomes[name] += 1
            if name != "OK":
                self.failures[f"{name}: {call.details()}"] += 1


@contextlib.contextmanager
def sending(target: str, *, per_s: float, items: int) -> Iterator[OpenLoop]:
    """Send as long as the block lasts."""
    loop = OpenLoop(target, per_s=per_s, items=items)
    loop.start()
    try:
        yield loop
    finally:
        loop.stop()
