"""Files as the benches write them, of simulated runs (`simulated_load`)."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ctr_bench.figures import percentile_ms
from ctr_bench.record import OK
from tests.support.simulated_load import SimulatedServer, simulate_load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.simulated_load import Columns

SLO_MS = 100.0
TRIAL_FIGURES = (
    *("requests", "p50_ms", "p99_ms", "goodput_pairs_s", "good_share", "offered_pairs_s"),
)
CODES = {0: "OK", 4: "DEADLINE_EXCEEDED", 8: "RESOURCE_EXHAUSTED", 255: "NOT_SENT"}
FINGERPRINT = {
    "cpu": "simulated, 2 cores",
    "cores": 2,
    "memory_bytes": 8 * 2**30,
    "kernel": "none",
    "python": "3.11.2",
    "versions": {"ctr-serve": "0.1.0", "onnxruntime": "1.31.1"},
    "bundle_sha256": "5f2e" * 16,
}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def figures_of_columns(columns: Columns, slo_ms: float = SLO_MS) -> dict[str, Any]:
    """Return `figures` of run.json."""
    latency_ms = (columns["done_ns"] - columns["scheduled_ns"]) / 1e6
    answered = columns["code"] == OK
    good = answered & ~columns["degraded"] & (columns["scored"] == columns["candidates"])
    judged_ms = np.where(good, latency_ms, np.inf)
    in_time = judged_ms <= slo_ms
    seconds = float(columns["scheduled_ns"][-1]) / 1e9
    percents = {"p50_ms": 50, "p90_ms": 90, "p99_ms": 99, "p999_ms": 99.9, "max_ms": 100}
    codes, counts = np.unique(columns["code"], return_counts=True)
    return {
        "requests": len(good),
        **{name: _finite(percentile_ms(judged_ms, p)) for name, p in percents.items()},
        "goodput_pairs_s": float(columns["candidates"][in_time].sum()) / seconds,
        "goodput_requests_s": float(in_time.sum()) / seconds,
        "good_share": float(good.mean()),
        "offered_pairs_s": float(columns["candidates"].sum()) / seconds,
        "degraded_share": float(columns["degraded"].mean()),
        "codes": {CODES[int(code)]: int(n) for code, n in zip(codes, counts, strict=True)},
        "send_lag_p99_ms": percentile_ms((columns["sent_ns"] - columns["scheduled_ns"]) / 1e6, 99),
        "generator_cpu_share": 0.31,
    }


def write_run(folder: Path, columns: Columns, **changes: Any) -> Path:  # noqa: ANN401 -- any field
    """Write a run's folder and return it; `changes` replace fields of run.json."""
    folder.mkdir(parents=True)
    requests = len(columns["code"])
    names = {
        "model_version": ["2026-11-29.1"] * requests,
        "priority": np.where(np.arange(requests) % 4, "interactive", "bulk").tolist(),
    }
    arrays = {name: pa.array(values) for name, values in columns.items()}
    arrays |= {name: pa.array(values).dictionary_encode() for name, values in names.items()}
    arrays["caller"] = pa.array(np.arange(requests) % 3, pa.int32())
    pq.write_table(pa.table(arrays), folder / "rows.parquet")
    content = {
        "kind": "run",
        "schema": 1,
        "name": folder.name,
        "started": "2026-11-29T12:00:00+00:00",
        "command": ["ctr-bench", "run", "127.0.0.1:8500", "--rate", "60"],
        "target": "127.0.0.1:8500",
        "protocol": "ctr.v1",
        "loop": "open",
        "arrivals": {"kind": "poisson", "rate_requests_s": 60, "seed": 0},
        "workload": {"kind": "synthetic", "zipf": 1.0, "catalogue": 10_000},
        "offered_requests_s": 60.0,
        "deadline_ms": 500.0,
        "slo": {"p99_ms": SLO_MS},
        "seconds": float(columns["scheduled_ns"][-1]) / 1e9,
        "valid": True,
        "invalid_reasons": [],
        "partial": False,
        "figures": figures_of_columns(columns),
        "server": {"model_name": "simulated", "model_version": "2026-11-29.1"},
        "fingerprint": FINGERPRINT,
        **changes,
    }
    write(folder / "run.json", content)
    return folder


def sweep(server: SimulatedServer, rates: list[float], *, seconds: float = 12.0) -> dict[str, Any]:
    """Return sweep.json of two trials a rate."""
    trials = []
    for number, rate in enumerate(sorted(rates * 2)):
        figures = figures_of_columns(simulate_load(server, rate, seconds, seed=number))
        p99_ms = figures["p99_ms"]
        held = p99_ms is not None and p99_ms <= SLO_MS and figures["good_share"] >= 0.999
        trials.append(
            {
                "rate": rate,
                **{name: figures[name] for name in TRIAL_FIGURES},
                "slo_percentile_ms": p99_ms,
                "late": 0,
                "verdict": "held" if held else "not held",
                "valid": True,
            }
        )
    held_trials = [trial for trial in trials if trial["verdict"] == "held"]
    knee = None
    if held_trials:
        best = max(held_trials, key=lambda trial: trial["rate"])
        knee = {"requests_s": best["rate"], "confirmed": True}
        knee |= {name: best[name] for name in ("goodput_pairs_s", "p50_ms", "p99_ms")}
        knee["goodput_pairs_s_spread"] = [0.97 * best["goodput_pairs_s"], best["goodput_pairs_s"]]
    return {
        "kind": "sweep",
        "slo": {"percentile": 99.0, "limit_ms": SLO_MS, "text": "p99 <= 100 ms"},
        "trials": trials,
        "knee": knee,
        "fingerprint": FINGERPRINT,
    }


def write(path: Path, content: object) -> Path:
    """Write JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1))
    return path
