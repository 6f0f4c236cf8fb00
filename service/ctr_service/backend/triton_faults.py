"""What may go wrong with a call to Triton: the one place that reads its gRPC codes and sentences.

Triton 2.51 says UNAVAILABLE for a full queue, for a request that waited too long in it and for a
connection that broke: only the sentence tells them apart (tried on the real server).
"""

from __future__ import annotations

import enum

import grpc

from ctr_service.errors import (
    BackendBusyError,
    BackendFailedError,
    CtrError,
    DeadlineExceededError,
)
from ctr_service.limits import NS_PER_S

BUSY_RETRY_NS = NS_PER_S // 20
"""What a caller is told to wait when Triton's queue is full. Triton does not say how long; a queue
of some batches of tens of milliseconds has moved on by then."""


class FaultKind(enum.Enum):
    """Kinds of faults; the values are metric labels."""

    LATE = "late"
    """No answer by the deadline."""
    EXPIRED = "expired"
    """Triton's own timeout: it waited in Triton's queue until its deadline, and never ran."""
    QUEUE_FULL = "queue_full"
    """Triton's queue holds `max_queue_size` requests."""
    UNREACHABLE = "unreachable"
    """No connection, or it broke while the batch ran."""
    MOVED = "moved"
    """The connection changed while the batch ran: who answered is not known to serve this graph."""
    MODEL_GONE = "model_gone"
    """The server answers, but the model, or this version of it, is not loaded."""
    REFUSED = "refused"
    """The server refuses the request as it is: wrong shape, too many rows, no permission."""
    FAILED = "failed"
    """The model failed the batch."""
    GARBLED = "garbled"
    """The answer is not what was asked for."""


ELSEWHERE = frozenset(
    {
        FaultKind.QUEUE_FULL,
        FaultKind.UNREACHABLE,
        FaultKind.MOVED,
        FaultKind.MODEL_GONE,
        FaultKind.GARBLED,
    }
)
"""Faults of the endpoint rather than of the batch: another one may answer. Scoring twice harms
nobody; the batch still has one answer."""

_SENTENCES = {
    FaultKind.UNREACHABLE: "the connection to Triton failed",
    FaultKind.MOVED: "the connection to Triton changed while the batch ran",
    FaultKind.MODEL_GONE: "Triton does not have the model loaded",
    FaultKind.REFUSED: "Triton refused the batch as it is",
    FaultKind.FAILED: "the model failed the batch inside Triton",
    FaultKind.GARBLED: "Triton's answer was not what was asked for",
}


class TritonFault(Exception):  # noqa: N818 -- a fault of a call; errors are what callers see
    """A call failed. Its text may be logged: it comes from Triton's core, not from the request.

    Attributes:
        kind: what went wrong.
    """

    def __init__(self, kind: FaultKind, detail: str = "") -> None:
        super().__init__(detail or kind.value)
        self.kind = kind

    def error(self) -> CtrError:
        """Return the domain error that the batcher gets."""
        if self.kind is FaultKind.LATE:
            return DeadlineExceededError("Triton did not answer by the deadline")
        if self.kind is FaultKind.EXPIRED:
            return DeadlineExceededError("the deadline passed while the batch waited in Triton")
        if self.kind is FaultKind.QUEUE_FULL:
            return BackendBusyError(
                "the model server's queue is full; retry later or on another server",
                retry_after_ns=BUSY_RETRY_NS,
                metadata={"field": "triton_queue"},
            )
        return BackendFailedError(_SENTENCES[self.kind])


_BY_CODE = {
    grpc.StatusCode.DEADLINE_EXCEEDED: FaultKind.LATE,
    grpc.StatusCode.NOT_FOUND: FaultKind.MODEL_GONE,
    grpc.StatusCode.CANCELLED: FaultKind.UNREACHABLE,
    grpc.StatusCode.INVALID_ARGUMENT: FaultKind.REFUSED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: FaultKind.REFUSED,
    grpc.StatusCode.UNAUTHENTICATED: FaultKind.REFUSED,
    grpc.StatusCode.PERMISSION_DENIED: FaultKind.REFUSED,
}
_UNAVAILABLE = (
    ("Exceeds maximum queue size", FaultKind.QUEUE_FULL),
    ("timeout expired", FaultKind.EXPIRED),
    ("has no available versions", FaultKind.MODEL_GONE),
    ("is not ready", FaultKind.MODEL_GONE),
    ("unknown model", FaultKind.MODEL_GONE),
)


def fault_of(error: grpc.aio.AioRpcError) -> TritonFault:
    """Translate what the gRPC library raised."""
    code, detail = error.code(), error.details() or ""
    kind = _BY_CODE.get(code, FaultKind.FAILED)
    if code is grpc.StatusCode.UNAVAILABLE:
        known = (kind for words, kind in _UNAVAILABLE if words in detail)
        kind = next(known, FaultKind.UNREACHABLE)
    return TritonFault(kind, f"{code.name}: {detail[:200]}")
