"""Callers that keep a gateway busy, and what became of their searches."""

from __future__ import annotations

import collections
import itertools
import threading

from ctr_client.client import PredictionClient
from ctr_client.errors import PredictionError
from ctr_client.messages import Item, search
from ctr_client.options import ClientOptions

DEADLINE_S = 10.0
CALLERS = 16
ROWS = 4
ITEMS = tuple(Item(str(n), f"mug number {n}") for n in range(ROWS))
REFUSED = ("NOT_SERVING", "UNAVAILABLE", "CANCELLED")
"""How a search ends that was not accepted. CANCELLED is gRPC's own word for one that reaches the
socket in the instant of the stop (grpc/grpc#41785); on an idle machine the gate leaves none."""


class Load:
    """Callers that send searches without a pause until they are told to leave."""

    def __init__(self, target: str, *, own_connections: bool = False) -> None:
        """Take where to send to, and whether each caller has a connection of its own."""
        self.outcomes: collections.Counter[str] = collections.Counter()
        self._target = target
        self._options = ClientOptions(max_attempts=1, own_connection=own_connections)
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._leaving = threading.Event()
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(CALLERS)]

    def start(self) -> None:
        """Send."""
        for thread in self._threads:
            thread.start()

    def wait_for(self, answers: int) -> None:
        """Return when that many searches were answered."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.outcomes["OK"] >= answers, timeout=60)

    def leave(self) -> None:
        """Tell the callers to leave, and wait for them."""
        self._leaving.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def _call(self) -> None:
        with PredictionClient(self._target, self._options) as client:
            while not self._leaving.is_set():
                outcome = self._outcome(client)
                with self._changed:
                    self.outcomes[outcome] += 1
                    self._changed.notify_all()

    def _outcome(self, client: PredictionClient) -> str:
        # No two searches alike: a cached score would be answered without the engine.
        request = search(f"mug {next(self._numbers)}", ITEMS)
        try:
            answer = client.predict_clicks(request, deadline_s=DEADLINE_S)
        except PredictionError as error:
            return error.reason or error.code.name
        return "OK" if len(answer.predictions) == ROWS else "SHORT"
