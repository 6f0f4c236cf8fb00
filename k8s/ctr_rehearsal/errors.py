"""What ends a request of the emulator, and what ends a rehearsal."""

from __future__ import annotations


class RehearsalError(Exception):
    """A part of the rehearsal did not start, answer or stop; the message says what to do."""


class ApiError(Exception):
    """A refusal that the API emulator answers.

    Attributes:
        status: of HTTP.
        reason: as Kubernetes' `metav1.Status` names it, e.g. NotFound.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def not_found(what: str, name: str) -> ApiError:
    """Return the refusal for an object that is not there."""
    return ApiError(404, "NotFound", f'{what} "{name}" not found')


def unsupported(what: str) -> ApiError:
    """Return the refusal for what a cluster does and this emulator does not."""
    return ApiError(501, "NotImplemented", f"the rehearsal's emulator does not support {what}")
