"""The token bucket and the count of lists, on a manual clock."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_service.clock import ManualClock
from ctr_service.errors import CallerLimitError, OverloadedError
from ctr_service.limits import NS_PER_S
from ctr_service.server.caller_limits import CallerLimits
from ctr_service.server.callers import Caller
from ctr_service.token_bucket import BURST_S, TokenBucket

rates = st.integers(1, 1_000_000)
arrivals = st.lists(
    st.tuples(st.integers(0, 3 * NS_PER_S), st.integers(1, 50_000)), min_size=1, max_size=40
)


@given(rates, arrivals)
def test_no_span_of_time_lets_more_through_than_rate_burst_and_one_charge(
    rate: int, steps: list[tuple[int, int]]
) -> None:
    """What is let in between any two admissions stays below rate x span + burst + one charge."""
    clock = ManualClock()
    bucket = TokenBucket(rate, clock)
    admitted: list[tuple[int, int]] = []
    for gap_ns, tokens in steps:
        clock.advance_ns(gap_ns)
        if bucket.wait_ns() == 0:
            bucket.charge(tokens)
            admitted.append((clock.now_ns(), tokens))
    largest = max((tokens for _, tokens in admitted), default=0)
    for begin, (begin_ns, _) in enumerate(admitted):
        taken = 0
        for end_ns, tokens in admitted[begin:]:
            taken += tokens
            span_s = (end_ns - begin_ns) / NS_PER_S
            assert taken <= rate * (span_s + BURST_S) + largest + 1


@given(rates, st.integers(1, 10_000_000))
def test_whoever_waits_as_told_is_let_in(rate: int, tokens: int) -> None:
    """The wait that a refusal names is long enough, and not longer than the debt takes."""
    clock = ManualClock()
    bucket = TokenBucket(rate, clock)
    bucket.charge(tokens)
    wait_ns = bucket.wait_ns()
    assert wait_ns <= tokens / rate * NS_PER_S + 1
    clock.advance_ns(wait_ns)
    # One more step, for the rounding of a wait that ends on zero exactly.
    clock.advance_ns(NS_PER_S // rate + 1)
    assert bucket.wait_ns() == 0


@given(rates, st.integers(0, 10**12), st.floats(0, 1e6))
def test_the_bucket_never_holds_more_than_a_burst(rate: int, idle_ns: int, back: float) -> None:
    """Neither idleness nor giving back fills it above the burst."""
    clock = ManualClock()
    bucket = TokenBucket(rate, clock)
    clock.advance_ns(idle_ns)
    bucket.charge(-back)
    assert bucket.level <= rate * BURST_S


@given(st.integers(1, 5), st.lists(st.sampled_from(["enter", "leave", "fail", "shed"])))
def test_lists_in_progress_never_exceed_their_limit(limit: int, moves: list[str]) -> None:
    """However lists end, the count is right and the limit holds."""
    caller = Caller("a", ManualClock(), CallerLimits(concurrent_lists=limit))
    inside: list[contextlib.ExitStack] = []
    for move in moves:
        if move == "enter":
            stack = contextlib.ExitStack()
            if len(inside) == limit:
                with pytest.raises(CallerLimitError, match="concurrent_lists"):
                    stack.enter_context(caller.list())
                continue
            stack.enter_context(caller.list())
            inside.append(stack)
        elif inside:
            error = {"fail": ValueError(), "shed": OverloadedError("busy", retry_after_ns=1)}
            with contextlib.suppress(ValueError, OverloadedError), inside.pop():
                if move in error:
                    raise error[move]
        assert caller.lists == len(inside) <= limit


@given(st.integers(1, 500), st.integers(0, 50_000))
def test_a_settled_list_costs_what_it_took(pairs: int, tokens: int) -> None:
    """After the answer the rate is charged with the real tokens, whatever was expected."""
    clock = ManualClock()
    caller = Caller("a", clock, CallerLimits(tokens_per_second=1_000_000))
    with caller.list() as bill:
        bill.expect(pairs)
        bill.settle(tokens)
    assert caller._bucket is not None
    assert caller._bucket.level == pytest.approx(1_000_000 - tokens)
    assert bill.tokens == tokens


def test_a_list_that_was_shed_costs_nothing_and_a_failed_one_what_was_expected() -> None:
    """Overload is not the caller's fault; a failure may have cost the engine all the same."""
    caller = Caller("a", ManualClock(), CallerLimits(tokens_per_second=1_000))
    assert caller._bucket is not None
    for error, level in ((OverloadedError("x", retry_after_ns=1), 1_000), (ValueError(), 680)):
        with contextlib.suppress(type(error)), caller.list() as bill:
            bill.expect(10)
            raise error
        assert caller._bucket.level == level


def test_a_spent_rate_refuses_and_says_when_to_come_back() -> None:
    """The refusal names the limit and the time; after it the caller is let in."""
    clock = ManualClock()
    caller = Caller("a", clock, CallerLimits(tokens_per_second=100))
    with caller.list() as bill:
        bill.expect(1)
        bill.settle(300)
    with pytest.raises(CallerLimitError, match="tokens_per_second") as caught, caller.list():
        pass
    assert caught.value.retry_after_ns == pytest.approx(2 * NS_PER_S, abs=10)
    assert caught.value.metadata == {"field": "tokens_per_second", "limit": "100"}
    clock.advance_ns(caught.value.retry_after_ns + 10)
    with caller.list():
        pass
    assert caller.lists == 0


def test_new_limits_keep_the_lists_and_an_unchanged_rate_its_debt() -> None:
    """A reload neither forgets who is inside nor forgives a debt."""
    clock = ManualClock()
    caller = Caller("a", clock, CallerLimits(tokens_per_second=100))
    with caller.list() as bill:
        bill.settle(500)
        caller.limit(CallerLimits(tokens_per_second=100, concurrent_lists=1))
        with pytest.raises(CallerLimitError, match="concurrent_lists"), caller.list():
            pass
    with pytest.raises(CallerLimitError, match="tokens_per_second"), caller.list():
        pass
    caller.limit(CallerLimits())
    with caller.list():
        pass


def test_a_rate_must_be_positive() -> None:
    """A bucket that never fills would be a silent ban."""
    with pytest.raises(ValueError, match="positive"):
        TokenBucket(0, ManualClock())
