"""The table from errors to status."""

from __future__ import annotations

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2

from ctr_service.errors import (
    BackendFailedError,
    BundleError,
    CallerLimitError,
    CtrError,
    DeadlineExceededError,
    ModelNotFoundError,
    NotServingError,
    OverloadedError,
    PermissionDeniedError,
    Reason,
    RequestInvalidError,
    SettingsError,
    UnauthenticatedError,
)
from ctr_service.server.status import refusal_of
from ctr_service.server.violations import at_wire_path

MESSAGE = "the sentence"


def details(trailing: tuple[tuple[str, str | bytes], ...]) -> status_pb2.Status:
    """The rich status in trailing metadata."""
    raw = dict(trailing)["grpc-status-details-bin"]
    assert isinstance(raw, bytes)
    return status_pb2.Status.FromString(raw)


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (RequestInvalidError(MESSAGE), grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"),
        (ModelNotFoundError(MESSAGE), grpc.StatusCode.NOT_FOUND, "MODEL_NOT_FOUND"),
        (DeadlineExceededError(MESSAGE), grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
        (
            OverloadedError(MESSAGE, retry_after_ns=1),
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "OVERLOADED",
        ),
        (
            CallerLimitError(MESSAGE, retry_after_ns=1),
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "CALLER_LIMIT",
        ),
        (UnauthenticatedError(MESSAGE), grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
        (PermissionDeniedError(MESSAGE), grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
        (BackendFailedError(MESSAGE), grpc.StatusCode.UNAVAILABLE, "BACKEND_FAILED"),
        (NotServingError(MESSAGE), grpc.StatusCode.UNAVAILABLE, "NOT_SERVING"),
    ],
)
def test_each_domain_error_has_its_code(
    error: CtrError, code: grpc.StatusCode, reason: str
) -> None:
    """A domain error becomes its code, its sentence, and an ErrorInfo of our domain."""
    refusal = refusal_of(error)
    status = details(refusal.trailing_metadata)
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (refusal.code, refusal.message) == (code, MESSAGE)
    assert (info.reason, info.domain) == (reason, "ctr-serve")
    assert code_pb2.Code.Name(status.code) == code.name
    assert not refusal.is_defect


def test_the_metadata_of_an_error_reaches_the_caller() -> None:
    """Field, limit and size travel in the ErrorInfo."""
    metadata = {"field": "query", "limit": "256", "size": "300"}
    error = RequestInvalidError(MESSAGE, reason=Reason.TEXT_TOO_LONG, metadata=metadata)
    info = error_details_pb2.ErrorInfo()
    details(refusal_of(error).trailing_metadata).details[0].Unpack(info)
    assert (info.reason, dict(info.metadata)) == ("TEXT_TOO_LONG", metadata)


def test_overload_says_when_to_come_back() -> None:
    """OverloadedError carries RetryInfo and gRPC's pushback, rounded up to milliseconds."""
    refusal = refusal_of(OverloadedError(MESSAGE, retry_after_ns=20_000_001))
    retry = error_details_pb2.RetryInfo()
    assert details(refusal.trailing_metadata).details[1].Unpack(retry)
    assert retry.retry_delay.ToNanoseconds() == 20_000_001
    assert dict(refusal.trailing_metadata)["grpc-retry-pushback-ms"] == "21"


@pytest.mark.parametrize(
    "error",
    [KeyError("canary"), ValueError("canary"), BundleError("canary"), SettingsError("canary")],
)
def test_a_defect_tells_the_caller_nothing_of_its_text(error: Exception) -> None:
    """What is not in the table is INTERNAL, and its text stays here."""
    refusal = refusal_of(error)
    assert refusal.code is grpc.StatusCode.INTERNAL
    assert refusal.is_defect
    assert "canary" not in repr(refusal)


def test_a_renderers_error_names_the_field_as_the_wire_does() -> None:
    """`user.age` of the schema is `user.features[age]` in a request."""
    error = RequestInvalidError("m", metadata={"field": "user.age", "limit": "number"})
    assert at_wire_path(error).metadata == {"field": "user.features[age]", "limit": "number"}
    context = RequestInvalidError("m", metadata={"field": "context.hour"})
    assert at_wire_path(context).metadata == {"field": "context_features[hour]"}
    plain = RequestInvalidError("m", metadata={})
    assert at_wire_path(plain) is plain
