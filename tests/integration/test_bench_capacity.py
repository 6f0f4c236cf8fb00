"""`ctr-bench sweep`, `compare` and `plan` from end to end, on gateways of known capacity.

The engine sleeps 20 ms a list and has one slot, so a gateway does 50 lists a second and no more,
and gateways on one machine add up.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ctr_bench.gateway_process import NO_SCORE_CACHE, GatewaySetup, running_gateway
from tests.support.bench import bench
from tests.support.timed_bundle import (
    CANDIDATES,
    make_timed_bundle,
    timed_flags,
    write_catalogue,
)

if TYPE_CHECKING:
    from pathlib import Path

LIST_S = 0.02
MOST_PAIRS_S = CANDIDATES / LIST_S
PARTS = ("start", "queue", "callers", "cache", "loss")
WITHOUT = [f"--without={part}" for part in PARTS]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options: bundle, catalogue, lists, and the engine's script."""
    folder = tmp_path_factory.mktemp("capacity")
    bundle, catalogue = make_timed_bundle(folder / "bundle"), write_catalogue(folder)
    flags = timed_flags(bundle, catalogue, LIST_S)
    files = ["--bundle", str(bundle), "--catalogue", str(catalogue)]
    return [*files, "--candidates", str(CANDIDATES), *flags]


def plan(asked: list[str], out: Path, *options: str) -> tuple[dict[str, Any], str]:
    """Verify a plan for 120 % of what one gateway can do at most; return JSON and table."""
    # Two replicas are loaded to 60 % of what they can do, one to 120 %: noise crosses neither gap.
    load = ("--forecast", f"peak={1.2 * MOST_PAIRS_S:.0f}", "--goodput", f"{0.65 * MOST_PAIRS_S}")
    slo = ("--slo", "p99=300ms", "--trial-requests", "200", "--headroom", "1")
    done = bench("plan", *asked, *load, *slo, *WITHOUT, "--verify", "--out", str(out), *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(out.read_text()), done.stdout


def test_the_planned_replicas_hold_the_forecast_and_one_fewer_does_not(
    asked: list[str], tmp_path: Path
) -> None:
    """No headroom, no failure tolerated: two real gateways hold the peak, one fails it."""
    found, table = plan(asked, tmp_path / "plan.json", "--failures", "0", "--price", "0.5")
    assert found["kind"] == "plan"
    assert found["replicas"] == 2
    holds, fails = found["verification"]
    assert (holds["replicas"], holds["held"], holds["killed"]) == (2, True, 0)
    assert (fails["replicas"], fails["held"]) == (1, False)
    assert found["cost_a_million"]["an_hour"] == 1.0
    assert "true: 2 replicas hold the forecast's peak" in table


def test_a_plan_that_tolerates_a_failure_survives_a_killed_replica(
    asked: list[str], tmp_path: Path
) -> None:
    """One replica of three is killed under load: the SLO holds and every request is answered."""
    found, _ = plan(asked, tmp_path / "plan.json", "--failures", "1")
    assert found["replicas"] == 3
    (run,) = found["verification"]
    assert (run["replicas"], run["killed"], run["held"], run["failed"]) == (3, 1, True, 0)
    assert 0 < run["killed_after_requests"] < run["requests"]


def test_a_sweep_finds_the_knee_below_the_capacity_and_says_how_sure_it_is(
    asked: list[str], tmp_path: Path
) -> None:
    """A limit of 8 lists' time: the knee lies between 35 and 105 % of what is possible."""
    out = tmp_path / "sweep.json"
    size = ("--trial-requests", "100", "--confirm-requests", "100", "--repeats", "1", "--no-curve")
    start = ("--start", f"{0.7 / LIST_S}")
    done = bench("sweep", *asked, *size, *start, "--slo", "p99=160ms", "--out", str(out))
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert (found["kind"], found["partial"]) == ("sweep", False)
    assert 0.35 * MOST_PAIRS_S < found["knee"]["goodput_pairs_s"] < 1.05 * MOST_PAIRS_S
    assert found["knee"]["p99_ms"] <= 160
    assert {"rate", "requests", "p50_ms", "p99_ms", "goodput_pairs_s", "late", "verdict"} <= (
        found["trials"][0].keys()
    )
    assert "knee:" in done.stdout
    assert "about" in done.stderr  # progress says how long a trial takes


def test_an_slo_that_no_rate_keeps_says_what_was_tried(asked: list[str], tmp_path: Path) -> None:
    """A list takes 300 ms and shall take 150: the lowest rate is named, and what it gave."""
    out = tmp_path / "sweep.json"
    options = ("--slo", "p99=150ms", "--trial-requests", "20", "--repeats", "1", "--start", "100")
    slow = ("--flag=--scripted-run-s", "--flag=0.3")
    done = bench("sweep", *asked, *slow, *options, "--out", str(out))
    assert done.returncode == 1
    assert "kept at no rate: even at" in done.stderr
    assert "Traceback" not in done.stderr
    found = json.loads(out.read_text())
    assert found["partial"]
    assert found["knee"] is None
    assert found["trials"]


def test_a_gateway_compared_with_itself_is_no_difference(asked: list[str], tmp_path: Path) -> None:
    """Goodput of both sides is all that was offered, so its interval is 1."""
    out = tmp_path / "compare.json"
    bundle, catalogue = asked[1], asked[3]
    flags = tuple(word.removeprefix("--flag=") for word in asked if word.startswith("--flag="))
    files = ("--bundle", bundle, "--catalogue", catalogue, "--candidates", str(CANDIDATES))
    with running_gateway(GatewaySetup(bundle, (*NO_SCORE_CACHE, *flags))) as gateway:  # type: ignore[arg-type]  # -- a path's text
        sides = (gateway.target, gateway.target)
        load = ("--rate", "20", "--pairs", "3", "--requests", "20", "--slo", "p99=2s")
        done = bench("compare", *sides, *files, *load, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "goodput_pairs_s" in done.stdout
    assert json.loads(out.read_text())["figures"]["goodput_pairs_s"]["differs"] is False
    assert "no difference" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("sweep", "--target", "127.0.0.1:1"), "is a gateway listening there"),
        (("sweep", "--slo", "fast"), "--slo must be like p99=100ms"),
        (("plan", "--forecast", "peak=lots"), "a peak is like peak=1200"),
        (("compare", "127.0.0.1:1", "127.0.0.1:2"), "give --rate"),
    ],
)
def test_bad_input_is_a_sentence_and_nothing_is_written(
    asked: list[str], tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    """Exit code 1, what is wrong, no traceback, no file."""
    out = tmp_path / "out.json"
    done = bench(*arguments, "--bundle", asked[1], "--catalogue", asked[3], "--out", str(out))
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
