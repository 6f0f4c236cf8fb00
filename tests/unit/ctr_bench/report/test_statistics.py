"""What plots are made of, from simulated runs whose answer is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_bench.report.rows import read_rows
from ctr_bench.report.statistics import (
    MAX_STEPS,
    STAGES,
    judged_ms,
    stage_bands,
    stalls,
    time_line,
)
from tests.support.simulated_bench import SLO_MS, write_run
from tests.support.simulated_load import SimulatedServer, simulate_load

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.report.rows import Rows

NEVER_MS = 1e9
BEGIN_S, LENGTH_S = 12.0, 1.0
STALLED = SimulatedServer(stalls=((BEGIN_S, LENGTH_S),), refuse_ms=NEVER_MS, degrade_ms=NEVER_MS)


def rows_of(server: SimulatedServer, tmp_path: Path, *, rate: float, seconds: float) -> Rows:
    """The rows of a simulated run, through a file."""
    columns = simulate_load(server, rate, seconds, deadline_ms=5_000.0)
    folder = write_run(tmp_path / "run", columns)
    return read_rows(folder / "rows.parquet", len(columns["code"]))


def test_a_stall_is_found_where_it_was_and_as_long_as_it_was(tmp_path: Path) -> None:
    """One second without an answer in a run of 30: its begin and length within 10 %."""
    found = stalls(rows_of(STALLED, tmp_path, rate=40, seconds=30), SLO_MS)
    assert len(found) == 1
    assert found[0].length_ms == pytest.approx(1e3 * LENGTH_S, rel=0.1)
    assert found[0].begin_s == pytest.approx(BEGIN_S, abs=0.1)


def test_a_busy_server_is_no_stall(tmp_path: Path) -> None:
    """A queue that grows makes answers late, yet they keep coming: that is no stall."""
    rows = rows_of(
        SimulatedServer(refuse_ms=NEVER_MS, degrade_ms=NEVER_MS), tmp_path, rate=130, seconds=10
    )
    assert rows.latency_ms.max() > 1_000
    assert not stalls(rows, SLO_MS)


def test_the_time_line_charges_a_stall_to_all_that_waited(tmp_path: Path) -> None:
    """Requests due at the stall's begin waited all of it; every request is counted once."""
    rows = rows_of(STALLED, tmp_path, rate=40, seconds=30)
    line = time_line(rows, SLO_MS)
    assert line.step_s == 1
    assert line.max_ms[int(BEGIN_S)] == pytest.approx(1e3 * LENGTH_S, rel=0.2)
    assert line.max_ms[int(BEGIN_S) - 2] < 1e3 * LENGTH_S / 2
    assert line.slow[int(BEGIN_S)] > line.good[int(BEGIN_S)]
    whole = (line.good + line.slow + line.degraded + line.failed)[:-1]
    due_s = rows.scheduled_ns / 1e9
    assert whole.sum() == np.count_nonzero(due_s < len(whole))


def test_what_was_refused_or_degraded_counts_as_endless(tmp_path: Path) -> None:
    """Beyond capacity a fast refusal is no latency: it is infinite, as is a degraded answer."""
    server = SimulatedServer(refuse_ms=50.0, degrade_ms=30.0)
    rows = rows_of(server, tmp_path, rate=150, seconds=10)
    judged = judged_ms(rows)
    assert np.isinf(judged[~rows.answered]).all()
    assert np.isinf(judged[rows.degraded]).all()
    assert rows.degraded.any()
    line = time_line(rows, SLO_MS)
    assert line.failed.sum() > 0
    assert line.degraded.sum() > 0
    assert np.nanmax(line.p99_ms) == pytest.approx(rows.latency_ms[rows.answered].max(), rel=0.5)


def test_stages_add_up_and_tell_a_queue_from_a_model(tmp_path: Path) -> None:
    """Each band's stages sum to its latency; the slowest answers waited, the fastest did not."""
    rows = rows_of(
        SimulatedServer(refuse_ms=NEVER_MS, degrade_ms=NEVER_MS), tmp_path, rate=70, seconds=30
    )
    bands = stage_bands(rows)
    whole = sum(sum(band.stages_ms) * band.requests for band in bands) / len(rows)
    assert whole == pytest.approx(float(rows.latency_ms.mean()), rel=1e-6)
    stage = {name: index for index, name in enumerate(STAGES)}
    fast, slow = bands[0].stages_ms, bands[-1].stages_ms
    assert fast[stage["queue"]] < fast[stage["model"]]
    assert slow[stage["queue"]] > slow[stage["model"]]


def test_a_server_without_timings_has_no_stages(tmp_path: Path) -> None:
    """Where all timings are 0 there is nothing to break down."""
    columns = simulate_load(SimulatedServer(), 20, 5)
    for name in ("features_ns", "queue_ns", "model_ns"):
        columns[name][:] = 0
    folder = write_run(tmp_path / "run", columns)
    assert not stage_bands(read_rows(folder / "rows.parquet", len(columns["code"])))


def test_a_long_run_has_longer_steps(tmp_path: Path) -> None:
    """An hour is cut into steps that a plot can hold, and no request is lost."""
    rows = rows_of(SimulatedServer(), tmp_path, rate=0.5, seconds=3_600)
    line = time_line(rows, None)
    assert len(line.begin_s) <= MAX_STEPS
    assert line.step_s > 1
    whole = (line.good + line.slow + line.degraded + line.failed)[:-1]
    due_s = rows.scheduled_ns / 1e9
    due = np.count_nonzero(due_s < len(whole) * line.step_s)
    assert whole.sum() * line.step_s == pytest.approx(due)
