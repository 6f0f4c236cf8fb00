"""Foreign exceptions, translated once. The table's order matters: the narrower class first."""

from __future__ import annotations

from redis import exceptions

from ctr_service.remote.base import FailureKind

_KINDS: tuple[tuple[type[BaseException], FailureKind], ...] = (
    (exceptions.AuthenticationError, FailureKind.AUTH),
    (exceptions.AuthorizationError, FailureKind.AUTH),
    (exceptions.NoPermissionError, FailureKind.AUTH),
    (exceptions.ReadOnlyError, FailureKind.READ_ONLY),
    (exceptions.OutOfMemoryError, FailureKind.OUT_OF_MEMORY),
    (exceptions.BusyLoadingError, FailureKind.UNREADY),
    (exceptions.ClusterDownError, FailureKind.UNREADY),
    (exceptions.MasterDownError, FailureKind.UNREADY),
    (exceptions.TryAgainError, FailureKind.UNREADY),
    (exceptions.InvalidResponse, FailureKind.GARBLED),
    (exceptions.TimeoutError, FailureKind.TIMEOUT),
    (TimeoutError, FailureKind.TIMEOUT),
    (exceptions.ResponseError, FailureKind.REFUSED),
    (exceptions.ConnectionError, FailureKind.CONNECT),
    (OSError, FailureKind.CONNECT),
    (EOFError, FailureKind.CONNECT),
)


def kind_of(error: BaseException) -> FailureKind:
    """Return the kind of a failure; what is no error of the server breaks the protocol."""
    return next((kind for cls, kind in _KINDS if isinstance(error, cls)), FailureKind.GARBLED)
