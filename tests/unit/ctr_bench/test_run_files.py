"""What a run leaves: rows as Parquet, a folder renamed as one, figures, verdicts, live lines."""

from __future__ import annotations

import io
import json
from dataclasses import fields
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from ctr_bench.errors import BenchError
from ctr_bench.figures import code_names, longest_silence_ms, summary
from ctr_bench.live import LiveFigures, Watcher
from ctr_bench.progress import Progress, line_of
from ctr_bench.record import NOT_SENT, RESOURCE_EXHAUSTED, Records, merged, records_of
from ctr_bench.rows_file import read_rows, write_rows
from ctr_bench.run_folder import check_name, write_run
from ctr_bench.validity import invalid_reasons
from tests.support.load_records import answered, failed, records

if TYPE_CHECKING:
    from pathlib import Path

RUN = records_of(
    [
        answered(1, 10)._replace(version=1, queue_ns=5, tokens=400, caller=3, priority=2),
        answered(2, 20, fallback=4)._replace(version=0, degraded=True),
        failed(3, 1, RESOURCE_EXHAUSTED),
    ],
    ["v1", "v2"],
)


def test_rows_come_back_from_parquet_as_they_were(tmp_path: Path) -> None:
    """Every column, the model's version by its name, and none where nobody answered."""
    write_rows(RUN, tmp_path / "rows")
    read = read_rows(tmp_path / "rows")
    for field in fields(Records):
        if field.name not in ("version", "versions"):
            before, after = getattr(RUN, field.name), getattr(read, field.name)
            assert after.dtype == before.dtype
            assert after.tolist() == before.tolist()
    named = [str(read.versions[i]) if i >= 0 else None for i in read.version.tolist()]
    assert named == ["v2", "v1", None]
    assert str(pq.read_schema(tmp_path / "rows").field("model_version").type).startswith("dict")


def test_parts_of_generators_are_joined_in_the_order_of_the_schedule() -> None:
    """Versions that the parts numbered apart keep their names; an empty part does no harm."""
    other = records_of([answered(1.5, 5)._replace(version=0)], ["v2"])
    joined = merged([RUN, other, records_of([])])
    assert (joined.scheduled_ns / 1e6).tolist() == [1, 1.5, 2, 3]
    named = [joined.versions[i] if i >= 0 else None for i in joined.version.tolist()]
    assert named == ["v2", "v2", "v1", None]


def test_a_run_is_a_folder_with_rows_and_what_is_to_know(tmp_path: Path) -> None:
    """Written aside and renamed: nothing else is left beside it."""
    folder = write_run(tmp_path / "runs", "a", {"valid": True}, RUN)
    assert json.loads((folder / "run.json").read_text()) == {
        "kind": "run",
        "schema": 1,
        "name": "a",
        "valid": True,
    }
    assert len(read_rows(folder / "rows.parquet")) == 3
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["a"]


def test_a_name_that_is_taken_or_no_name_is_refused(tmp_path: Path) -> None:
    """Before anything is sent: an earlier run is never written over."""
    write_run(tmp_path, "a", {}, RUN)
    for name, said in (("a", "exists"), ("../b", "--name"), ("", "--name")):
        with pytest.raises(BenchError, match=said):
            check_name(tmp_path, name)
    check_name(tmp_path, "b")


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    """A file stands where the folder of runs should be: the path is named, nothing is left."""
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(BenchError, match=r"could not be written to .*runs/a"):
        write_run(tmp_path / "runs", "a", {}, RUN)
    assert (tmp_path / "runs").read_text() == "in the way"


def test_figures_count_only_complete_undegraded_answers_in_time_as_good() -> None:
    """Of three requests one is good; the degraded and the refused one are endless, not fast."""
    found = summary(RUN, slo_ms=15, deadline_ms=100, seconds=2, generator_cpu_share=0.3)
    assert found["good_share"] == pytest.approx(1 / 3)
    assert found["goodput_pairs_s"] == 8
    assert found["p50_ms"] is None
    assert found["codes"] == {"OK": 2, "RESOURCE_EXHAUSTED": 1}
    assert found["degraded_share"] == 0.5
    json.dumps(found)


def test_without_an_slo_the_deadline_is_what_good_means() -> None:
    """An answer of 20 ms is good under a deadline of 100 and not under one of 15."""
    run = records(answered(0, 20), answered(1_000, 20))
    for deadline_ms, good in ((100, 16), (15, 0)):
        found = summary(run, slo_ms=None, deadline_ms=deadline_ms, seconds=2, generator_cpu_share=0)
        assert found["goodput_pairs_s"] == good


def test_the_longest_silence_is_a_stall_and_an_idle_server_is_none() -> None:
    """Requests in flight at 1,010 ms wait until 2,000; between 100 and 1,000 nobody asked."""
    run = records(answered(0, 100), answered(1_000, 10), answered(1_005, 995))
    assert longest_silence_ms(run) == 990
    assert longest_silence_ms(records()) == 0


def test_codes_have_their_names() -> None:
    """Also our own, for what never left."""
    run = records(failed(0, 1, 4), failed(1, 1, NOT_SENT), failed(2, 1, 4))
    assert code_names(run) == {"DEADLINE_EXCEEDED": 2, "NOT_SENT": 1}


@pytest.mark.parametrize(("lag_ms", "slo_ms", "valid"), [(9, 100, True), (11, 100, False)])
def test_a_generator_that_was_late_makes_its_run_invalid(
    lag_ms: float, slo_ms: float, *, valid: bool
) -> None:
    """A tenth of the SLO may be lag; beyond it the reason says how much and what to do."""
    run = records(*(answered(n, 20, lag_ms=lag_ms) for n in range(10)))
    reasons = invalid_reasons(run, closed=False, slo_ms=slo_ms, generator_cpu_share=0.5)
    assert bool(reasons) != valid
    assert valid or ("11.0 ms" in reasons[0] and "--generators" in reasons[0])


def test_a_late_generator_that_was_idle_was_kept_from_its_cpu() -> None:
    """A second generator would not help it, and is not advised."""
    run = records(*(answered(n, 20, lag_ms=11) for n in range(10)))
    (reason,) = invalid_reasons(run, closed=False, slo_ms=100, generator_cpu_share=0.04)
    assert "something else had its CPU" in reason
    assert "--generators" not in reason


def test_a_closed_loop_is_invalid_when_its_generator_is_the_bottleneck() -> None:
    """It has no lag by definition; a whole core used up says that the server may do more."""
    run = records(answered(0, 1))
    assert not invalid_reasons(run, closed=True, slo_ms=None, generator_cpu_share=0.5)
    assert invalid_reasons(run, closed=True, slo_ms=None, generator_cpu_share=0.99)


def test_requests_that_never_left_and_a_run_of_none_are_invalid() -> None:
    """Each says what happened."""
    unsent = records(answered(0, 1), failed(1, 0, NOT_SENT))
    said = invalid_reasons(unsent, closed=False, slo_ms=None, generator_cpu_share=0)
    assert "1 requests never left" in said[0]
    none = invalid_reasons(records(), closed=False, slo_ms=None, generator_cpu_share=0)
    assert "no request" in none[0]


def test_live_figures_add_up_what_two_generators_saw() -> None:
    """Percentiles are over good answers, goodput over the time since the last look."""
    live, watchers = LiveFigures(slo_ms=50), (Watcher(), Watcher())
    for latency_ms in range(1, 101):
        watchers[latency_ms % 2].take(latency_ms * 1_000_000, 0, 16)
    watchers[0].take(1_000_000, RESOURCE_EXHAUSTED, 0)
    for watcher in watchers:
        live.add(watcher.drain())
    seen = live.seen(2.0)
    assert seen.p50_ms == pytest.approx(50, rel=0.01)
    assert seen.p99_ms == pytest.approx(99, rel=0.01)
    assert seen.goodput_pairs_s == 50 * 16 / 2
    assert live.seen(3.0).goodput_pairs_s == 0
    assert "101 answers" in line_of(seen)
    assert "RESOURCE_EXHAUSTED 1" in line_of(seen)


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_shows_a_line_that_changes_or_lines_now_and_then(*, terminal: bool) -> None:
    """On a terminal the status has the figures; elsewhere a line comes each five seconds."""
    out = io.StringIO()
    progress = Progress(Console(file=out, force_terminal=terminal, width=200))
    watcher = Watcher()
    with progress.live(slo_ms=None) as line:
        for second in range(1, 12):
            watcher.take(20_000_000, 0, 16)
            line.watch(float(second), watcher.drain())
    said = out.getvalue()
    assert ("p50" in said and "p99" in said) or terminal
    if not terminal:
        assert [f"{n} answers" in said for n in (1, 5, 10)] == [False, True, True]
