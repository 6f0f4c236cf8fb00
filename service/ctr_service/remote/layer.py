"""One kind of value on the shared server: its own keys, its own figures, checked values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.limits import NS_PER_S
from ctr_service.remote.base import UNANSWERED, Read
from ctr_service.remote.envelope import unwrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.clock import Clock
    from ctr_service.remote.base import RemoteObserver
    from ctr_service.remote.cache import CacheHub


class CacheLayer:
    """One kind of value in the hub. Implements RemoteCache and RemoteReader."""

    def __init__(
        self, hub: CacheHub, name: str, prefix: bytes, clock: Clock, observer: RemoteObserver
    ) -> None:
        self._hub = hub
        self._name = name
        self._prefix = prefix
        self._clock = clock
        self._observer = observer
        self._closed = False

    async def get_many(self, keys: Sequence[bytes], *, deadline_ns: int) -> list[bytes | None]:
        """Return one value a key, in order; None for a miss, and for whatever went wrong."""
        found = await self.read(keys, deadline_ns=deadline_ns)
        return [None if value is UNANSWERED else value for value in found]

    async def read(self, keys: Sequence[bytes], *, deadline_ns: int) -> list[Read]:
        """Return what is known of each key; garbage and another key's value say nothing."""
        if self._closed:
            return [UNANSWERED] * len(keys)
        began_ns = self._clock.now_ns()
        whole = [self._prefix + key for key in keys]
        found = await self._hub.read(whole, deadline_ns)
        hits = unanswered = corrupt = 0
        for index, value in enumerate(found):
            if value is UNANSWERED:
                unanswered += 1
            elif value is not None:
                payload = unwrap(whole[index], value)
                if payload is None:
                    found[index] = UNANSWERED
                    unanswered += 1
                    corrupt += 1
                else:
                    found[index] = payload
                    hits += 1
        observer = self._observer
        observer.remote_read(
            self._name,
            hits=hits,
            misses=len(found) - hits - unanswered,
            unanswered=unanswered,
            seconds=(self._clock.now_ns() - began_ns) / NS_PER_S,
        )
        if corrupt:
            observer.remote_corrupt(self._name, corrupt)
        return found

    def put_soon(self, items: Sequence[tuple[bytes, bytes]], *, ttl_s: float) -> None:
        """Hand values to the background writer."""
        if not self._closed:
            self._hub.put_soon([(self._prefix + key, value) for key, value in items], ttl_s)

    async def close(self) -> None:
        """Give and take nothing any more; the hub is closed by whoever made it."""
        self._closed = True
