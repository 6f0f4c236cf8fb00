"""What stands in for a missing score: an expired one, the caller's prior, the base rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.errors import (
    BackendBusyError,
    BackendFailedError,
    CtrError,
    DeadlineExceededError,
    Reason,
)
from ctr_service.types import ItemError, Prediction, Source, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHY = {
    reason: ItemError(reason, detail)
    for reason, detail in (
        (Reason.DEADLINE_EXCEEDED, "the score was not ready before the deadline"),
        (Reason.OVERLOADED, "the queue could not finish this item before the deadline"),
        (Reason.BACKEND_FAILED, "the model's backend failed this item"),
    )
}


def stand_in(*, stale: float | None, prior: float | None, base_rate: float) -> tuple[float, Source]:
    """Return the best of what there is instead of a score, and what it is.

    Args:
        stale: an expired score of the same content, which says more than a prior.
        prior: the caller's own estimate, on the model's scale.
        base_rate: the last resort.
    """
    if stale is not None:
        return stale, Source.STALE
    if prior is not None:
        return prior, Source.PRIOR
    return base_rate, Source.BASE_RATE


def fall_back(
    item_id: str, error: CtrError, instead: tuple[float, Source], *, defaulted: tuple[str, ...]
) -> Prediction:
    """Return a FALLBACK prediction that says why.

    Args:
        item_id: as it was asked for.
        error: why it has no score.
        instead: of `stand_in`.
        defaulted: names of features whose default was used.
    """
    value, source = instead
    return Prediction(
        item_id,
        Status.FALLBACK,
        click_probability=value,
        source=source,
        defaulted_features=defaulted,
        error=_WHY.get(error.reason, _WHY[Reason.BACKEND_FAILED]),
    )


def error_of_all(
    errors: Sequence[CtrError], *, budget_ns: int, elapsed_ns: int
) -> BackendBusyError | DeadlineExceededError | BackendFailedError:
    """Return the error of a request of which no row was scored.

    Args:
        errors: of its rows. One that the backend's full queue refused makes the whole request
            refused: another server may have room. Else one that came too late makes it late: more
            time might have helped.
        budget_ns: what the request was given.
        elapsed_ns: what it took.
    """
    busy = next((error for error in errors if isinstance(error, BackendBusyError)), None)
    if busy is not None:
        return busy
    if any(error.reason is not Reason.BACKEND_FAILED for error in errors):
        return DeadlineExceededError(
            f"no candidate was scored within {budget_ns // 1_000_000} ms; "
            "allow more time or send fewer candidates",
            metadata={"limit": str(budget_ns), "size": str(elapsed_ns)},
        )
    return BackendFailedError(
        f"the model's backend failed every candidate ({errors[0]}); retry on another server"
    )
