"""One server shared by several layers of cache: deadline, breaker, checked values, late answers.

A read runs in a task of its own. Whoever asked waits for it until the deadline and then leaves; a
caller that is cancelled leaves at once, and the exchange goes on to the same deadline. Only there
is it cut off, and its connection dropped.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctr_service.limits import NS_PER_S
from ctr_service.remote.base import UNANSWERED, FailureKind, Read, Side
from ctr_service.remote.envelope import wrap
from ctr_service.remote.layer import CacheLayer
from ctr_service.remote.link import Put, failure_kind
from ctr_service.remote.writer import BackgroundWriter, WriterLimits, ttl_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from ctr_service.breaker import Breaker
    from ctr_service.clock import Clock
    from ctr_service.remote.base import RemoteObserver
    from ctr_service.remote.link import RemoteLink

GRACE_PASSES = 2
"""Turns of the event loop between a deadline and the verdict: after a long turn (a batch was
tokenised) the answer may lie in the socket, unread, while the timer already rings."""


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """How the server is used.

    Attributes:
        namespace: begins every key, so that several gateways can share a database.
        deadline_s: limit of one read; a caller's own deadline may be shorter.
        probe_s: limit of a probe, connects included.
        ttl_jitter: the share of a time to live that is random.
    """

    namespace: str = "ctr"
    deadline_s: float = 0.003
    probe_s: float = 2.0
    ttl_jitter: float = 0.1
    writer: WriterLimits = field(default_factory=WriterLimits)


class CacheHub:
    """The server. Belongs to one event loop; its tasks begin when they are needed."""

    def __init__(  # noqa: PLR0913 -- built once, in app.py; every argument is named there
        self,
        link: RemoteLink,
        *,
        policy: CachePolicy,
        read_breaker: Breaker,
        write_breaker: Breaker,
        clock: Clock,
        random: Callable[[], float],
        observer: RemoteObserver,
    ) -> None:
        """Take the link, which it closes in the end, and what is injected.

        Args:
            link: the server.
            policy: see there.
            read_breaker: of the reads.
            write_breaker: of the writes; apart, because a full server still answers reads.
            clock: deadlines are absolute on it.
            random: numbers in [0, 1), for jitter.
            observer: hears of everything.
        """
        self._link = link
        self._policy = policy
        self._probe_key = f"{policy.namespace}:probe".encode()
        self._breaker = read_breaker
        self._clock = clock
        self._random = random
        self._observer = observer
        self._writer = BackgroundWriter(
            link, breaker=write_breaker, clock=clock, observer=observer, limits=policy.writer
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def layer(self, name: str) -> CacheLayer:
        """Return the layer of that name: a RemoteCache and RemoteReader with its own keys."""
        prefix = f"{self._policy.namespace}:{name}:".encode()
        return CacheLayer(self, name, prefix, self._clock, self._observer)

    async def read(self, keys: Sequence[bytes], deadline_ns: int) -> list[Read]:
        """Return what the server holds under each whole key, as it stands there, unchecked."""
        into: list[Read] = [UNANSWERED] * len(keys)
        limit_s = self._policy.deadline_s
        allowed_s = min(limit_s, (deadline_ns - self._clock.now_ns()) / NS_PER_S)
        if not keys or allowed_s <= 0 or not self._may_ask():
            return into
        loop = asyncio.get_running_loop()
        until = loop.time() + allowed_s
        task = self._spawn(self._exchange(keys, into))
        try:
            await asyncio.wait({task}, timeout=allowed_s)
            for _ in range(GRACE_PASSES):
                if task.done():
                    break
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            loop.call_at(until, self._cut_off, task, allowed_s)
            raise
        self._cut_off(task, allowed_s)
        # A copy: the exchange that was cut off may still be unwinding.
        return list(into)

    def put_soon(self, items: Sequence[tuple[bytes, bytes]], ttl_s: float) -> None:
        """Write (whole key, payload) pairs behind."""
        jitter = self._policy.ttl_jitter
        self._writer.put_soon(
            [
                Put(key, wrap(key, payload), ttl_ms(ttl_s, jitter, self._random()))
                for key, payload in items
            ]
        )

    async def check(self) -> FailureKind | None:
        """Ask the server once, as patiently as a probe; return how it failed, if it did."""
        try:
            async with asyncio.timeout(self._policy.probe_s):
                await self._link.read([self._probe_key], [UNANSWERED])
        except Exception as error:  # noqa: BLE001 -- the failure is the answer
            return failure_kind(error)
        return None

    async def flushed(self) -> None:
        """Wait until the writer has nothing left to write."""
        await self._writer.flushed()

    async def close(self) -> None:
        """End every task, then close the link. May be called twice."""
        self._closed = True
        await self._writer.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._link.close()

    def _may_ask(self) -> bool:
        if self._closed:
            return False
        if self._breaker.closed:
            return True
        # No request is the probe: it would wait for a server that is likely still gone.
        if self._breaker.begin_probe(self._clock.now_ns()):
            self._observer.remote_breaker(Side.READ, self._breaker.state)
            self._spawn(self._probe())
        return False

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _exchange(self, keys: Sequence[bytes], into: list[Read]) -> None:
        try:
            await self._link.read(keys, into)
        except Exception as error:  # noqa: BLE001 -- a cache never fails a request
            self._judge(failure_kind(error))
        else:
            self._breaker.succeeded()

    def _cut_off(self, task: asyncio.Task[None], allowed_s: float) -> None:
        if task.done():
            return
        task.cancel()
        # A caller short of time says nothing about the server.
        self._judge(FailureKind.TIMEOUT, counts=allowed_s >= self._policy.deadline_s)

    def _judge(self, kind: FailureKind, *, counts: bool = True) -> None:
        self._observer.remote_failed(Side.READ, kind)
        before = self._breaker.state
        if counts and kind is not FailureKind.BUSY:  # our own crowd, not the server's fault
            self._breaker.failed(self._clock.now_ns())
        if self._breaker.state is not before:
            self._observer.remote_breaker(Side.READ, self._breaker.state)

    async def _probe(self) -> None:
        """Ask one key, patiently, then another one within the limit of requests."""
        failure = await self.check()
        if failure is None:
            try:
                async with asyncio.timeout(self._policy.deadline_s):
                    await self._link.read([self._probe_key], [UNANSWERED])
            except Exception as error:  # noqa: BLE001 -- a probe's failure is an answer
                failure = failure_kind(error)
        if failure is not None:
            self._observer.remote_failed(Side.READ, failure)
        self._breaker.probed(self._clock.now_ns(), well=failure is None)
        self._observer.remote_breaker(Side.READ, self._breaker.state)
