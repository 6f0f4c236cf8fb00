"""The harness beside others on the same scripted target: MLPerf LoadGen, and perf_analyzer."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.claims import Check, near
from ctr_bench.errors import BenchError
from ctr_bench.job import OPEN_INFERENCE, Job, Payloads
from ctr_bench.open_inference import serialise_infer
from ctr_bench.runner import drive
from ctr_bench.schedule import poisson
from ctr_bench.scripted_load import (
    CANDIDATES,
    DEADLINE_S,
    load_open,
    numbered,
    scripted_server,
)
from ctr_bench.searches import Search
from ctr_bench.selftest_checks import STEADY, STEADY_LOAD, Bounds, figures, reasons
from ctr_client.messages import Item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_bench.schedule import Times

ROOT = Path(__file__).parents[2]
PERF_ANALYZER = ROOT / ".tools" / "perf_analyzer"
LIBRARIES = ("nvidia/cuda_runtime/lib", "libb64/usr/lib/x86_64-linux-gnu")
BEYOND_S = 120.0
WINDOWS = 3
SLO_MS = 1_000.0
NS_PER_US, US_PER_MS = 1_000, 1_000


def loadgen(seconds: float, bounds: Bounds) -> Check:
    """Compare with LoadGen's Server mode: the same target, and then the very arrivals it made."""
    name = "mlcommons-loadgen"
    if importlib.util.find_spec("mlperf_loadgen") is None:
        return Check(name, absent="mlcommons-loadgen is not installed (it is in the extra `dev`)")
    rate = STEADY_LOAD * STEADY.capacity_requests_s
    requests = round(rate * seconds)
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as folder:
        place = Path(folder)
        (place / "requests").write_text("\n".join(m.hex() for m in numbered(requests)))
        with scripted_server(STEADY) as server:
            _run(
                [
                    *(sys.executable, "-m", "ctr_bench.loadgen_peer", "--target", server.target),
                    *("--requests", str(place / "requests"), "--rate", str(rate)),
                    *("--out", str(place / "out.json")),
                ],
                seconds + BEYOND_S,
            )
        theirs = json.loads((place / "out.json").read_text())
    arrivals_ns = np.asarray(theirs["arrivals_ns"], dtype=np.int64)
    run = load_open(STEADY, arrivals_ns - arrivals_ns[0])
    ours = figures(run, SLO_MS)
    return Check(
        name,
        (
            near("p50_ms", ours["p50_ms"], theirs["p50_ms"], bounds.peers),
            near("p99_ms", ours["p99_ms"], theirs["p99_ms"], bounds.peers),
        ),
        {"requests": requests, "rate": rate, "invalid_reasons": reasons(run, SLO_MS)},
    )


def perf_analyzer(seconds: float, seed: int, bounds: Bounds) -> Check:
    """Compare with NVIDIA's perf_analyzer through Open Inference, on one list of intervals."""
    name = "perf_analyzer"
    program = PERF_ANALYZER / "bin" / "perf_analyzer"
    if not program.is_file():
        return Check(
            name, absent="perf_analyzer is not installed; see tools/setup_perf_analyzer.sh"
        )
    rate = STEADY_LOAD * STEADY.capacity_requests_s
    schedule_ns = poisson(rate, round(rate * seconds), seed)
    with tempfile.TemporaryDirectory(prefix="ctr-bench-") as folder:
        theirs = _analyzed(program, Path(folder), schedule_ns, seconds)
    with scripted_server(STEADY) as server:
        job = Job(server.target, DEADLINE_S, protocol=OPEN_INFERENCE, warm_up=16)
        items = [Item(f"i{index}", "a title") for index in range(CANDIDATES)]
        sizes = np.array([CANDIDATES], dtype=np.int32)
        run = drive(job, Payloads([serialise_infer(Search("a", items))], sizes, schedule_ns))
    ours = figures(run, SLO_MS)
    return Check(
        name,
        tuple(near(f"{p}_ms", ours[f"{p}_ms"], theirs[p], bounds.peers) for p in ("p50", "p99")),
        {"requests": len(schedule_ns), "rate": rate, "invalid_reasons": reasons(run, SLO_MS)},
    )


def _analyzed(program: Path, place: Path, schedule_ns: Times, seconds: float) -> dict[str, float]:
    gaps_us = np.diff(schedule_ns, prepend=0) // NS_PER_US
    (place / "intervals").write_text("\n".join(str(max(1, gap)) for gap in gaps_us.tolist()))
    with scripted_server(STEADY) as server:
        _run(
            [
                *(str(program), "-m", "scripted", "-i", "grpc", "-u", server.target, "--async"),
                *("--request-intervals", str(place / "intervals"), "--percentile", "99"),
                *("--shape", "query:1", "--shape", f"title:{CANDIDATES}", "--string-data", "a"),
                # It reports over three windows that agree; they may differ here, for all count.
                *("--measurement-interval", str(round(seconds * 1e3 / WINDOWS))),
                *("--max-trials", str(WINDOWS), "--stability-percentage", "1000"),
                *("-f", str(place / "out.csv"), "--max-threads", "4"),
            ],
            3 * seconds + BEYOND_S,
        )
    if not (place / "out.csv").is_file():
        raise BenchError("perf_analyzer measured nothing; this machine may be too busy for it")
    with (place / "out.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    return {p: float(row[f"{p} latency"]) / US_PER_MS for p in ("p50", "p99")}


def _run(command: Sequence[str], limit_s: float) -> None:
    paths = [str(PERF_ANALYZER / library) for library in LIBRARIES]
    environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(paths)}
    try:
        done = subprocess.run(  # noqa: S603 -- our own command
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=limit_s,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{Path(command[0]).name} did not end within {limit_s:.0f} s") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise BenchError(f"the other harness failed: {said[-1] if said else done.returncode}")
