"""Values on their way to the server, behind everybody's back: one task, one bounded queue."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.breaker import BreakerState
from ctr_service.remote.base import DropCause, Side
from ctr_service.remote.link import failure_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.breaker import Breaker
    from ctr_service.clock import Clock
    from ctr_service.remote.base import FailureKind, RemoteObserver
    from ctr_service.remote.link import Put, RemoteLink

MS_PER_S = 1_000


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """Bounds of the writer.

    Attributes:
        queue_bytes: keys and values that may wait.
        batch_values, batch_bytes: most of one pipeline, at least one value.
        write_s: limit of one pipeline.
    """

    queue_bytes: int = 8 * 1024 * 1024
    batch_values: int = 256
    batch_bytes: int = 1024 * 1024
    write_s: float = 0.25


class BackgroundWriter:
    """Writes what it is given, as fast as the server takes it; what does not fit is dropped."""

    def __init__(
        self,
        link: RemoteLink,
        *,
        breaker: Breaker,
        clock: Clock,
        observer: RemoteObserver,
        limits: WriterLimits,
    ) -> None:
        """Take the link, and a breaker of its own: writes may fail where reads do not."""
        self._link = link
        self._breaker = breaker
        self._clock = clock
        self._observer = observer
        self._limits = limits
        self._queue: deque[Put] = deque()
        self._queued_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def queued_bytes(self) -> int:
        """Keys and values that wait."""
        return self._queued_bytes

    def put_soon(self, puts: Sequence[Put]) -> None:
        """Queue values, or drop them: closed, breaker open, or no room."""
        if self._closed:
            self._observer.remote_dropped(len(puts), DropCause.CLOSED)
            return
        breaker = self._breaker
        if not breaker.closed and not self._may_probe():
            self._observer.remote_dropped(len(puts), DropCause.BREAKER_OPEN)
            return
        full = 0
        for put in puts:
            size = _size(put)
            if self._queued_bytes + size > self._limits.queue_bytes:
                full += 1
                continue
            self._queue.append(put)
            self._queued_bytes += size
        if full:
            self._observer.remote_dropped(full, DropCause.FULL)
        if self._queue and self._task is None:
            self._task = asyncio.create_task(self._drain())

    async def flushed(self) -> None:
        """Wait until nothing waits; not bounded by time, but each pipeline is."""
        while self._task is not None:
            await asyncio.shield(self._task)

    async def close(self) -> None:
        """Drop what waits."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._drop_queue(DropCause.CLOSED)

    def _may_probe(self) -> bool:
        """Say whether values may queue although the breaker is not closed: they are the probe."""
        if self._breaker.state is BreakerState.HALF_OPEN:
            return False
        return self._clock.now_ns() >= self._breaker.retry_at_ns

    async def _drain(self) -> None:
        try:
            while self._queue:
                await self._write(self._take())
        finally:
            self._task = None

    async def _write(self, batch: list[Put]) -> None:
        breaker = self._breaker
        before = breaker.state
        probe = not breaker.closed and breaker.begin_probe(self._clock.now_ns())
        if not breaker.closed and not probe:
            self._observer.remote_dropped(len(batch), DropCause.BREAKER_OPEN)
            return
        kind = await self._try(batch)
        if kind is None:
            breaker.succeeded()
            self._observer.remote_written(len(batch))
        else:
            breaker.failed(self._clock.now_ns())
            self._observer.remote_failed(Side.WRITE, kind)
            self._observer.remote_dropped(len(batch), DropCause.FAILED)
        breaker.probed(self._clock.now_ns(), well=kind is None)
        if breaker.state is not before:
            self._observer.remote_breaker(Side.WRITE, breaker.state)
        if not breaker.closed:
            self._drop_queue(DropCause.BREAKER_OPEN)

    async def _try(self, batch: Sequence[Put]) -> FailureKind | None:
        try:
            async with asyncio.timeout(self._limits.write_s):
                await self._link.write(batch)
        except Exception as error:  # noqa: BLE001 -- the writer outlives whatever a batch does
            return failure_kind(error)
        return None

    def _take(self) -> list[Put]:
        batch: list[Put] = []
        size = 0
        while self._queue and len(batch) < self._limits.batch_values:
            next_bytes = _size(self._queue[0])
            if batch and size + next_bytes > self._limits.batch_bytes:
                break
            size += next_bytes
            batch.append(self._queue.popleft())
        self._queued_bytes -= size
        return batch

    def _drop_queue(self, cause: DropCause) -> None:
        if self._queue:
            self._observer.remote_dropped(len(self._queue), cause)
        self._queue.clear()
        self._queued_bytes = 0


def _size(put: Put) -> int:
    return len(put.key) + len(put.value)


def ttl_ms(ttl_s: float, jitter: float, random: float) -> int:
    """Return a time to live in ms, shortened by up to `jitter` of it, so that not all end at once.

    Args:
        ttl_s: the longest.
        jitter: the share that is random, in [0, 1).
        random: in [0, 1).
    """
    return max(1, round(ttl_s * (1 - jitter * random) * MS_PER_S))
