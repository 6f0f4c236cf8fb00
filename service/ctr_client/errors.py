"""Failed calls as typed exceptions: gRPC's code, the server's reason, and what to do.

RequestRefusedError   the same request would fail again      INVALID_ARGUMENT, too large
ModelNotFoundError    another model serves                   NOT_FOUND
AccessError           the token is missing, unknown or short UNAUTHENTICATED, PERMISSION_DENIED
DeadlineError         no answer in time                      DEADLINE_EXCEEDED
OverloadedError       come back after `retry_after_s`        RESOURCE_EXHAUSTED
UnavailableError      nobody answers, starting or stopping   UNAVAILABLE, CANCELLED
ServerFailedError     a defect of the server                 INTERNAL and the rest
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    Trailing: TypeAlias = Iterable[tuple[str, str | bytes]]

DETAILS_KEY = "grpc-status-details-bin"
BUSY = frozenset({"OVERLOADED", "CALLER_LIMIT"})


@dataclass(frozen=True, slots=True)
class Details:
    """What the server attached to a failure.

    Attributes:
        reason: a name of `ctr.v1.ErrorReason` without its prefix; empty when gRPC itself failed.
        metadata: "field", "limit", "size" where they apply.
        retry_after_s: when to come back; None when the server does not say.
    """

    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None


class PredictionError(Exception):
    """A call failed.

    Attributes:
        code: gRPC's code.
        details: what the server attached.
    """

    def __init__(self, message: str, *, code: grpc.StatusCode, details: Details) -> None:
        super().__init__(message)
        self.code = code
        self.details = details

    @property
    def reason(self) -> str:
        """The server's reason, or an empty text."""
        return self.details.reason


class RequestRefusedError(PredictionError):
    """The request breaks a limit or a type; it would fail again unchanged."""


class ModelNotFoundError(PredictionError):
    """The server serves another model than the one asked for."""


class AccessError(PredictionError):
    """The server asks for a token and did not get a good one, or the caller may not do this."""


class DeadlineError(PredictionError):
    """No answer came in time."""


class OverloadedError(PredictionError):
    """The server has more work than it can finish, or this caller more than it may have.

    See `details.retry_after_s`.
    """


class UnavailableError(PredictionError):
    """Nobody answers at the target, or the server is starting or stopping."""


class ServerFailedError(PredictionError):
    """The server failed on this request."""


_KINDS: Mapping[grpc.StatusCode, type[PredictionError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: RequestRefusedError,
    grpc.StatusCode.NOT_FOUND: ModelNotFoundError,
    grpc.StatusCode.UNAUTHENTICATED: AccessError,
    grpc.StatusCode.PERMISSION_DENIED: AccessError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    # Our callers cannot cancel, so it was the server's stop (see `options`).
    grpc.StatusCode.CANCELLED: UnavailableError,
}


def error_of(
    code: grpc.StatusCode, message: str | None, trailing: Trailing | None
) -> PredictionError:
    """Translate the end of a failed call."""
    details = details_of(trailing or ())
    kind = _KINDS.get(code, ServerFailedError)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        # Without our reason it is gRPC's own: a message over the size limit.
        kind = OverloadedError if details.reason in BUSY else RequestRefusedError
    return kind(message or code.name, code=code, details=details)


def details_of(trailing: Trailing) -> Details:
    """Decode `grpc-status-details-bin`; empty details where there are none."""
    for key, value in trailing:
        if key == DETAILS_KEY and isinstance(value, bytes):
            return _decode(value)
    return Details()


def _decode(value: bytes) -> Details:
    status = status_pb2.Status()
    try:
        status.ParseFromString(value)
    except DecodeError:
        return Details()
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    retry_after_s: float | None = None
    for packed in status.details:
        if packed.Is(info.DESCRIPTOR):
            packed.Unpack(info)
        elif packed.Is(retry.DESCRIPTOR):
            packed.Unpack(retry)
            retry_after_s = retry.retry_delay.ToNanoseconds() / 1e9
    return Details(info.reason, dict(info.metadata), retry_after_s)
