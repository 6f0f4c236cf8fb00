"""`ctr-bench selftest`, a short one: what it claims at wide bounds, and that it can fail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from ctr_bench.progress import Progress
from ctr_bench.schedule import constant
from ctr_bench.scripted_load import load_open
from ctr_bench.scripted_queue import Script
from ctr_bench.selftest_checks import Bounds, figures, known_server
from ctr_bench.selftest_knee import SCRIPT, knee
from tests.support.bench import bench

if TYPE_CHECKING:
    from pathlib import Path


def test_stalls_show_refusals_do_not_look_good_and_a_starved_run_is_invalid(
    tmp_path: Path,
) -> None:
    """On a busy machine too: a stall of a second, a third of the requests good, no CPU."""
    out = tmp_path / "selftest.json"
    parts = ("--only", "stall", "--only", "shed", "--only", "starved")
    done = bench("selftest", "--seconds", "6", "--bound", "6", *parts, "--out", str(out))
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["holds"]
    assert found["absent"] == []
    checks = {check["name"]: check for check in found["checks"]}
    assert set(checks) == {"stalling server", "shedding server", "starved generator"}
    claims = {claim["name"]: claim for claim in checks["stalling server"]["claims"]}
    assert claims["stalls_ms"]["measured"] >= 900
    assert claims["closed_loop_p99_ms"]["measured"] < claims["p99_ms"]["measured"] / 2
    assert "send lag p99" in checks["starved generator"]["invalid_reasons"][0]


def test_a_known_server_is_measured_as_the_simulation_says() -> None:
    """p50, p99 and goodput within half of what they must be, whatever else runs here."""
    check = known_server(4.0, 0, Bounds(known=0.5))
    assert check.holds, check.as_json()


def test_a_sweep_finds_the_knee_where_the_simulation_has_it() -> None:
    """On a busy machine and with one search of short trials within half of it."""
    progress = Progress(Console(quiet=True))
    check = knee(6.0, 0, Bounds(known=0.5), progress, repeats=1)
    assert check.holds, check.as_json()
    assert 0.8 < check.claims[0].expected / SCRIPT.capacity_requests_s < 0.95


def test_a_target_that_is_not_what_was_predicted_is_found_out() -> None:
    """Service of 60 ms where 20 were claimed: the measured p50 is no nearer than 60."""
    run = load_open(Script(service_ms=60.0, servers=8), constant(20, 40))
    assert figures(run, 1_000)["p50_ms"] >= 60
    assert figures(run, 1_000)["p50_ms"] != pytest.approx(20, rel=0.5)
