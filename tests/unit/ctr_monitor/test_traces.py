"""Spans from OTLP: what is kept of them, how many, and how they are shown."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from ctr_monitor.errors import BadInputError, NotThereError
from ctr_monitor.store.database import Database
from ctr_monitor.store.traces import TraceStore
from ctr_monitor.traces.facts import facts_of, summary
from ctr_monitor.traces.keeping import KeepSettings, class_of
from ctr_monitor.traces.otlp import decode, spans_of
from ctr_monitor.traces.spans import Trace, by_trace, from_json, joined, to_json
from ctr_monitor.traces.waterfall import waterfall
from tests.support.monitor_alerts import T0_MS
from tests.support.monitor_spans import SERVER_NAME, any_value, call, export, span, trace_id

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "jane.doe@example.org wants red-shoes"
CANARY_WORD = "jane.doe"


def trace_of(*spans: Span) -> Trace:
    """The trace of these spans."""
    kept, _ = spans_of(export(spans))
    return joined(kept[0].trace_id, (), kept)


def store(folder: Path, **settings: float) -> TraceStore:
    """A store in a folder."""
    return TraceStore(Database(folder / "m.sqlite", serving=True), KeepSettings(**settings))  # type: ignore[arg-type]  # -- a mapping


def test_a_span_is_read() -> None:
    """Ids, times, status, kind, links and allowed attributes arrive."""
    made = span(1, took_ms=12.5, failed=True, links=(7,), attributes={"ctr.candidates": 16})
    kept, rejected = spans_of(decode(export([made]).SerializeToString()))
    assert rejected == 0
    assert (kept[0].trace_id, kept[0].kind, kept[0].failed) == (trace_id(1), "server", True)
    assert kept[0].duration_ms == pytest.approx(12.5)
    assert kept[0].links == (trace_id(7),)
    assert kept[0].attributes == {
        "ctr.candidates": 16,
        "service.name": "ctr-service",
        "service.instance.id": "127.0.0.1:8500",
    }


def test_nothing_planted_is_kept() -> None:
    """Planted text in every place that OTLP has is not in what is stored."""
    made = span(
        1,
        attributes={
            "user.email": CANARY,
            "ctr.caller": CANARY,
            "error.type": CANARY,
            "db.query.text": CANARY_WORD,
            "ctr.query": CANARY_WORD,
        },
    )
    made.trace_state = CANARY_WORD
    made.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message=CANARY))
    made.events.add(name=CANARY).attributes.add(key="x", value=any_value(CANARY))
    made.links.add(trace_id=b"\1" * 16, trace_state=CANARY_WORD)
    named = span(1, CANARY, index=2, parent=1)
    request = export([made, named], {"service.name": CANARY, "host.name": CANARY_WORD})
    request.resource_spans[0].scope_spans[0].scope.name = CANARY_WORD
    kept, _ = spans_of(request)
    assert CANARY_WORD not in to_json(kept)
    assert kept[1].name == "other"


def test_spans_without_ids_are_counted_out() -> None:
    """What has no valid ids cannot be found again; the sender hears how many."""
    kept, rejected = spans_of(export([Span(name="x"), span(1)]))
    assert (len(kept), rejected) == (1, 1)


def test_garbage_is_refused() -> None:
    """Bytes that are no message are the sender's fault."""
    with pytest.raises(BadInputError):
        decode(b"\xff\xff\xff")


@pytest.mark.parametrize(
    ("spans", "kind"),
    [
        (call(1), "usual"),
        (call(1, compute_ms=300), "slow"),
        (call(1, failed=True), "failed"),
        (call(1, reason="OVERLOADED"), "refused"),
        ([span(1, "ctr.batch", links=(2, 3))], "batch"),
        ([span(1, "ctr.batch", failed=True)], "failed"),
    ],
)
def test_a_trace_has_a_class(spans: list[Span], kind: str) -> None:
    """Failed before refused before batch before slow."""
    assert class_of(trace_of(*spans), 100.0) == kind


def test_spans_of_one_trace_are_joined_in_any_order(tmp_path: Path) -> None:
    """Stages that arrive before or after their server span make the same trace."""
    traces = store(tmp_path)
    spans = call(1, compute_ms=300)
    random.Random(1).shuffle(spans)  # noqa: S311 -- an order, no secret
    for each in spans:
        traces.add(spans_of(export([each]))[0])
    found = traces.get(trace_id(1))
    assert found.main.name == SERVER_NAME
    assert [stage.name for stage in found.stages()] == [
        *("ctr.features", "ctr.tokens", "ctr.queue", "ctr.compute", "ctr.answer"),
    ]
    assert [found.trace_id] == [each.trace_id for each in traces.newest("slow", 5)]


def test_the_stored_form_is_lossless() -> None:
    """What is read back equals what was written."""
    kept, _ = spans_of(export(call(1, failed=True, reason="BACKEND_FAILED")))
    assert from_json(to_json(kept)) == tuple(kept)


def test_a_storm_of_failures_leaves_the_slow_ones(tmp_path: Path) -> None:
    """Each class has its own room; within it the newest stay, and all bounds hold."""
    traces = store(tmp_path, max_traces=100)
    traces.add(spans_of(export(call(1, compute_ms=500)))[0])
    for number in range(10, 200):
        traces.add(spans_of(export(call(number, failed=True, at_ms=T0_MS + number)))[0])
    sizes = traces.sizes()
    assert sizes["failed"][0] == 30
    assert traces.get(trace_id(199)).failed
    assert traces.get(trace_id(1)).main.duration_ms > 500
    with pytest.raises(NotThereError):
        traces.get(trace_id(10))


def test_bytes_are_bounded_too(tmp_path: Path) -> None:
    """A few large traces fill a class as many small ones do."""
    traces = store(tmp_path, max_bytes=100_000)
    for number in range(1, 60):
        traces.add(spans_of(export(call(number)))[0])
    count, size = traces.sizes()["usual"]
    assert 0 < size <= 15_000
    assert count < 59


def test_one_trace_cannot_grow_without_bound(tmp_path: Path) -> None:
    """A trace of thousands of spans keeps its server span and a bounded number of others."""
    traces = store(tmp_path)
    many = [span(1, "ctr.compute", index=n, parent=1, at_ms=T0_MS - 1) for n in range(2, 99)]
    traces.add(spans_of(export([*many, span(1)]))[0])
    found = traces.get(trace_id(1))
    assert len(found.spans) == 64
    assert found.main.name == SERVER_NAME


def test_pinned_traces_outlive_the_bounds(tmp_path: Path) -> None:
    """A trace that an incident points at stays, and takes no room of its class."""
    traces = store(tmp_path, max_traces=10)
    traces.add(spans_of(export(call(1, failed=True)))[0])
    traces.pin([trace_id(1), trace_id(99)])
    for number in range(10, 40):
        traces.add(spans_of(export(call(number, failed=True)))[0])
    assert traces.get(trace_id(1)).failed
    assert traces.sizes()["failed"][0] == 3


def test_counts_survive_a_restart(tmp_path: Path) -> None:
    """Opened again, the store knows what it has and goes on dropping the oldest."""
    path = tmp_path / "m.sqlite"
    database = Database(path, serving=True)
    traces = TraceStore(database, KeepSettings())
    for number in range(1, 6):
        traces.add(spans_of(export(call(number)))[0])
    before = traces.sizes()
    database.close()
    again = TraceStore(Database(path, serving=True), KeepSettings())
    assert again.sizes() == before


def test_a_batch_is_found_by_what_it_served(tmp_path: Path) -> None:
    """The links of a batch lead from a request to it."""
    traces = store(tmp_path)
    traces.add(spans_of(export([*call(1), *call(2), span(50, "ctr.batch", links=(1, 2))]))[0])
    assert [trace.trace_id for trace in traces.linked_to(trace_id(2))] == [trace_id(50)]
    assert not traces.linked_to(trace_id(3))


def test_facts_tell_where_the_time_went() -> None:
    """Shares of stages over slow traces, of failing stages and reasons over failed ones."""
    slow = [trace_of(*call(n, compute_ms=90, queue_ms=9)) for n in (1, 2)]
    failed = [trace_of(*call(3, failed=True, reason="BACKEND_FAILED"))]
    facts = facts_of(slow, failed)
    assert (facts.slow, facts.failed) == (2, 1)
    assert facts.stage_share["ctr.compute"] == pytest.approx(90 / 99.9)
    assert facts.failed_stage_share == {"ctr.compute": 1.0}
    assert facts.reason_share == {"BACKEND_FAILED": 1.0}


def test_a_summary_keeps_the_stages() -> None:
    """The report's copy has the server span first and times from the trace's begin."""
    found = summary(trace_of(*call(1, compute_ms=300)), "slow")
    assert (found.why, found.stages[0].name) == ("slow", SERVER_NAME)
    assert found.stages[0].start_ms == 0
    assert [s.duration_ms for s in found.stages if s.name == "ctr.compute"] == [300.0]


def test_a_waterfall_is_a_tree_within_its_width() -> None:
    """Children stand under their parent, indented; no bar leaves the drawing."""
    bars = waterfall(trace_of(*call(1, compute_ms=300)))
    assert [bar.depth for bar in bars] == [0, 1, 1, 1, 1, 1]
    assert all(0 <= bar.left_percent <= 100 and bar.width_percent > 0 for bar in bars)
    assert bars[0].width_percent == 100.0


def test_a_waterfall_survives_a_circle() -> None:
    """Spans that are each other's parents are shown once each."""
    kept, _ = spans_of(
        export([span(1, index=1, parent=2), span(1, "ctr.queue", index=2, parent=1)])
    )
    assert len(waterfall(Trace(trace_id(1), tuple(kept)))) == 2
    assert set(by_trace(kept)) == {trace_id(1)}
