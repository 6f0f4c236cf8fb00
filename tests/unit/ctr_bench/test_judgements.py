"""What overload and soak conclude from what they saw."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ctr_bench.figures import accepted_p99_ms, goodput_before_the_end_pairs_s
from ctr_bench.record import DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED
from ctr_bench.soak import Segment, judge
from tests.support.load_records import answered, failed, records

CALM = Segment(requests=100, failed=0, p50_ms=10.0, p99_ms=30.0, rss_bytes=100_000_000)


def test_goodput_under_overload_leaves_out_what_came_after_the_schedule() -> None:
    """Of three good answers the one that came after the last arrival does not count."""
    run = records(answered(100, 5), answered(200, 5), answered(1_000, 5))
    assert goodput_before_the_end_pairs_s(run) == pytest.approx(32)


def test_refused_requests_are_left_out_of_the_accepted_ones() -> None:
    """A refusal takes no part in the latency of accepted requests."""
    run = records(answered(1, 50), answered(2, 60), failed(3, 1, RESOURCE_EXHAUSTED))
    assert accepted_p99_ms(run) == 60


def test_an_accepted_request_that_ran_out_of_time_counts_as_endless() -> None:
    """What was accepted and not answered breaks the promise."""
    run = records(answered(1, 50), failed(2, 500, DEADLINE_EXCEEDED))
    assert math.isinf(accepted_p99_ms(run))


def test_a_calm_soak_breaks_nothing() -> None:
    """Equal segments give no growth and no complaint."""
    verdict = judge([CALM] * 30)
    assert verdict.broken == ()
    assert verdict.requests == 3_000


def test_growth_during_the_warm_up_is_allowed() -> None:
    """The first tenth may be smaller: caches fill."""
    small = replace(CALM, rss_bytes=50_000_000)
    assert judge([small] * 3 + [CALM] * 27).broken == ()


@pytest.mark.parametrize(
    ("last", "complaint"),
    [
        (replace(CALM, rss_bytes=106_000_000), "memory"),
        (replace(CALM, p99_ms=40.0), "p99"),
        (replace(CALM, failed=1), "not answered"),
    ],
)
def test_growth_after_the_warm_up_and_any_failure_are_told(last: Segment, complaint: str) -> None:
    """Memory up by 6 %, p99 up by a third, or one failure: each is named, alone."""
    broken = judge([CALM] * 20 + [last] * 10).broken
    assert len(broken) == 1
    assert complaint in broken[0]


def test_a_failure_in_the_warm_up_counts() -> None:
    """Errors are judged from the first request on."""
    assert judge([replace(CALM, failed=1), *[CALM] * 29]).broken
