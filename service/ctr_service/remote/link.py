"""What a cache needs of a server: pipelined reads and writes that may fail, and be cancelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ctr_service.remote.base import FailureKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.remote.base import Read


class LinkError(Exception):
    """An exchange with the server failed. Holds no text of the server: that may repeat keys."""

    def __init__(self, kind: FailureKind) -> None:
        super().__init__(kind.value)
        self.kind = kind


def failure_kind(error: Exception) -> FailureKind:
    """Return the kind of whatever a link raised."""
    if isinstance(error, LinkError):
        return error.kind
    return FailureKind.TIMEOUT if isinstance(error, TimeoutError) else FailureKind.GARBLED


@dataclass(frozen=True, slots=True)
class Put:
    """A value to write. `ttl_ms` None keeps it until it is replaced or evicted."""

    key: bytes
    value: bytes
    ttl_ms: int | None


class RemoteLink(Protocol):
    """A server, or several that act as one.

    Every method may be cancelled at any point; the connection in use is then dropped, because an
    answer that nobody read would be taken for the next one's.
    """

    async def read(self, keys: Sequence[bytes], into: list[Read]) -> None:
        """Read values in order; `into` fills up as answers arrive, also before an error.

        Args:
            keys: what to read.
            into: one place a key; a place that stays as it was is a key without an answer.

        Raises:
            LinkError: some keys have no answer.
        """
        ...

    async def write(self, puts: Sequence[Put]) -> None:
        """Write values.

        Raises:
            LinkError: some, perhaps all, were not written.
        """
        ...

    async def delete_prefix(self, prefix: bytes) -> int:
        """Delete every key that begins so, in small steps, and return their number.

        Raises:
            LinkError: some are left.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
