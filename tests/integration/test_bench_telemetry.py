"""`ctr-bench telemetry` from end to end: gateways, Collectors, generator, each a process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.bench import bench
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path


def test_the_telemetry_bench_compares_sides_and_collectors_and_exports_spans(
    tmp_path: Path,
) -> None:
    """Short loads give each ratio with an interval around it, and the Collector took spans."""
    bundle, out = make_tiny_bundle(tmp_path / "bundle"), tmp_path / "telemetry.json"
    short = ("--pairs", "1", "--rounds", "1", "--seconds", "1", "--no-zero-cost")
    kinds = ("--fault", "absent", "--fault", "hanging", "--flag=--trace-ratio", "--flag=1")
    done = bench("telemetry", "--bundle", str(bundle), "--out", str(out), *short, *kinds)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    ratios = ("throughput_ratio", "cpu_ratio", "p99_ratio", "p99_ratio_absent", "p99_ratio_hanging")
    for name in ratios:
        low, high = found[f"{name}_interval"]
        assert 0 < low <= found[name] <= high
    assert "p99_ratio_refusing" not in found
    assert found["spans_sent"] > 0
