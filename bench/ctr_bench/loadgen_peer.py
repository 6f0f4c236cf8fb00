"""MLPerf LoadGen in Server mode against a target: `python -m ctr_bench.loadgen_peer ...`.

The other harness of the cross-check. It makes its own Poisson schedule and its own statistics; we
give it a way to send, and note when it sent, so that ours can replay the very same arrivals.
"""

from __future__ import annotations

import functools
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import grpc
import mlperf_loadgen as loadgen

from ctr_bench.protocols import PREDICT
from ctr_client.options import ClientOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

SUMMARY = "mlperf_log_summary.txt"
P99 = re.compile(r"^99\.00 percentile latency \(ns\)\s*:\s*(\d+)", re.MULTILINE)
P50 = re.compile(r"^50\.00 percentile latency \(ns\)\s*:\s*(\d+)", re.MULTILINE)
DEADLINE_S = 30.0
SEED = 20_260_101


class Sender:
    """Sends each query of LoadGen as one request, numbered as they come."""

    def __init__(self, target: str, messages: Sequence[bytes]) -> None:
        self._messages = messages
        self._options = ClientOptions(max_attempts=1).channel_options()
        self._channel = grpc.insecure_channel(target, options=self._options)
        self._method = self._channel.unary_unary(PREDICT, None, None)
        grpc.channel_ready_future(self._channel).result(timeout=DEADLINE_S)
        self.arrivals_ns: list[int] = []
        self.failed = 0

    def issue(self, samples: Sequence[Any]) -> None:
        """Send; LoadGen calls this at the moment that its schedule says."""
        for sample in samples:
            number = len(self.arrivals_ns)
            self.arrivals_ns.append(time.monotonic_ns())
            call = self._method.future(
                self._messages[number % len(self._messages)], timeout=DEADLINE_S
            )
            call.add_done_callback(functools.partial(self._done, sample.id))

    def _done(self, sample_id: int, call: grpc.Future[bytes]) -> None:
        self.failed += call.exception() is not None
        loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(sample_id, 0, 0)])

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def run_server_mode(sender: Sender, *, rate: float, requests: int, folder: Path) -> str:
    """Run LoadGen's Server scenario and return its summary."""
    settings = loadgen.TestSettings()
    settings.scenario = loadgen.TestScenario.Server
    settings.mode = loadgen.TestMode.PerformanceOnly
    settings.server_target_qps = rate
    settings.server_target_latency_ns = round(DEADLINE_S * 1e9)
    settings.server_coalesce_queries = False
    settings.min_duration_ms = 0
    settings.min_query_count = settings.max_query_count = requests
    settings.schedule_rng_seed = settings.sample_index_rng_seed = settings.qsl_rng_seed = SEED
    output = loadgen.LogOutputSettings()
    output.outdir = str(folder)
    logs = loadgen.LogSettings()
    logs.log_output = output
    system = loadgen.ConstructSUT(sender.issue, lambda: None)
    samples = loadgen.ConstructQSL(requests, requests, lambda _: None, lambda _: None)
    loadgen.StartTestWithLogSettings(system, samples, settings, logs)
    loadgen.DestroyQSL(samples)
    loadgen.DestroySUT(system)
    return (folder / SUMMARY).read_text()


@click.command()
@click.option("--target", required=True)
@click.option("--requests", "file", type=click.Path(path_type=Path), required=True)
@click.option("--rate", type=float, required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(target: str, file: Path, rate: float, out: Path) -> None:
    """Send the messages of a file (hex, a line each) once; write p50, p99 and the arrivals."""
    messages = [bytes.fromhex(line) for line in file.read_text().splitlines()]
    sender = Sender(target, messages)
    summary = run_server_mode(sender, rate=rate, requests=len(messages), folder=out.parent)
    sender.close()
    p50, p99 = P50.search(summary), P99.search(summary)
    if p50 is None or p99 is None:
        raise click.ClickException("LoadGen's summary has no percentiles")
    found = {
        "p50_ms": int(p50[1]) / 1e6,
        "p99_ms": int(p99[1]) / 1e6,
        "failed": sender.failed,
        "arrivals_ns": sender.arrivals_ns,
    }
    out.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
