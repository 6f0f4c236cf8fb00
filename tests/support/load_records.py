"""Records of a load run, made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.record import OK, Row, records_of

if TYPE_CHECKING:
    from ctr_bench.record import Records

NS_PER_MS = 1_000_000
ITEMS = 16


def answered(at_ms: float, latency_ms: float, *, lag_ms: float = 0.0, fallback: int = 0) -> Row:
    """A request due at a time and answered so much later, `fallback` of its items unscored."""
    scheduled_ns = round(at_ms * NS_PER_MS)
    return Row(
        scheduled_ns=scheduled_ns,
        sent_ns=scheduled_ns + round(lag_ms * NS_PER_MS),
        done_ns=scheduled_ns + round(latency_ms * NS_PER_MS),
        code=OK,
        candidates=ITEMS,
        scored=ITEMS - fallback,
        fallback=fallback,
        invalid=0,
        cached=0,
    )


def failed(at_ms: float, latency_ms: float, code: int) -> Row:
    """A request that ended with an error."""
    return answered(at_ms, latency_ms)._replace(code=code, scored=0)


def records(*rows: Row) -> Records:
    """Put rows into columns."""
    return records_of(rows)
