"""A call's moments become stages that tell where its time went."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ctr_service.telemetry.names import spans
from ctr_service.telemetry.stages import MIN_WAIT_NS, stages_of
from ctr_service.traces import BatchTrace, CallTrace

MS = 1_000_000


def a_call(*moments_ms: int) -> CallTrace:
    """A call that came to so many of its moments."""
    trace = CallTrace(1, 1, sampled=True)
    names = ("scoring_ns", "rendered_ns", "tokenised_ns", "scored_ns")
    for name, moment in zip(names, moments_ms, strict=False):
        setattr(trace, name, moment * MS)
    return trace


def a_batch(call: CallTrace, began_ms: int, ended_ms: int) -> BatchTrace:
    """A run; `ended_ms` 0 still runs."""
    batch = BatchTrace([call], began_ns=began_ms * MS, rows=1, bucket_tokens=8)
    batch.ended_ns = ended_ms * MS
    return batch


def told(trace: CallTrace, ended_ms: int) -> list[tuple[str, int, int]]:
    """The stages in milliseconds."""
    found = stages_of(trace, trace.batches, ended_ms * MS)
    return [(s.span.name, s.began_ns // MS, s.ended_ns // MS) for s in found]


def test_a_served_call_has_five_stages() -> None:
    """Features, tokens, queue to the first run, compute to the last run's end, answer."""
    call = a_call(1, 3, 4, 30)
    a_batch(call, 10, 20)
    a_batch(call, 12, 28)
    assert told(call, 33) == [
        ("ctr.features", 1, 3),
        ("ctr.tokens", 3, 4),
        ("ctr.queue", 4, 10),
        ("ctr.compute", 10, 28),
        ("ctr.answer", 28, 33),
    ]


def test_a_call_from_caches_waited_for_nothing() -> None:
    """No queue and no compute, when no run had a row of it."""
    assert [name for name, _, _ in told(a_call(1, 3, 4, 4), 5)] == [
        *("ctr.features", "ctr.tokens", "ctr.answer"),
    ]


def test_a_late_call_shows_where_it_was_late() -> None:
    """The stage under way when the call ended is its last, and as long as it lasted."""
    assert told(a_call(), 9) == []
    assert told(a_call(1), 9) == [("ctr.features", 1, 9)]
    assert told(a_call(1, 3), 9)[-1] == ("ctr.tokens", 3, 9)
    assert told(a_call(1, 3, 4), 9)[-1] == ("ctr.queue", 4, 9)
    running = a_call(1, 3, 4)
    a_batch(running, 5, 0)
    assert told(running, 9)[-1] == ("ctr.compute", 5, 9)


@given(
    st.lists(st.integers(1, 50 * MS), min_size=0, max_size=4),
    st.lists(st.tuples(st.integers(1, 60 * MS), st.integers(0, 60 * MS)), max_size=3),
    st.integers(0, 10 * MS),
)
def test_stages_follow_one_another(
    steps_ns: list[int], runs_ns: list[tuple[int, int]], rest_ns: int
) -> None:
    """Whatever runs say: none overlaps, none ends before it began, none outlives the call."""
    call, moment = CallTrace(1, 1, sampled=False), 0
    for name, step in zip(
        ("scoring_ns", "rendered_ns", "tokenised_ns", "scored_ns"), steps_ns, strict=False
    ):
        moment += step
        setattr(call, name, moment)
    for began_ns, length_ns in runs_ns:
        batch = BatchTrace([call], began_ns=began_ns, rows=1, bucket_tokens=8)
        batch.ended_ns = began_ns + length_ns if length_ns else 0
    stages = stages_of(call, call.batches, moment + rest_ns)
    at_ns = call.scoring_ns
    for stage in stages:
        assert stage.began_ns >= at_ns or stage.span is spans.ANSWER
        assert stage.began_ns <= stage.ended_ns <= moment + rest_ns
        at_ns = stage.ended_ns
    assert len(stages) <= 5
    assert MIN_WAIT_NS > 0
