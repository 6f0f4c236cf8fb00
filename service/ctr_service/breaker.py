"""When to stop asking a server, and when to try again: pure decisions on given times.

Failures against a budget of tokens, as gRPC throttles retries (gRFC A6): a failure takes one, a
success gives back a part. The breaker opens when half of them are gone, so a rare failure is
forgiven and a steady share of failures is not. Open, it waits; each wait that ends in a failed
probe doubles the next, with jitter, so that a fleet does not return at one moment.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_service.limits import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Callable


class BreakerState(enum.Enum):
    """Whether the server is asked at all."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """How patient a breaker is.

    Attributes:
        tokens: the budget; it opens at half.
        success_tokens: what a success gives back: 0.5 stands a third of all calls failing.
        first_wait_ns, longest_wait_ns: the first and the longest wait, before jitter.
        jitter: the share of a wait that is random, in [0, 1].
    """

    tokens: float = 10.0
    success_tokens: float = 0.5
    first_wait_ns: int = NS_PER_S // 4
    longest_wait_ns: int = 5 * NS_PER_S
    jitter: float = 0.5


class Breaker:
    """One breaker. Times must not go back; calls come from one event loop."""

    def __init__(self, policy: BreakerPolicy, random: Callable[[], float]) -> None:
        """Take the policy and a source of numbers in [0, 1)."""
        self._policy = policy
        self._random = random
        self._tokens = policy.tokens
        self._failed_probes = 0
        self._retry_at_ns = 0
        self.state = BreakerState.CLOSED

    @property
    def closed(self) -> bool:
        """Whether calls may go through."""
        return self.state is BreakerState.CLOSED

    @property
    def retry_at_ns(self) -> int:
        """When the next probe may go; means something while OPEN alone."""
        return self._retry_at_ns

    def begin_probe(self, now_ns: int) -> bool:
        """Say whether the caller shall probe now; True at most once a wait, and it must report."""
        if self.state is not BreakerState.OPEN or now_ns < self._retry_at_ns:
            return False
        self.state = BreakerState.HALF_OPEN
        return True

    def succeeded(self) -> None:
        """A call went through while CLOSED. A straggler's success opens and closes nothing."""
        if self.state is BreakerState.CLOSED:
            policy = self._policy
            self._tokens = min(policy.tokens, self._tokens + policy.success_tokens)

    def failed(self, now_ns: int) -> None:
        """A call failed. Stragglers that fail while it is not CLOSED change nothing."""
        if self.state is not BreakerState.CLOSED:
            return
        self._tokens -= 1
        if self._tokens <= self._policy.tokens / 2:
            self._open(now_ns)

    def probed(self, now_ns: int, *, well: bool) -> None:
        """Report a probe's end."""
        if self.state is not BreakerState.HALF_OPEN:
            return
        if well:
            self.state = BreakerState.CLOSED
            self._tokens = self._policy.tokens
            self._failed_probes = 0
        else:
            self._failed_probes += 1
            self._open(now_ns)

    def _open(self, now_ns: int) -> None:
        policy = self._policy
        # The exponent is bounded, because 2 ** failures outgrows a float within a day of outage.
        doublings = min(self._failed_probes, 32)
        wait_ns = min(policy.longest_wait_ns, policy.first_wait_ns * 2**doublings)
        self._retry_at_ns = now_ns + round(wait_ns * (1 - policy.jitter * self._random()))
        self.state = BreakerState.OPEN
