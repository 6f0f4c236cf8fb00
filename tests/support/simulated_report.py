"""A folder of benches' files, all simulated, with one of every kind that the report shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.simulated_bench import FINGERPRINT, sweep, write, write_run
from tests.support.simulated_load import SimulatedServer, simulate_load
from tests.support.simulated_plan import plan

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "<script>alert('\"&')</script>"
BOUND_PAIRS_S = 1_150.0
PEERS = {
    "gateway": (0.61, 0.90),
    "mosec": (0.40, 0.84),
    "triton": (0.39, 0.81),
    "sync-grpc": (0.36, 0.81),
    "mlserver": (0.31, 0.73),
    "litserve": (0.30, 0.77),
    "naive": (0.0, 0.66),
}
"""Shares of the bound, at the SLO and saturated; the last held no rate."""


def write_all(folder: Path) -> Path:
    """Write them and return the folder."""
    server = SimulatedServer(stalls=((21.0, 1.0),))
    write_run(folder / "runs" / "steady", simulate_load(SimulatedServer(), 50, 40))
    write_run(folder / "runs" / "stalled", simulate_load(server, 50, 40, deadline_ms=2_000))
    write_run(
        folder / "runs" / "overload",
        simulate_load(SimulatedServer(), 140, 20, seed=3),
        valid=False,
        invalid_reasons=[f"the generator was late: {HOSTILE}"],
        partial=True,
        server={"model_name": HOSTILE},
    )
    rates = [10.0, 25.0, 40.0, 55.0, 70.0, 85.0, 100.0, 120.0]
    write(folder / "sweep.json", sweep(SimulatedServer(), rates, seconds=8))
    write(folder / "plan.json", plan(rates))
    write(folder / "peers.json", peers())
    write(folder / "compare.json", compare())
    write(folder / "telemetry.json", telemetry())
    return folder


def peers() -> dict[str, Any]:
    """Return peers.json."""
    targets = {
        name: {
            "goodput_pairs_s": ratio * BOUND_PAIRS_S,
            "bound_ratio": ratio,
            "p50_ms": 41.5 if ratio else None,
            "p99_ms": 98.25 if ratio else None,
            "rss_mb": 312.0,
            "saturated_ratio": saturated,
        }
        for name, (ratio, saturated) in PEERS.items()
    }
    return {
        "date": "2026-11-29T12:00:00+00:00",
        "raw_bound_pairs_s": BOUND_PAIRS_S,
        "raw_bound_pairs_s_spread": [1_130.0, 1_170.5],
        "fingerprint": FINGERPRINT,
        "targets": targets,
    }


def compare() -> dict[str, Any]:
    """Return compare.json: one figure better, one the same, one worse."""
    return {
        "kind": "compare",
        "a": "127.0.0.1:8500",
        "b": "127.0.0.1:8600",
        "date": "2026-11-29T12:00:00+00:00",
        "partial": False,
        "error": "",
        "slo": "p99 <= 100 ms",
        "rate": 20.0,
        "pairs": 10,
        "figures": {
            "p50_ms": _compared(41.5, (1.06, 1.02, 1.09)),
            "p99_ms": _compared(93.0, (0.97, 0.91, 1.04)),
            "goodput_pairs_s": _compared(310.0, (1.12, 1.07, 1.16)),
        },
        "fingerprint": FINGERPRINT,
    }


def _compared(a: float, ratio: tuple[float, float, float]) -> dict[str, Any]:
    value, low, high = ratio
    return {
        "a": a,
        "b": a * value,
        "b_over_a": {"value": value, "low": low, "high": high},
        "differs": low > 1 or high < 1,
    }


def telemetry() -> dict[str, Any]:
    """Return the JSON of a bench that has no section of its own."""
    return {
        "date": "2026-11-28T12:00:00+00:00",
        "fingerprint": FINGERPRINT,
        "bundle": HOSTILE,
        "throughput_ratio": 0.985,
        "throughput_ratio_spread": [0.97, 0.99],
        "rss_bytes": 314_572_800,
        "rss_bytes_spread": [300_000_000, 330_000_000],
        "segments": [{"seconds": 60, "p99_ms": 81.0}, {"seconds": 60, "p99_ms": 83.5}],
    }
