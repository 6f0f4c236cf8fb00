"""Reads of one layer in which a key that is being read for another request is not read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.limits import NS_PER_S
from ctr_service.single_flight import SingleFlight

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_service.clock import Clock
    from ctr_service.remote.base import RemoteCache

MAX_KEYS = 20_000
"""Being read at once; further ones are misses."""
FAR_NS = 10 * NS_PER_S
"""Beyond the limit that the layer itself has for a read."""


class JoinedReads:
    """A layer whose concurrent reads of one key are one read. Implements RemoteCache.

    The read belongs to nobody: it outlives a caller that is cancelled, and ends at the layer's own
    limit, whatever the deadline of the request that began it.
    """

    def __init__(self, cache: RemoteCache, clock: Clock) -> None:
        """Take the layer, which it closes in the end, and the clock of the deadlines."""
        self._cache = cache
        self._clock = clock
        self._flights: SingleFlight[bytes, bytes | None] = SingleFlight(
            self._load, max_keys=MAX_KEYS
        )

    async def get_many(self, keys: Sequence[bytes], *, deadline_ns: int) -> list[bytes | None]:
        """Return one value a key, in order; None for a miss, and for whatever is late."""
        left_s = (deadline_ns - self._clock.now_ns()) / NS_PER_S
        if left_s <= 0:
            return [None] * len(keys)
        found = await self._flights.get(keys, timeout_s=left_s)
        return [found.get(key) for key in keys]

    def put_soon(self, items: Sequence[tuple[bytes, bytes]], *, ttl_s: float) -> None:
        """Hand values to the layer."""
        self._cache.put_soon(items, ttl_s=ttl_s)

    async def close(self) -> None:
        """End the reads, then the layer."""
        await self._flights.close()
        await self._cache.close()

    async def _load(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes | None]:
        deadline_ns = self._clock.now_ns() + FAR_NS
        values = await self._cache.get_many(keys, deadline_ns=deadline_ns)
        return dict(zip(keys, values, strict=True))
