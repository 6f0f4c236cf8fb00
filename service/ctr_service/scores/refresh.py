"""Cached scores whose life is nearly over, computed again before anybody has to wait for them."""

from __future__ import annotations

import asyncio
import contextlib
from contextvars import Context
from typing import TYPE_CHECKING

from ctr_service.errors import NotServingError, OverloadedError
from ctr_service.limits import NS_PER_S
from ctr_service.scores.flights import Group
from ctr_service.scores.gather import Gather
from ctr_service.types import Priority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.batcher.batcher import Batcher
    from ctr_service.bundle.template import Segments
    from ctr_service.clock import Clock
    from ctr_service.scores.cache import ScoreCache
    from ctr_service.scores.flights import Flights
    from ctr_service.scores.scorer import BuildsRows

ALLOWED_NS = NS_PER_S
"""How long a score that still answers may take to be computed again."""


class Refresher:
    """Computes rows for nobody, into the cache. Belongs to one event loop."""

    def __init__(self, rows: BuildsRows, batcher: Batcher, flights: Flights, clock: Clock) -> None:
        self._rows = rows
        self._batcher = batcher
        self._flights = flights
        self._clock = clock

    def refresh_soon(self, rows: Sequence[Segments], cache: ScoreCache) -> None:
        """Compute rows when the answer that found them is on its way.

        Only while a slot is free and nothing waits: then it costs nobody anything. On a server
        that is never idle scores expire, and the next request computes them.
        """
        # In a context of its own: what it computes belongs to no call's trace.
        asyncio.get_running_loop().call_soon(self._refresh, rows, cache, context=Context())

    def _refresh(self, rows: Sequence[Segments], cache: ScoreCache) -> None:
        wanted = [segments for segments in rows if self._flights.get(segments) is None]
        if not wanted or not self._batcher.idle:
            return
        deadline_ns = self._clock.now_ns() + ALLOWED_NS
        nobody = Gather(len(wanted), deadline_ns=deadline_ns, clock=self._clock)
        nobody.missing = len(wanted)
        built = self._rows.build(wanted)
        group = Group(self._flights, wanted, built.cut_texts, nobody, range(len(wanted)))
        with contextlib.suppress(OverloadedError, NotServingError):
            call = self._batcher.submit(
                built.rows, deadline_ns=deadline_ns, priority=Priority.BULK, sink=group
            )
            if call is not None:
                self._flights.take_off(group, call)
                cache.refreshed += len(call.rows)
