"""What calls and batches remember of each other."""

from __future__ import annotations

import gc
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_service.traces import (
    BATCH_TRACE,
    MAX_BATCHES,
    NO_TRACE,
    BatchTrace,
    CallTrace,
    Parent,
    outgoing_metadata,
    parse_traceparent,
)


def a_call(number: int = 1, *, sampled: bool = False) -> CallTrace:
    """A call's memory."""
    return CallTrace(number, number, sampled=sampled)


def a_batch(*calls: CallTrace) -> BatchTrace:
    """A run that began."""
    return BatchTrace(calls, began_ns=10, rows=4, bucket_tokens=32)


def end(batch: BatchTrace, *calls: CallTrace) -> None:
    """End a run well."""
    batch.end(calls, ended_ns=20, row_tokens=100, failed_rows=0)


def test_a_batch_knows_its_calls_and_they_know_it() -> None:
    """Those of the begin, and those that joined while it ran; nobody twice."""
    first, second = a_call(1), a_call(2)
    batch = a_batch(first, NO_TRACE, first)
    end(batch, first, second)
    assert batch.calls == [first, second]
    assert first.batches == second.batches == [batch]
    assert NO_TRACE.batches == []


def test_a_call_that_ended_hears_of_later_ends_only_if_it_is_exported() -> None:
    """`late` is told of the run that outlived the call; a call without it forgets."""
    heard: list[BatchTrace] = []
    kept, left = a_call(1), a_call(2)
    batch = a_batch(kept, left)
    kept.end(heard.append)
    left.end(None)
    assert heard == []
    end(batch, kept, left)
    assert heard == [batch]
    assert kept.batches == left.batches == []


def test_a_long_list_keeps_its_first_runs_and_its_last() -> None:
    """Memory is bounded, and the end of the last run is known."""
    call = a_call()
    batches = [a_batch(call) for _ in range(MAX_BATCHES + 5)]
    assert len(call.batches) == MAX_BATCHES
    assert (call.batches[0], call.batches[-1]) == (batches[0], batches[-1])


def test_nothing_is_left_for_the_collector_of_rings() -> None:
    """Once calls have ended, reference counting alone frees runs and calls."""
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for number in range(100):
            call = a_call(number)
            batch = a_batch(call)
            end(batch, call)
            call.end(None)
        del call, batch
        assert len(gc.get_objects()) - before < 50
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("header", "parent"),
    [
        (f"00-{1:032x}-{2:016x}-01", Parent(1, 2, sampled=True)),
        (f"00-{1:032x}-{2:016x}-00", Parent(1, 2, sampled=False)),
        (f"cc-{1:032x}-{2:016x}-03-later", Parent(1, 2, sampled=True)),
        (f"00-{1:032x}-{2:016x}-01-later", None),
        (f"ff-{1:032x}-{2:016x}-01", None),
        (f"00-{0:032x}-{2:016x}-01", None),
        (f"00-{1:032x}-{0:016x}-01", None),
        (f"00-{1:032X}".replace("1", "A") + f"-{2:016x}-01", None),
        ("", None),
        ("canary", None),
    ],
)
def test_a_header_is_read_as_the_standard_says(header: str, parent: Parent | None) -> None:
    """Valid ones of any version but ff; zeros, capitals and anything else begin a new trace."""
    assert parse_traceparent(header) == parent


@given(st.text())
def test_no_header_is_an_error(header: str) -> None:
    """Whatever a caller sends is either a parent or none."""
    assert parse_traceparent(header) is None or header.count("-") >= 3


def test_a_run_that_calls_elsewhere_sends_its_own_context() -> None:
    """A W3C header of the run's own trace, sampled when one of its calls is; none without calls."""
    assert outgoing_metadata() is None
    batch = a_batch(a_call(sampled=True))
    token = BATCH_TRACE.set(batch)
    ((name, value),) = outgoing_metadata() or ()
    assert name == "traceparent"
    trace_id, span_id = batch.ids
    assert value == f"00-{trace_id:032x}-{span_id:016x}-01"
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", value)
    assert a_batch(a_call()).traceparent.endswith("-00")
    BATCH_TRACE.set(a_batch(NO_TRACE))
    assert outgoing_metadata() is None
    BATCH_TRACE.reset(token)
