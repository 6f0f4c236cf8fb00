"""Domain errors, and how they flow.

    edge        raises UnauthenticatedError, PermissionDeniedError  (before anything is decoded)
                raises CallerLimitError                             (the caller's own limits)
    servicer    raises RequestInvalidError, ModelNotFoundError      (before anything is queued)
    predictor   raises DeadlineExceededError                        (nothing is ready in time)
    batcher     raises OverloadedError                              (refused before it queues)
                gives a row BackendFailedError, DeadlineExceededError
    backend     raises BackendFailedError for a batch; the batcher retries rows alone
                raises BackendBusyError when its own queue is full  (refused, never retried here)
    lifecycle   raises NotServingError while warming up or draining
    bundle      raises BundleError when files do not match their manifest
    sessions    raise EngineUnavailableError when a graph's engine cannot run here
    settings    raises SettingsError when a flag, variable or file is wrong
    supervisor  raises WorkerFailedError when its workers do not come to serve

`server/status.py` holds the one table from these to gRPC codes. Messages name the field, the limit
and the size; never the value of user data.
"""

from __future__ import annotations

import enum


class Reason(enum.Enum):
    """Machine-readable reasons; names equal the wire's ErrorReason (asserted by a test)."""

    MALFORMED_REQUEST = enum.auto()
    NO_CANDIDATES = enum.auto()
    TOO_MANY_CANDIDATES = enum.auto()
    TEXT_TOO_LONG = enum.auto()
    TOO_MANY_FEATURES = enum.auto()
    FEATURE_TYPE_MISMATCH = enum.auto()
    NUMBER_NOT_FINITE = enum.auto()
    EMPTY_ITEM_ID = enum.auto()
    DUPLICATE_ITEM_ID = enum.auto()
    PRIOR_OUT_OF_RANGE = enum.auto()
    MODEL_NOT_FOUND = enum.auto()
    DEADLINE_EXCEEDED = enum.auto()
    OVERLOADED = enum.auto()
    BACKEND_FAILED = enum.auto()
    NOT_SERVING = enum.auto()
    INTERNAL = enum.auto()
    ID_TOO_LONG = enum.auto()
    NO_FEATURE_STORE = enum.auto()
    ITEM_NOT_FOUND = enum.auto()
    UNAUTHENTICATED = enum.auto()
    PERMISSION_DENIED = enum.auto()
    CALLER_LIMIT = enum.auto()


class CtrError(Exception):
    """Base of every domain error.

    Attributes:
        reason: the machine-readable reason.
        metadata: "field", "limit", "size" where they apply; goes into ErrorInfo.
    """

    reason = Reason.INTERNAL

    def __init__(
        self, message: str, *, reason: Reason | None = None, metadata: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason or type(self).reason
        self.metadata = metadata or {}


class RequestInvalidError(CtrError):
    """The request breaks a limit or a type; it would fail again unchanged."""

    reason = Reason.MALFORMED_REQUEST


class ModelNotFoundError(CtrError):
    """The caller asked for a model that this server does not serve."""

    reason = Reason.MODEL_NOT_FOUND


class DeadlineExceededError(CtrError):
    """The deadline passed before an answer was ready."""

    reason = Reason.DEADLINE_EXCEEDED


class OverloadedError(CtrError):
    """The work cannot finish before its deadline, so it is not queued."""

    reason = Reason.OVERLOADED

    def __init__(
        self, message: str, *, retry_after_ns: int, metadata: dict[str, str] | None = None
    ) -> None:
        super().__init__(message, metadata=metadata)
        self.retry_after_ns = retry_after_ns


class CallerLimitError(OverloadedError):
    """The caller is at a limit of its own, however idle the server is; answered like overload."""

    reason = Reason.CALLER_LIMIT


class BackendBusyError(OverloadedError):
    """The backend's own queue is full: nothing ran, and rows alone would only fill it further."""


class UnauthenticatedError(CtrError):
    """The call carries no token, or one that this server does not know."""

    reason = Reason.UNAUTHENTICATED


class PermissionDeniedError(CtrError):
    """The caller is known, but disabled or not allowed this method."""

    reason = Reason.PERMISSION_DENIED


class BackendFailedError(CtrError):
    """The backend failed a batch or a row."""

    reason = Reason.BACKEND_FAILED


class NotServingError(CtrError):
    """The server is warming up or draining."""

    reason = Reason.NOT_SERVING


class BundleError(CtrError):
    """A bundle is absent, incomplete, tampered with or of a newer schema."""


class EngineUnavailableError(BundleError):
    """A graph is whole, but its engine is not installed, or this CPU cannot run it."""


class SettingsError(CtrError):
    """A flag, an environment variable or a settings file is wrong."""


class WorkerFailedError(CtrError):
    """A worker process does not come to serve, or does not stop."""
