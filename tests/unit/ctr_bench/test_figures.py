"""Statistics of runs whose figures can be counted by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from ctr_bench.figures import defects, figures_of, median_and_spread, percentile_ms
from ctr_bench.record import NOT_SENT, RESOURCE_EXHAUSTED
from tests.support.load_records import answered, failed, records

if TYPE_CHECKING:
    from ctr_bench.record import Row

SLO_MS = 100.0


def thousand_rows(slow: int, slow_ms: float = 150.0) -> list[Row]:
    """1,000 requests over 10 s, `slow` of them late."""
    return [answered(10 * (i + 1), slow_ms if i < slow else 20.0) for i in range(1_000)]


def test_goodput_counts_pairs_within_the_slo() -> None:
    """1,000 requests of 16 items in 10 s, 10 of them late: 1,584 pairs/s of 1,600 offered."""
    figures = figures_of(records(*thousand_rows(slow=10)), SLO_MS)
    assert figures.offered_pairs_s == pytest.approx(1_600)
    assert figures.goodput_pairs_s == pytest.approx(1_584)
    assert figures.good_share == 1.0


@pytest.mark.parametrize(("slow", "holds"), [(9, True), (11, False)])
def test_a_rate_holds_while_one_in_a_hundred_is_late(slow: int, *, holds: bool) -> None:
    """p99 keeps the SLO with 0.9 % late requests and breaks it with 1.1 %."""
    assert figures_of(records(*thousand_rows(slow)), SLO_MS).holds(SLO_MS) is holds


@pytest.mark.parametrize(("refused", "holds"), [(1, True), (2, False)])
def test_a_fast_refusal_is_no_success(refused: int, *, holds: bool) -> None:
    """At most 0.1 % may be refused, however fast the refusals are."""
    rows = [answered(10 * (i + 1), 20.0) for i in range(1_000)]
    rows[:refused] = [failed(10, 0.1, RESOURCE_EXHAUSTED)] * refused
    figures = figures_of(records(*rows), SLO_MS)
    assert figures.holds(SLO_MS) is holds
    assert figures.p50_ms == 20.0


def test_many_refusals_make_p99_endless() -> None:
    """With 2 % refused, p99 over all requests is infinite: shedding does not look good."""
    rows = [answered(10, 20.0)] * 98 + [failed(10, 0.1, RESOURCE_EXHAUSTED)] * 2
    assert math.isinf(figures_of(records(*rows), SLO_MS).p99_ms)


def test_a_degraded_answer_is_no_goodput() -> None:
    """An answer with one item that fell back counts for nothing."""
    figures = figures_of(records(answered(500, 5.0), answered(1_000, 5.0, fallback=1)), SLO_MS)
    assert figures.goodput_pairs_s == 16
    assert figures.good_share == 0.5


def test_a_generator_that_lagged_makes_the_run_invalid() -> None:
    """When the generator itself was late by more than a tenth of the SLO, nothing holds."""
    on_time = records(*(answered(i + 1, 20.0, lag_ms=9.0) for i in range(100)))
    late = records(*(answered(i + 1, 20.0, lag_ms=11.0) for i in range(100)))
    assert figures_of(on_time, SLO_MS).holds(SLO_MS)
    assert not figures_of(late, SLO_MS).holds(SLO_MS)
    assert not figures_of(late, SLO_MS).valid


def test_latency_runs_from_the_scheduled_time() -> None:
    """A request sent 9 ms late and answered 20 ms after it was due took 20 ms, not 11."""
    assert records(answered(10, 20.0, lag_ms=9.0)).latency_ms.tolist() == [20.0]


def test_an_error_that_no_load_explains_is_told_from_a_refusal() -> None:
    """INTERNAL and INVALID_ARGUMENT are defects; refusals and unsent requests are not."""
    rows = [failed(1, 1, code) for code in (3, 13, RESOURCE_EXHAUSTED, 4, 14, NOT_SENT)]
    assert defects(records(*rows)) == 2


def test_a_percentile_is_a_value_that_was_measured() -> None:
    """It is the value at its rank rounded up, and of nothing it is NaN."""
    assert percentile_ms(records(*(answered(1, ms) for ms in (1, 2, 3, 4))).latency_ms, 50) == 3
    assert math.isnan(percentile_ms(records(answered(1, 1)).latency_ms[:0], 50))


def test_the_spread_is_the_least_and_the_greatest() -> None:
    """Of 3, 1, 2 the median is 2 and the spread 1 to 3."""
    assert median_and_spread([3, 1, 2]) == (2, (1, 3))
