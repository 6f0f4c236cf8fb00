"""A cache hub on a real link, with everything that it told."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from typing import TYPE_CHECKING

from ctr_service.breaker import Breaker, BreakerPolicy
from ctr_service.clock import SystemClock
from ctr_service.limits import NS_PER_S
from ctr_service.remote.cache import CacheHub, CachePolicy
from ctr_service.remote.redis_open import LinkLimits, open_link
from ctr_service.remote.redis_url import TlsFiles, parse_redis_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from ctr_service.breaker import BreakerState
    from ctr_service.remote.base import DropCause, FailureKind, Side
    from ctr_service.remote.layer import CacheLayer

QUICK = BreakerPolicy(first_wait_ns=NS_PER_S // 100, longest_wait_ns=NS_PER_S // 20)
"""Waits that a test can wait for."""
PATIENCE_S = 20.0
LONG_S = 5.0


class Heard:
    """Keeps what a hub told. Implements RemoteObserver."""

    def __init__(self) -> None:
        self.hits = self.misses = self.unanswered = self.corrupt = self.written = 0
        self.failures: Counter[tuple[Side, FailureKind]] = Counter()
        self.states: list[tuple[Side, BreakerState]] = []
        self.dropped: Counter[DropCause] = Counter()

    def remote_read(
        self, layer: str, *, hits: int, misses: int, unanswered: int, seconds: float
    ) -> None:
        """Add them up."""
        assert layer
        assert seconds >= 0
        self.hits += hits
        self.misses += misses
        self.unanswered += unanswered

    def remote_corrupt(self, layer: str, values: int) -> None:
        """Add them up."""
        assert layer
        self.corrupt += values

    def remote_failed(self, side: Side, kind: FailureKind) -> None:
        """Add them up."""
        self.failures[side, kind] += 1

    def remote_breaker(self, side: Side, state: BreakerState) -> None:
        """Keep the order."""
        self.states.append((side, state))

    def remote_written(self, values: int) -> None:
        """Add them up."""
        self.written += values

    def remote_dropped(self, values: int, cause: DropCause) -> None:
        """Add them up."""
        self.dropped[cause] += values


class RemoteWorld:
    """A hub, one layer of it, and short words for what tests do."""

    def __init__(
        self,
        url: str,
        *,
        deadline_s: float = LONG_S,
        tls: TlsFiles | None = None,
        max_connections: int = 16,
    ) -> None:
        self.clock = SystemClock()
        self.heard = Heard()
        self.deadline_s = deadline_s
        rng = random.Random(7)  # noqa: S311 -- repeatable, no secret
        self.hub = CacheHub(
            open_link(
                parse_redis_url(url),
                tls or TlsFiles(),
                LinkLimits(max_connections=max_connections),
            ),
            policy=CachePolicy(deadline_s=deadline_s),
            read_breaker=Breaker(QUICK, rng.random),
            write_breaker=Breaker(QUICK, rng.random),
            clock=self.clock,
            random=rng.random,
            observer=self.heard,
        )
        self.layer: CacheLayer = self.hub.layer("test")

    async def get(self, *keys: bytes, within_s: float = LONG_S) -> list[bytes | None]:
        """Read; assert that it returned in time."""
        began_ns = self.clock.now_ns()
        found = await self.layer.get_many(keys, deadline_ns=began_ns + round(within_s * NS_PER_S))
        took_s = (self.clock.now_ns() - began_ns) / NS_PER_S
        # The event loop's own lag on a shared machine is no part of the claim.
        assert took_s < min(within_s, self.deadline_s) + 0.25, took_s
        return found

    async def put(self, *keys: bytes) -> None:
        """Write a value that tells its key, and wait until the writer is done."""
        self.layer.put_soon([(key, value_of(key)) for key in keys], ttl_s=600)
        await self.hub.flushed()

    async def recovered(self, key: bytes) -> None:
        """Read and write until both work again; nobody resets anything."""

        async def works() -> bool:
            written = self.heard.written
            await self.put(key)
            return self.heard.written > written and await self.get(key) == [value_of(key)]

        await eventually(works)


def value_of(key: bytes) -> bytes:
    """A value that tells its key."""
    return key * 20


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Ask an async condition again and again until it holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110 -- a real server tells nobody when it is back
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def remote_world(
    url: str,
    *,
    deadline_s: float = LONG_S,
    tls: TlsFiles | None = None,
    max_connections: int = 16,
) -> AsyncIterator[RemoteWorld]:
    """A world for the length of a block."""
    world = RemoteWorld(url, deadline_s=deadline_s, tls=tls, max_connections=max_connections)
    try:
        yield world
    finally:
        await world.hub.close()
