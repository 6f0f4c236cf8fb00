"""Sentences for broken limits: each names the field, the limit and the size; never the value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.errors import Reason, RequestInvalidError

if TYPE_CHECKING:
    from ctr_service.limits import Limits

_WIRE_PATHS = {"user": "user.features", "context": "context_features"}


def malformed(size_bytes: int) -> RequestInvalidError:
    """The bytes are no message of the expected type, or a text in them is no valid UTF-8."""
    return RequestInvalidError(
        f"the {size_bytes} bytes sent are no valid request message "
        "(wrong message type, cut short, or a text that is not UTF-8)",
        metadata={"size": str(size_bytes)},
    )


def no_candidates() -> RequestInvalidError:
    """The list is empty."""
    return RequestInvalidError(
        "candidates is empty; send at least 1",
        reason=Reason.NO_CANDIDATES,
        metadata={"field": "candidates", "limit": "1", "size": "0"},
    )


def too_many_candidates(limit: int, size: int) -> RequestInvalidError:
    """The list is longer than the limit."""
    return RequestInvalidError(
        f"candidates holds {size} items; the limit is {limit}; send the best-ranked ones",
        reason=Reason.TOO_MANY_CANDIDATES,
        metadata={"field": "candidates", "limit": str(limit), "size": str(size)},
    )


def text_too_long(field: str, limit: int, size: int) -> RequestInvalidError:
    """A query, title or feature has more characters than its limit."""
    return RequestInvalidError(
        f"{field} has {size} characters; the limit is {limit}; cut it",
        reason=Reason.TEXT_TOO_LONG,
        metadata={"field": field, "limit": str(limit), "size": str(size)},
    )


def id_too_long(field: str, limit: int, size: int) -> RequestInvalidError:
    """An identifier has more characters than its limit."""
    return RequestInvalidError(
        f"{field} has {size} characters; the limit of an identifier is {limit}",
        reason=Reason.ID_TOO_LONG,
        metadata={"field": field, "limit": str(limit), "size": str(size)},
    )


def check_id(field: str, value: str, limits: Limits) -> None:
    """Check the length of an identifier.

    Raises:
        RequestInvalidError: ID_TOO_LONG.
    """
    if len(value) > limits.id_characters:
        raise id_too_long(field, limits.id_characters, len(value))


def too_many_features(field: str, limit: int, size: int) -> RequestInvalidError:
    """An entity has more features, or a feature more texts, than the limit."""
    return RequestInvalidError(
        f"{field} holds {size} values; the limit is {limit}",
        reason=Reason.TOO_MANY_FEATURES,
        metadata={"field": field, "limit": str(limit), "size": str(size)},
    )


def not_finite(field: str) -> RequestInvalidError:
    """A number is NaN or infinite."""
    return RequestInvalidError(
        f"{field} is not a finite number; leave the feature out when its value is unknown",
        reason=Reason.NUMBER_NOT_FINITE,
        metadata={"field": field},
    )


def empty_item_id(field: str) -> RequestInvalidError:
    """An item has no id."""
    return RequestInvalidError(
        f"{field} is empty; every candidate needs an id",
        reason=Reason.EMPTY_ITEM_ID,
        metadata={"field": field},
    )


def no_feature_store(field: str) -> RequestInvalidError:
    """An item comes by id alone, and there is nothing to look it up in."""
    return RequestInvalidError(
        f"{field} is empty and there are no features; send them, or give the server a feature "
        "store",
        reason=Reason.NO_FEATURE_STORE,
        metadata={"field": field},
    )


def duplicate_item_id(field: str) -> RequestInvalidError:
    """An earlier candidate has the same id."""
    return RequestInvalidError(
        f"{field} repeats the id of an earlier candidate; the earlier one stands",
        reason=Reason.DUPLICATE_ITEM_ID,
        metadata={"field": field},
    )


def prior_out_of_range(field: str) -> RequestInvalidError:
    """The caller's own estimate is no probability."""
    return RequestInvalidError(
        f"{field} must lie in [0, 1]",
        reason=Reason.PRIOR_OUT_OF_RANGE,
        metadata={"field": field, "limit": "[0, 1]"},
    )


def at_wire_path(error: RequestInvalidError) -> RequestInvalidError:
    """Name a feature as the wire does: the renderer knows it as `user.age`.

    Args:
        error: raised by the predictor, so its field is a known feature's qualified name.
    """
    entity, _, name = error.metadata.get("field", "").partition(".")
    path = _WIRE_PATHS.get(entity)
    if path is None:
        return error
    return RequestInvalidError(
        str(error), reason=error.reason, metadata={**error.metadata, "field": f"{path}[{name}]"}
    )
