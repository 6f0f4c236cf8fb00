"""Who calls: a name, and what it may use. State lives as long as the process, whatever is reloaded.

Belongs to one event loop. The limits hold for each worker process by itself.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ctr_service.errors import CallerLimitError, OverloadedError
from ctr_service.limits import NS_PER_S
from ctr_service.server.caller_limits import CallerLimits
from ctr_service.token_bucket import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_service.clock import Clock

CROWDED_RETRY_NS = 50_000_000
"""What a caller with too many lists at once is told to wait: a typical answer's time."""
FIRST_TOKENS_A_PAIR = 32.0
"""Charged for a pair until the caller's own mean is known."""
LEARNING_RATE = 0.1


class Caller:
    """One caller. Counts its lists, and charges them to its rate."""

    def __init__(self, name: str, clock: Clock, limits: CallerLimits | None = None) -> None:
        """Take the name; it may be logged and be a label, so it comes from the operator's file."""
        self.name = name
        self.lists = 0
        self._clock = clock
        self._bucket: TokenBucket | None = None
        self._limits = CallerLimits()
        self._tokens_a_pair = FIRST_TOKENS_A_PAIR
        self.limit(limits or CallerLimits())

    def limit(self, limits: CallerLimits) -> None:
        """Change the limits; lists in progress go on, and an unchanged rate keeps its debt."""
        if limits.tokens_per_second != self._limits.tokens_per_second:
            rate = limits.tokens_per_second
            self._bucket = None if rate is None else TokenBucket(rate, self._clock)
        self._limits = limits

    @contextlib.contextmanager
    def list(self) -> Iterator[Bill]:
        """Score one list for the length of the context.

        A list that the server was too busy to queue costs nothing; one that failed later costs
        what was expected of it.

        Raises:
            CallerLimitError: the caller is at one of its limits.
        """
        self._check()
        self.lists += 1
        bill = Bill(self)
        try:
            yield bill
        except OverloadedError:
            bill.cancel()
            raise
        finally:
            self.lists -= 1

    def _check(self) -> None:
        limit = self._limits.concurrent_lists
        if limit is not None and self.lists >= limit:
            raise CallerLimitError(
                f"this caller has {self.lists} lists in progress, which is its limit "
                "concurrent_lists; wait for one, or ask the operator for more",
                retry_after_ns=CROWDED_RETRY_NS,
                metadata={"field": "concurrent_lists", "limit": str(limit)},
            )
        wait_ns = 0 if self._bucket is None else self._bucket.wait_ns()
        if wait_ns:
            rate = self._limits.tokens_per_second
            raise CallerLimitError(
                f"this caller used up its {rate} tokens_per_second; come back in "
                f"{wait_ns / NS_PER_S:.3f} s, or ask the operator for more",
                retry_after_ns=wait_ns,
                metadata={"field": "tokens_per_second", "limit": str(rate)},
            )

    def expected_tokens(self, pairs: int) -> float:
        """Return what a list of `pairs` candidates likely costs this caller."""
        return pairs * self._tokens_a_pair

    def learn(self, pairs: int, tokens: int) -> None:
        """Remember what a list really cost."""
        self._tokens_a_pair += LEARNING_RATE * (tokens / pairs - self._tokens_a_pair)

    def charge(self, tokens: float) -> None:
        """Charge the rate, or give back when `tokens` is negative."""
        if self._bucket is not None:
            self._bucket.charge(tokens)


class Bill:
    """The cost of one list: expected when it is decoded, corrected when it is answered."""

    __slots__ = ("_caller", "_charged", "_pairs", "tokens")

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._charged = 0.0
        self._pairs = 0
        self.tokens = 0

    def expect(self, pairs: int) -> None:
        """Charge what a list of `pairs` candidates (at least 1) likely costs."""
        self._pairs = pairs
        self._charged = self._caller.expected_tokens(pairs)
        self._caller.charge(self._charged)

    def settle(self, tokens: int) -> None:
        """Correct the charge to the tokens that it really took."""
        self._caller.charge(tokens - self._charged)
        self._charged = float(tokens)
        self.tokens = tokens
        if self._pairs:
            self._caller.learn(self._pairs, tokens)

    def cancel(self) -> None:
        """Give everything back: nothing was done."""
        self._caller.charge(-self._charged)
        self._charged = 0.0
