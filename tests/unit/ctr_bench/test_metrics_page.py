"""Percentiles from the gateway's own histogram."""

from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from ctr_bench.metrics_page import between, buckets_of, quantile
from ctr_bench.overload import REFUSALS
from ctr_service.errors import Reason
from ctr_service.telemetry.instruments import Instruments
from ctr_service.telemetry.names import REFUSAL_SECONDS


def page_of(instruments: Instruments) -> str:
    """The text of /metrics."""
    return generate_latest(instruments.registry).decode()


def refuse(instruments: Instruments, reason: Reason, seconds: float, times: int) -> None:
    """Let calls end with an error."""
    for _ in range(times):
        instruments.call_started("PredictClicks")
        instruments.call_finished("PredictClicks", code="X", reason=reason, seconds=seconds)


def test_the_bench_reads_the_histogram_that_the_gateway_writes() -> None:
    """Refusals for one reason are told from others, and from those before the run."""
    instruments = Instruments(CollectorRegistry())
    refuse(instruments, Reason.OVERLOADED, 0.4, 50)
    before = buckets_of(page_of(instruments), REFUSALS, {"reason": "OVERLOADED"})
    refuse(instruments, Reason.OVERLOADED, 0.0012, 100)
    refuse(instruments, Reason.MALFORMED_REQUEST, 0.3, 100)
    after = buckets_of(page_of(instruments), REFUSALS, {"reason": "OVERLOADED"})
    p99_s = quantile(between(before, after), 0.99)
    assert 0.001 < p99_s <= 0.0015
    assert REFUSAL_SECONDS.name == REFUSALS


def test_an_answered_call_is_no_refusal() -> None:
    """A call without a reason leaves the histogram of refusals alone."""
    instruments = Instruments(CollectorRegistry())
    instruments.call_started("PredictClicks")
    instruments.call_finished("PredictClicks", code="OK", reason=None, seconds=1.0)
    assert not buckets_of(page_of(instruments), REFUSALS, {})


def test_a_quantile_lies_straight_between_the_bounds_of_its_bucket() -> None:
    """Of 10 values up to 1 and 10 up to 2, the quantile 0.75 is 1.5."""
    assert quantile({1.0: 10, 2.0: 20, math.inf: 20}, 0.75) == pytest.approx(1.5)


def test_a_quantile_beyond_the_last_bound_is_that_bound() -> None:
    """What lies in the open bucket is at least its lower bound."""
    assert quantile({1.0: 1, math.inf: 10}, 0.99) == 1.0
    assert math.isnan(quantile({}, 0.5))
    assert math.isnan(quantile({1.0: 0, math.inf: 0}, 0.5))
