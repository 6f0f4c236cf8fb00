"""`ctr-bench gateway` from end to end: gateway, echo and generator, each its own process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ctr_bench.answers import count_answer, probabilities_of
from ctr_bench.ask import ask
from ctr_bench.bound.rows import RowMaker, open_bundle
from ctr_bench.gateway_process import ZERO_COST, GatewaySetup, running_gateway
from ctr_bench.naive_process import running_naive
from ctr_bench.workload import SearchMaker, Shape, serialise
from ctr_client.client import PredictionClient
from tests.support.bench import bench
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

TITLES = ("red lamp", "oak shelf large", "drill", "blue outdoor speaker")


def test_the_gateway_bench_writes_ratios_of_answers_that_were_whole(tmp_path: Path) -> None:
    """Two seconds of load give the figures that the claim is read from."""
    bundle, out = make_tiny_bundle(tmp_path / "bundle"), tmp_path / "gateway.json"
    load = ("--candidates", "16", "--seconds", "1", "--callers", "8", "--requests", "32")
    done = bench("gateway", "--bundle", str(bundle), "--out", str(out), "--repeats", "1", *load)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["pairs_s_16"] > 0
    assert 0 < found["echo_ratio_16"] < 1
    assert found["echo_ratio_16_spread"] == [found["echo_ratio_16"]] * 2
    assert "echo_ratio_16" in done.stdout


def test_a_bundle_that_is_not_there_ends_with_a_sentence(tmp_path: Path) -> None:
    """Exit code 1, the folder's name, what to do, and no traceback."""
    done = bench("gateway", "--bundle", str(tmp_path / "absent"), "--out", str(tmp_path / "o"))
    assert done.returncode == 1
    assert "make demo" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "o").exists()


def test_the_engine_without_a_model_serves_whole_answers_under_its_own_name(
    tmp_path: Path,
) -> None:
    """Every item is scored, and GetModel tells that no model did it."""
    bundle = make_tiny_bundle(tmp_path / "bundle")
    rows = RowMaker(open_bundle(bundle))
    messages = serialise(SearchMaker(TITLES, rows, Shape(9, rows.features), 0).distinct(1))
    with running_gateway(GatewaySetup(bundle, ZERO_COST)) as gateway:
        (answer,) = ask(gateway.target, messages)
        with PredictionClient(gateway.target) as client:
            graph = client.get_model().graph
    assert count_answer(answer).scored == 9
    assert graph == "joint/scripted-zero-cost/fp32"


def test_the_naive_peer_gives_the_numbers_of_the_gateway(tmp_path: Path) -> None:
    """Both score the same searches alike, so that their rates compare the same work."""
    bundle = make_tiny_bundle(tmp_path / "bundle")
    rows = RowMaker(open_bundle(bundle))
    messages = serialise(SearchMaker(TITLES, rows, Shape(5, rows.features), 0).distinct(3))
    with running_gateway(GatewaySetup(bundle)) as gateway, running_naive(bundle) as naive:
        served, naively = ask(gateway.target, messages), ask(naive.target, messages)
    for ours, theirs in zip(served, naively, strict=True):
        difference = max(
            abs(a - b)
            for a, b in zip(probabilities_of(ours), probabilities_of(theirs), strict=True)
        )
        assert difference < 1e-6


def test_the_telemetry_bench_compares_pairs_and_a_broken_collector(tmp_path: Path) -> None:
    """Short loads give the ratios with their intervals, and spans really went to the Collector."""
    bundle, out = make_tiny_bundle(tmp_path / "bundle"), tmp_path / "telemetry.json"
    load = (
        "--pairs",
        "1",
        "--rounds",
        "1",
        "--seconds",
        "0.5",
        "--fault",
        "hanging",
        "--no-zero-cost",
    )
    done = bench("telemetry", "--bundle", str(bundle), "--out", str(out), *load)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    for name in ("throughput_ratio", "cpu_ratio", "p99_ratio", "p99_ratio_hanging"):
        low, high = found[f"{name}_interval"]
        assert 0 < low <= found[name] <= high
    assert found["spans_sent"] > 0
