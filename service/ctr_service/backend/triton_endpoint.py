"""One Triton server: verified before it gets a batch, watched, and left alone when it fails.

An answer counts only when the connection stood from the verification to the answer: a server that
was restarted, or another one behind the same address, may serve another model under the same name.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ctr_service.backend.triton_channel import TritonChannels
from ctr_service.backend.triton_check import Accepted, check_config
from ctr_service.backend.triton_faults import FaultKind, TritonFault
from ctr_service.backend.triton_observer import EndpointState
from ctr_service.backend.turns import Turns
from ctr_service.breaker import BreakerState
from ctr_service.limits import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ctr_service.backend.triton_channel import Tls
    from ctr_service.backend.triton_check import Expected
    from ctr_service.backend.triton_targets import Target
    from ctr_service.breaker import Breaker
    from ctr_service.clock import Clock

    Tensors: TypeAlias = Mapping[str, NDArray[np.generic]]
    Arrays: TypeAlias = dict[str, NDArray[np.generic]]

WATCH_S = 1.0
"""Between two questions whether the model is still the same; also how long an unloaded model is
asked before that is known."""
SEEK_S = 0.25
"""The same while the server does not serve."""
ASK_S = 1.0
"""Limit of one question. Triton answers them apart from batches, in about a millisecond."""
LATE_COUNTS_NS = NS_PER_S // 4
"""A batch that had at least so long and was not answered speaks against the server; one that had
less may have been late before it was sent."""
RECONNECT_AFTER = 3
"""Unanswered questions in a row, after which the connections are made anew: a server whose machine
vanished leaves connections behind that stand for a quarter of an hour."""
_LOST = frozenset({FaultKind.UNREACHABLE, FaultKind.MODEL_GONE})
_AGAINST_SERVER = _LOST | {FaultKind.FAILED, FaultKind.GARBLED}


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """How servers are used.

    Attributes:
        slots: batches in flight at one server; 0 takes its instances.
        connections: to one server.
        tls: None speaks in the clear.
    """

    slots: int = 0
    connections: int = 2
    tls: Tls | None = None


class Endpoint:
    """One server. Belongs to one event loop.

    Attributes:
        target, address: as configured, and one of those behind it.
        reason: why it is not READY, for people; empty when it is.
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
        self.reason = ""
        self.turns = Turns(max(1, options.slots))
        self.idle = asyncio.Event()
        self.idle.set()
        self._expected = expected
        self._options = options
        self._breaker = breaker
        self._clock = clock
        self._sleep = sleep
        self._probe = probe
        self._changed = changed
        self._known = EndpointState.VERIFYING
        self._accepted: Accepted | None = None
        self._epoch = 0
        self._unanswered = 0
        self._answered_ns = clock.now_ns()
        self._wake = asyncio.Event()
        self._channels = self._connect()
        self._watching = asyncio.create_task(self._watch())

    @property
    def state(self) -> EndpointState:
        """What is known of it."""
        if self._known is EndpointState.READY and not self._breaker.closed:
            return EndpointState.RESTING
        return self._known

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
        try:
            return await self._infer(tensors, deadline_ns)
        except TritonFault as fault:
            if fault.kind in _LOST:
                self._verify_again(str(fault))
            if fault.kind in _AGAINST_SERVER:
                self._breaker_hears(self._breaker.failed)
            raise

    async def close(self) -> None:
        """Stop watching and break the connections."""
        self._watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watching
        await self._channels.close()

    async def _infer(self, tensors: Tensors, deadline_ns: int) -> tuple[Arrays, int]:
        accepted, epoch = self._accepted, self._epoch
        if accepted is None:
            raise TritonFault(FaultKind.UNREACHABLE, "not verified")
        now_ns = self._clock.now_ns()
        given_ns = deadline_ns - now_ns
        body = accepted.wire.encode(tensors, given_ns)
        turn = self.turns.enter(now_ns)
        self.idle.clear()
        try:
            answer = await self._channels.infer(body, given_ns / NS_PER_S)
        except TritonFault as fault:
            if fault.kind is FaultKind.LATE and given_ns >= LATE_COUNTS_NS:
                self._breaker_hears(self._breaker.failed)
            raise
        finally:
            ended_ns = self._clock.now_ns()
            began_ns = self.turns.leave(turn, ended_ns)
            if not self.turns:
                self.idle.set()
        if epoch != self._epoch:
            raise TritonFault(FaultKind.MOVED)
        rows = len(next(iter(tensors.values())))
        outputs = accepted.wire.decode(answer, rows)
        self._breaker.succeeded()
        self._answered_ns = ended_ns
        return outputs, ended_ns - began_ns

    async def _watch(self) -> None:
        while True:
            self._wake.clear()
            await self._verify()
            if self._known is EndpointState.READY and not self._breaker.closed:
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
        epoch, asked_ns = self._epoch, self._clock.now_ns()
        try:
            served = await self._channels.ask(self._expected.model, ASK_S)
        except TritonFault as fault:
            if fault.kind is FaultKind.LATE and self._answered_ns >= asked_ns:
                return  # it answers batches: it is busy, not gone
            self._unanswered += fault.kind is FaultKind.LATE
            self._know(EndpointState.NOT_READY, str(fault))
            if self._unanswered >= RECONNECT_AFTER:
                await self._reconnect()
            return
        self._unanswered = 0
        if epoch != self._epoch:
            return  # lost meanwhile: it is asked again at once
        found = [check_config(one.config, one.versions, self._expected) for one in served]
        for one in found:
            if not isinstance(one, Accepted):
                self._know(EndpointState.MISMATCH, "; ".join(str(mismatch) for mismatch in one))
                return
        self._accept([one for one in found if isinstance(one, Accepted)])

    def _accept(self, found: list[Accepted]) -> None:
        if len({one.wire for one in found}) > 1:
            self._know(EndpointState.MISMATCH, "its connections lead to different versions")
            return
        self._accepted = found[0]
        self.turns.width = self._accepted.instances
        self._know(EndpointState.READY, "" if self._breaker.closed else self.reason)

    async def _try(self) -> None:
        """Send the small batch once the breaker's wait is over."""
        if not self._breaker.begin_probe(self._clock.now_ns()):
            return
        well = False
        try:
            await self._infer(self._probe, self._clock.now_ns() + round(ASK_S * NS_PER_S))
            well = True
        except TritonFault as fault:
            self.reason = str(fault)
        finally:
            # Also when the watch is cancelled: a breaker left half open would never close.
            self._breaker.probed(self._clock.now_ns(), well=well)
        if well:
            self.reason = ""
            self._changed(self)

    def _breaker_hears(self, tell: Callable[[int], None]) -> None:
        tell(self._clock.now_ns())
        if self._breaker.state is BreakerState.OPEN:
            self.reason = "it failed calls; its circuit breaker leaves it alone for a while"
            self._changed(self)
            self._wake.set()

    def _verify_again(self, reason: str) -> None:
        """What was verified no longer counts."""
        self._epoch += 1
        if self._known is EndpointState.READY:
            self._know(EndpointState.VERIFYING, reason)
        self._wake.set()

    def _know(self, state: EndpointState, reason: str) -> None:
        if state is not EndpointState.READY and self._known is EndpointState.READY:
            self._epoch += 1  # answers on their way come from a server that is no longer trusted
        if (state, reason) != (self._known, self.reason):
            self._known, self.reason = state, reason
            self._changed(self)

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
            lost=lambda: self._verify_again("the connection was lost"),
        )
