"""Which traces are exported beyond the ratio."""

from __future__ import annotations

import random

import pytest
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

from ctr_service.clock import ManualClock
from ctr_service.limits import NS_PER_S
from ctr_service.telemetry.choice import Choice
from ctr_service.token_bucket import TokenBucket


def test_failed_and_slow_calls_are_kept_and_others_left() -> None:
    """A call on the very edge of the objective is not slow."""
    choice = Choice(0.0, 100.0, TokenBucket(1_000, ManualClock()))
    assert choice.keeps(sampled=False, failed=True, duration_ms=1)
    assert choice.keeps(sampled=False, failed=False, duration_ms=100.1)
    assert not choice.keeps(sampled=False, failed=False, duration_ms=100.0)
    assert choice.keeps(sampled=True, failed=False, duration_ms=1)


def test_when_everything_fails_a_few_a_second_are_kept() -> None:
    """Beyond the limit only sampled calls are, and they do not use it up."""
    clock = ManualClock()
    choice = Choice(0.0, 100.0, TokenBucket(5, clock))
    kept = [choice.keeps(sampled=False, failed=True, duration_ms=1) for _ in range(100)]
    assert sum(kept) == 5
    assert choice.keeps(sampled=True, failed=True, duration_ms=1)
    clock.advance_ns(NS_PER_S)
    assert sum(choice.keeps(sampled=False, failed=True, duration_ms=1) for _ in range(100)) == 5


@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.5, 1.0])
def test_the_share_is_the_one_that_every_sdk_chooses(ratio: float) -> None:
    """The same trace ids as the SDK's own ratio sampler, so that traces are whole over services."""
    choice = Choice(ratio, 100.0, TokenBucket(1, ManualClock()))
    sdk = TraceIdRatioBased(ratio)
    rng = random.Random(1)  # noqa: S311 -- ids, no secret
    for _ in range(2_000):
        trace_id = rng.getrandbits(128)
        theirs = sdk.should_sample(None, trace_id, "x").decision is Decision.RECORD_AND_SAMPLE
        assert choice.samples(trace_id) is theirs
