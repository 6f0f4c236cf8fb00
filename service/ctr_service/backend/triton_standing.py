"""What is known of one Triton server, and whether it may get a batch: no I/O.

The epoch counts how often what was known was lost. An answer counts only in the epoch in which its
batch was sent: a server that was restarted, or another one behind the same address, may serve
another model under the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.backend.triton_faults import FaultKind
from ctr_service.backend.triton_observer import EndpointState
from ctr_service.limits import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_service.backend.triton_faults import TritonFault
    from ctr_service.breaker import Breaker

LATE_COUNTS_NS = NS_PER_S // 4
"""A batch that had at least so long and was not answered speaks against the server; one that had
less may have been late before it was sent."""
_LOST = frozenset({FaultKind.UNREACHABLE, FaultKind.MODEL_GONE})
_AGAINST_SERVER = _LOST | {FaultKind.FAILED, FaultKind.GARBLED}


class Standing:
    """One server's. Belongs to one event loop.

    Attributes:
        reason: why it is not READY, for people; empty when it is.
        epoch: grows whenever what was known no longer counts.
    """

    def __init__(
        self, breaker: Breaker, *, changed: Callable[[], None], doubted: Callable[[], None]
    ) -> None:
        """Begin with VERIFYING.

        Args:
            breaker: the server's own.
            changed: told when `state` or `reason` changed; must return at once.
            doubted: told when the server should be asked at once.
        """
        self.reason = ""
        self.epoch = 0
        self._known = EndpointState.VERIFYING
        self._breaker = breaker
        self._changed = changed
        self._doubted = doubted

    @property
    def state(self) -> EndpointState:
        """What is known of it."""
        if self._known is EndpointState.READY and not self._breaker.closed:
            return EndpointState.RESTING
        return self._known

    def learn(self, state: EndpointState, reason: str = "") -> None:
        """Take what the server, or its silence, told."""
        if state is not EndpointState.READY and self._known is EndpointState.READY:
            self.epoch += 1  # answers on their way come from a server that is no longer trusted
        if state is EndpointState.READY and not self._breaker.closed:
            reason = self.reason  # it serves the right model, and fails calls all the same
        if (state, reason) != (self._known, self.reason):
            self._known, self.reason = state, reason
            self._changed()

    def doubt(self, reason: str) -> None:
        """What was known no longer counts."""
        self.epoch += 1
        if self._known is EndpointState.READY:
            self.learn(EndpointState.VERIFYING, reason)
        self._doubted()

    def answered(self) -> None:
        """A batch was answered."""
        self._breaker.succeeded()

    def failed(self, fault: TritonFault, *, given_ns: int, now_ns: int) -> None:
        """A batch was not, though it had `given_ns` for it."""
        if fault.kind in _LOST:
            self.doubt(str(fault))
        late = fault.kind is FaultKind.LATE and given_ns >= LATE_COUNTS_NS
        if late or fault.kind in _AGAINST_SERVER:
            was_closed = self._breaker.closed
            self._breaker.failed(now_ns)
            if was_closed and not self._breaker.closed:
                self.reason = "it failed calls; its circuit breaker leaves it alone for a while"
                self._changed()
                self._doubted()

    def begin_trial(self, now_ns: int) -> bool:
        """Say whether a small batch shall be sent now; whoever hears True must report its end."""
        resting = self.state is EndpointState.RESTING
        return resting and self._breaker.begin_probe(now_ns)

    def end_trial(self, now_ns: int, *, well: bool) -> None:
        """Report how it ended."""
        self._breaker.probed(now_ns, well=well)
        if well:
            self.reason = ""
            self._changed()
