"""What the generator's loops know of a protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ctr_bench.answers import Counts


class Sender(Protocol):
    """One connection to one server. Belongs to one event loop."""

    async def ask(self, message: bytes, deadline_s: float) -> tuple[int, bytes]:
        """Send one request and wait for its answer.

        Returns:
            gRPC's code (a protocol without such codes maps its own to them), and the answer's
            bytes; none where the code is not OK.
        """
        ...

    def count(self, answer: bytes) -> Counts:
        """Count the items of an answer by status.

        Raises:
            ValueError, google.protobuf.message.DecodeError: the bytes are no answer.
        """
        ...
