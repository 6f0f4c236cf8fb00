"""One Triton server: verified before it gets a batch, watched, and left alone when it fails.

The I/O of it; what follows from it is in `triton_standing`.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeAlias

from ctr_service.backend.triton_channel import TritonChannels
from ctr_service.backend.triton_check import Accepted, check_config
from ctr_service.backend.triton_faults import FaultKind, TritonFault
from ctr_service.backend.triton_observer import EndpointState
from ctr_service.backend.triton_options import ASK_S, RECONNECT_AFTER, SEEK_S, WATCH_S
from ctr_service.backend.triton_standing import Standing
from ctr_service.backend.turns import Turns
from ctr_service.limits import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ctr_service.backend.triton_channel import Served
    from ctr_service.backend.triton_check import Expected
    from ctr_service.backend.triton_options import EndpointOptions
    from ctr_service.backend.triton_targets import Target
    from ctr_service.breaker import Breaker
    from ctr_service.clock import Clock

    Tensors: TypeAlias = Mapping[str, NDArray[np.generic]]
    Arrays: TypeAlias = dict[str, NDArray[np.generic]]


class Endpoint:
    """One server. Belongs to one event loop.

    Attributes:
        target, address: as configured, and one of those behind it.
        turns: its batches in flight.
        idle: is set while it has none.
    """

    def __init__(  # noqa: PLR0913 -- built by the fleet alone; every argument is named there
        self,
        target: Target,
        address: str,
        *,
        expected: Expected,
        options: EndpointOptions,
        breaker: Breaker,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
        probe: Tensors,
        changed: Callable[[Endpoint], None],
    ) -> None:
        """Begin to watch it.

        Args:
            target: as configured.
            address: one of those behind it.
            expected: what it must serve.
            options: how it is used.
            breaker: its own.
            clock: deadlines are absolute on it.
            sleep: between two questions.
            probe: a small batch, by which a server that failed calls is tried.
            changed: told when `state` changed; must return at once.
        """
        self.target = target
        self.address = address
        self.turns = Turns(max(1, options.slots))
        self.idle = asyncio.Event()
        self.idle.set()
        self._expected = expected
        self._options = options
        self._clock = clock
        self._sleep = sleep
        self._probe = probe
        self._accepted: Accepted | None = None
        self._unanswered = 0
        self._answered_ns = clock.now_ns()
        self._wake = asyncio.Event()
        self._standing = Standing(breaker, changed=lambda: changed(self), doubted=self._wake.set)
        self._channels = self._connect()
        self._watching = asyncio.create_task(self._watch())

    @property
    def state(self) -> EndpointState:
        """What is known of it."""
        return self._standing.state

    @property
    def reason(self) -> str:
        """Why it is not READY, for people; empty when it is."""
        return self._standing.reason

    @property
    def usable(self) -> bool:
        """Whether it may get a batch."""
        return self.state is EndpointState.READY

    @property
    def slots(self) -> int:
        """Batches that it shall have in flight."""
        return self._options.slots or (self._accepted.instances if self._accepted else 1)

    async def infer(self, tensors: Tensors, deadline_ns: int) -> tuple[Arrays, int]:
        """Run one batch.

        Returns:
            Output name -> array, and the nanoseconds inside the server, without those in its queue.

        Raises:
            TritonFault: it failed.
        """
        now_ns = self._clock.now_ns()
        try:
            return await self._infer(tensors, deadline_ns, now_ns)
        except TritonFault as fault:
            ended_ns = self._clock.now_ns()
            self._standing.failed(fault, given_ns=deadline_ns - now_ns, now_ns=ended_ns)
            raise

    async def close(self) -> None:
        """Stop watching and break the connections."""
        self._watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watching
        await self._channels.close()

    async def _infer(self, tensors: Tensors, deadline_ns: int, now_ns: int) -> tuple[Arrays, int]:
        accepted, epoch = self._accepted, self._standing.epoch
        if accepted is None:
            raise TritonFault(FaultKind.UNREACHABLE, "not verified")
        given_ns = deadline_ns - now_ns
        body = accepted.wire.encode(tensors, given_ns)
        turn = self.turns.enter(now_ns)
        self.idle.clear()
        try:
            answer = await self._channels.infer(body, given_ns / NS_PER_S)
        finally:
            ended_ns = self._clock.now_ns()
            began_ns = self.turns.leave(turn, ended_ns)
            if not self.turns:
                self.idle.set()
        if epoch != self._standing.epoch:
            raise TritonFault(FaultKind.MOVED)
        outputs = accepted.wire.decode(answer, len(next(iter(tensors.values()))))
        self._standing.answered()
        self._answered_ns = ended_ns
        return outputs, ended_ns - began_ns

    async def _watch(self) -> None:
        while True:
            self._wake.clear()
            await self._verify()
            if self._standing.begin_trial(self._clock.now_ns()):
                await self._try()
            await self._pause(WATCH_S if self.usable else SEEK_S)

    async def _pause(self, seconds: float) -> None:
        """Sleep, or less when the server must be verified again."""
        waits = [
            asyncio.ensure_future(self._sleep(seconds)),
            asyncio.ensure_future(self._wake.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _verify(self) -> None:
        standing, asked_ns = self._standing, self._clock.now_ns()
        epoch = standing.epoch
        try:
            served = await self._channels.ask(self._expected.model, ASK_S)
        except TritonFault as fault:
            if fault.kind is FaultKind.LATE and self._answered_ns >= asked_ns:
                return  # it answers batches: it is busy, not gone
            self._unanswered += fault.kind is FaultKind.LATE
            standing.learn(EndpointState.NOT_READY, str(fault))
            if self._unanswered >= RECONNECT_AFTER:
                await self._reconnect()
            return
        self._unanswered = 0
        if epoch == standing.epoch:  # else it was lost meanwhile, and is asked again at once
            self._compare(served)

    def _compare(self, served: list[Served]) -> None:
        accepted: list[Accepted] = []
        for one in served:
            found = check_config(one.config, one.versions, self._expected)
            if not isinstance(found, Accepted):
                reason = "; ".join(str(mismatch) for mismatch in found)
                self._standing.learn(EndpointState.MISMATCH, reason)
                return
            accepted.append(found)
        if len({one.wire for one in accepted}) > 1:
            reason = "its connections lead to different versions"
            self._standing.learn(EndpointState.MISMATCH, reason)
            return
        self._accepted = accepted[0]
        self.turns.width = self._accepted.instances
        self._standing.learn(EndpointState.READY)

    async def _try(self) -> None:
        """Send the small batch to a server that failed calls."""
        now_ns, well = self._clock.now_ns(), False
        try:
            await self._infer(self._probe, now_ns + round(ASK_S * NS_PER_S), now_ns)
            well = True
        except TritonFault:
            return
        finally:
            # Also when the watch is cancelled: a breaker left half open would never close.
            self._standing.end_trial(self._clock.now_ns(), well=well)

    async def _reconnect(self) -> None:
        self._unanswered = 0
        old, self._channels = self._channels, self._connect()
        await old.close()

    def _connect(self) -> TritonChannels:
        return TritonChannels(
            self.address,
            host=self.target.host,
            connections=self._options.connections,
            tls=self._options.tls,
            lost=lambda: self._standing.doubt("the connection was lost"),
        )
