"""The one table from domain errors to gRPC codes, and the rich status that carries them.

A failed call carries `google.rpc.Status` in the trailing metadata `grpc-status-details-bin`: an
ErrorInfo always, a RetryInfo (and the gRPC retry pushback) when the caller may come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from ctr_service.errors import (
    BackendFailedError,
    CtrError,
    DeadlineExceededError,
    ModelNotFoundError,
    NotServingError,
    OverloadedError,
    PermissionDeniedError,
    Reason,
    RequestInvalidError,
    UnauthenticatedError,
)

if TYPE_CHECKING:
    from google.protobuf.message import Message

DOMAIN = "ctr-serve"
"""ErrorInfo.domain of every error of this service."""
DETAILS_KEY = "grpc-status-details-bin"
PUSHBACK_KEY = "grpc-retry-pushback-ms"
NS_PER_MS = 1_000_000

CODES: tuple[tuple[type[CtrError], grpc.StatusCode], ...] = (
    (RequestInvalidError, grpc.StatusCode.INVALID_ARGUMENT),
    (ModelNotFoundError, grpc.StatusCode.NOT_FOUND),
    (UnauthenticatedError, grpc.StatusCode.UNAUTHENTICATED),
    (PermissionDeniedError, grpc.StatusCode.PERMISSION_DENIED),
    (DeadlineExceededError, grpc.StatusCode.DEADLINE_EXCEEDED),
    (OverloadedError, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (BackendFailedError, grpc.StatusCode.UNAVAILABLE),
    (NotServingError, grpc.StatusCode.UNAVAILABLE),
)
"""Everything that is not here is a defect of the server: INTERNAL."""

_INTERNAL_MESSAGE = "the server failed on this request; its log has the cause under the request id"


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a call ends that failed."""

    code: grpc.StatusCode
    reason: Reason
    message: str
    trailing_metadata: tuple[tuple[str, str | bytes], ...]

    @property
    def is_defect(self) -> bool:
        """Say whether the server itself is at fault."""
        return self.code is grpc.StatusCode.INTERNAL


def refusal_of(error: Exception) -> Refusal:
    """Translate an error. An unknown one tells the caller nothing of its text."""
    for kind, code in CODES:
        if isinstance(error, kind):
            return _refusal(code, error.reason, str(error), error.metadata, _retry_after_ns(error))
    return _refusal(grpc.StatusCode.INTERNAL, Reason.INTERNAL, _INTERNAL_MESSAGE, {}, None)


def _retry_after_ns(error: CtrError) -> int | None:
    return error.retry_after_ns if isinstance(error, OverloadedError) else None


def _refusal(
    code: grpc.StatusCode,
    reason: Reason,
    message: str,
    metadata: dict[str, str],
    retry_after_ns: int | None,
) -> Refusal:
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=reason.name, domain=DOMAIN, metadata=metadata)
    ]
    trailing: list[tuple[str, str | bytes]] = []
    if retry_after_ns is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(retry_after_ns)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        trailing.append((PUSHBACK_KEY, str(-(-retry_after_ns // NS_PER_MS))))
    status = status_pb2.Status(
        code=code.value[0], message=message, details=[_packed(detail) for detail in details]
    )
    trailing.append((DETAILS_KEY, status.SerializeToString()))
    return Refusal(code, reason, message, tuple(trailing))


def _packed(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
