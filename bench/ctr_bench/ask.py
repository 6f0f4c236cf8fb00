"""One request, outside of any load run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from ctr_bench.protocols import PREDICT

if TYPE_CHECKING:
    from collections.abc import Iterable

DEADLINE_S = 5.0


def ask(target: str, messages: Iterable[bytes]) -> list[bytes]:
    """Send requests one after the other and return the answers' bytes.

    Raises:
        grpc.RpcError: a call failed.
    """
    with grpc.insecure_channel(target) as channel:
        method = channel.unary_unary(PREDICT, None, None)
        return [method(message, timeout=DEADLINE_S) for message in messages]
