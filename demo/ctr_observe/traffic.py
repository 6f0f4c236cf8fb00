"""A little even traffic, so that there is something to see."""

from __future__ import annotations

import contextlib
import random
import threading
from typing import TYPE_CHECKING

from ctr_bench.catalogue import find_catalogue
from ctr_client import messages
from ctr_client.client import PredictionClient
from ctr_client.errors import PredictionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ITEMS = 10
"""A search."""
QUERY_WORDS = 2


class Traffic(threading.Thread):
    """Sends searches one by one until it is stopped."""

    def __init__(self, target: str, titles: Sequence[str], per_s: float, seed: int = 0) -> None:
        super().__init__(name="traffic", daemon=True)
        self._target = target
        self._titles = titles
        self._every_s = 1 / per_s
        self._random = random.Random(seed)  # noqa: S311 -- traffic is no secret
        self._stopped = threading.Event()

    def run(self) -> None:
        """Send; what fails is counted by the gateway, which is what this is for."""
        with PredictionClient(self._target) as client:
            while not self._stopped.wait(self._every_s):
                with contextlib.suppress(PredictionError):
                    query, items = self._search()
                    client.predict_clicks(messages.search(query, items))

    def stop(self) -> None:
        """Send no more, and wait for the last answer."""
        self._stopped.set()
        self.join()

    def _search(self) -> tuple[str, list[messages.Item]]:
        titles = self._random.sample(self._titles, k=min(ITEMS, len(self._titles)))
        query = " ".join(titles[0].split()[:QUERY_WORDS])
        items = [messages.Item(item_id=str(n), title=title) for n, title in enumerate(titles)]
        return query, items


@contextlib.contextmanager
def running_traffic(target: str, log: Path, per_s: float) -> Iterator[None]:
    """Send searches about the titles of a log, if there is one, as long as the block lasts."""
    if not per_s:
        yield
        return
    traffic = Traffic(target, find_catalogue(log if log.is_file() else None).titles, per_s)
    traffic.start()
    try:
        yield
    finally:
        traffic.stop()
