"""The contract of a cache outside the process, and what it tells telemetry.

What blocks: `get_many` waits for the network, until its deadline at the latest. What raises:
nothing but `CancelledError`; a cache that is down, slow or wrong is one that misses. What survives
a caller's cancellation: the exchange with the server, so that no connection is left half read.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.breaker import BreakerState


class Unanswered(enum.Enum):
    """The type of `UNANSWERED`."""

    UNANSWERED = enum.auto()


UNANSWERED: Final = Unanswered.UNANSWERED
"""The server said nothing (usable) about a key: neither that it has it nor that it has it not."""

Read: TypeAlias = bytes | Unanswered | None
"""What is known of one key: its value, that there is none, or nothing."""


class RemoteCache(Protocol):
    """A cache for whom a miss and a failure are the same."""

    async def get_many(self, keys: Sequence[bytes], *, deadline_ns: int) -> list[bytes | None]:
        """Return one value a key, in order; None for a miss.

        Args:
            keys: without the layer's prefix.
            deadline_ns: absolute on the injected clock; the cache's own limit applies too.
        """
        ...

    def put_soon(self, items: Sequence[tuple[bytes, bytes]], *, ttl_s: float) -> None:
        """Hand (key, value) pairs to the background writer; it drops what it cannot take."""
        ...

    async def close(self) -> None:
        """Take and give nothing any more. May be called twice."""
        ...


class RemoteReader(Protocol):
    """A cache whose reader must tell a miss from a failure."""

    async def read(self, keys: Sequence[bytes], *, deadline_ns: int) -> list[Read]:
        """Return what is known of each key, in order.

        The last key is read last: when it was answered, and it lies on the same server, so were
        all before it, at an earlier or the same time.
        """
        ...


class Side(enum.Enum):
    """Reads and writes fail apart: a full or read-only server still answers reads."""

    READ = "read"
    WRITE = "write"


class FailureKind(enum.Enum):
    """Why an exchange with the server failed."""

    CONNECT = "connect"
    """Refused, unreachable, closed by the other side, or no TLS."""
    TIMEOUT = "timeout"
    """No answer within the deadline."""
    BUSY = "busy"
    """Too many exchanges wait for a connection already."""
    AUTH = "auth"
    """User, password or permission refused."""
    READ_ONLY = "read_only"
    """A replica was asked to write."""
    OUT_OF_MEMORY = "out_of_memory"
    """The server is at its memory limit and evicts nothing."""
    UNREADY = "unready"
    """The server loads its data, or a cluster has a hole."""
    REFUSED = "refused"
    """Another error that the server names."""
    GARBLED = "garbled"
    """The answer breaks the protocol."""


class DropCause(enum.Enum):
    """Why values were not written."""

    FULL = "full"
    BREAKER_OPEN = "breaker_open"
    FAILED = "failed"
    CLOSED = "closed"


class RemoteObserver(Protocol):
    """Receives what happens. Called on the event loop: returns at once and does not raise."""

    def remote_read(
        self, layer: str, *, hits: int, misses: int, unanswered: int, seconds: float
    ) -> None:
        """Keys were asked for; `seconds` is the caller's wait."""
        ...

    def remote_corrupt(self, layer: str, values: int) -> None:
        """Values were garbage or another key's; they count as unanswered too."""
        ...

    def remote_failed(self, side: Side, kind: FailureKind) -> None:
        """An exchange with the server failed."""
        ...

    def remote_breaker(self, side: Side, state: BreakerState) -> None:
        """A breaker changed its state."""
        ...

    def remote_written(self, values: int) -> None:
        """The server took values."""
        ...

    def remote_dropped(self, values: int, cause: DropCause) -> None:
        """Values will never be written."""
        ...


class NullRemoteObserver:
    """Hears everything and keeps nothing."""

    def remote_read(
        self, layer: str, *, hits: int, misses: int, unanswered: int, seconds: float
    ) -> None:
        """Ignore it."""

    def remote_corrupt(self, layer: str, values: int) -> None:
        """Ignore it."""

    def remote_failed(self, side: Side, kind: FailureKind) -> None:
        """Ignore it."""

    def remote_breaker(self, side: Side, state: BreakerState) -> None:
        """Ignore it."""

    def remote_written(self, values: int) -> None:
        """Ignore it."""

    def remote_dropped(self, values: int, cause: DropCause) -> None:
        """Ignore it."""
