"""Claims of `ctr_service.remote.joined`: one read a key at a time, for all who ask."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ctr_service.clock import ManualClock
from ctr_service.limits import NS_PER_S
from ctr_service.remote.joined import FAR_NS, JoinedReads

if TYPE_CHECKING:
    from collections.abc import Sequence

SOON_NS = 5 * NS_PER_S


class HeldCache:
    """Answers each key with itself when it is let. Implements RemoteCache."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, ...]] = []
        self.deadlines_ns: list[int] = []
        self.put: list[tuple[bytes, bytes]] = []
        self.closed = False
        self.gate = asyncio.Event()

    async def get_many(self, keys: Sequence[bytes], *, deadline_ns: int) -> list[bytes | None]:
        """Wait for the gate."""
        self.asked.append(tuple(keys))
        self.deadlines_ns.append(deadline_ns)
        await self.gate.wait()
        return [None if key == b"none" else key for key in keys]

    def put_soon(self, items: Sequence[tuple[bytes, bytes]], *, ttl_s: float) -> None:
        """Keep them."""
        assert ttl_s > 0
        self.put += items

    async def close(self) -> None:
        """Remember it."""
        self.closed = True


async def settled() -> None:
    """Let tasks that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_key_under_way_is_not_asked_for_again() -> None:
    """A second request reads only what is not on its way; the first one's leaving harms nobody."""
    cache, clock = HeldCache(), ManualClock()
    reads = JoinedReads(cache, clock)
    first = asyncio.create_task(reads.get_many([b"a", b"none"], deadline_ns=SOON_NS))
    await settled()
    second = asyncio.create_task(reads.get_many([b"b", b"none", b"a"], deadline_ns=SOON_NS))
    await settled()
    first.cancel()
    await settled()
    cache.gate.set()
    assert await second == [b"b", None, b"a"]
    assert cache.asked == [(b"a", b"none"), (b"b",)]
    assert await reads.get_many([b"a"], deadline_ns=SOON_NS) == [b"a"]
    assert len(cache.asked) == 3


async def test_a_read_has_the_layers_own_limit_whoever_began_it() -> None:
    """A hurried caller is late alone: the read goes on for those who have time."""
    cache, clock = HeldCache(), ManualClock()
    reads = JoinedReads(cache, clock)
    assert await reads.get_many([b"a"], deadline_ns=1_000_000) == [None]
    assert cache.deadlines_ns == [FAR_NS]
    patient = asyncio.create_task(reads.get_many([b"a"], deadline_ns=SOON_NS))
    await settled()
    cache.gate.set()
    assert await patient == [b"a"]
    assert len(cache.asked) == 1


async def test_without_time_nothing_is_asked() -> None:
    """A deadline that has come is a miss."""
    cache = HeldCache()
    assert await JoinedReads(cache, ManualClock(7)).get_many([b"a"], deadline_ns=7) == [None]
    assert not cache.asked


async def test_closing_ends_the_reads_and_the_layer() -> None:
    """Whoever waits gets a miss."""
    cache, clock = HeldCache(), ManualClock()
    reads = JoinedReads(cache, clock)
    waiting = asyncio.create_task(reads.get_many([b"a"], deadline_ns=SOON_NS))
    await settled()
    reads.put_soon([(b"k", b"v")], ttl_s=1)
    await reads.close()
    assert await waiting == [None]
    assert (cache.put, cache.closed) == ([(b"k", b"v")], True)
