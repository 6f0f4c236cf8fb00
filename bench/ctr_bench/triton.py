"""Gateway and Triton together against Triton's own dynamic batcher, on the same graph, in one run.

Each repeat: the raw bound, the gateway in front of Triton's CPU target, then the peer: tritonclient
that tokenises, and Triton that joins requests, with each of a few queue delays; its best counts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_bench.bound.measure import measure_bound
from ctr_bench.bound.sessions import triton_choice
from ctr_bench.bound.triton_repository import cpu_repository, write_peer_repository
from ctr_bench.errors import BenchError
from ctr_bench.gateway_process import NO_CACHES, GatewaySetup, running_gateway
from ctr_bench.goodput import Traffic, saturate
from ctr_bench.results import Results
from ctr_bench.triton_process import running_triton
from ctr_bench.workload import SearchMaker, Shape

if TYPE_CHECKING:
    from ctr_bench.bound.rows import RowMaker
    from ctr_bench.catalogue import Catalogue
    from ctr_bench.progress import Progress

CPU_TARGET = "cpu"
CANDIDATES = 16
DISTINCT_SEARCHES = 1_500
BOUND_LISTS = 64
BOUND_LAYOUT_S = 1.5
CALLERS = 16
PEER_DELAYS_US = (0, 2_000)
PEER_STARTS_S = 60.0


@dataclass(frozen=True, slots=True)
class TritonPlan:
    """What to measure.

    Attributes:
        bundle: folder of the bundle, with `triton/cpu`.
        repeats: of everything.
        seconds: of one closed loop.
        slots: `--triton-slots` of the gateway; 0 is its default.
        seed: of the traffic.
    """

    bundle: Path
    repeats: int
    seconds: float
    slots: int = 0
    seed: int = 0


class TritonBench:
    """Runs the plan."""

    def __init__(
        self, plan: TritonPlan, rows: RowMaker, catalogue: Catalogue, progress: Progress
    ) -> None:
        """Make the traffic; measures nothing yet.

        Raises:
            BenchError: the bundle has no repository for a CPU.
        """
        self._plan = plan
        self._rows = rows
        self._progress = progress
        self._repository = cpu_repository(plan.bundle)
        self._served = triton_choice(rows.bundle, CPU_TARGET)
        progress.say(f"making {DISTINCT_SEARCHES} distinct searches from {catalogue.source}")
        maker = SearchMaker(catalogue.titles, rows, Shape(CANDIDATES, rows.features), plan.seed)
        searches = maker.distinct(DISTINCT_SEARCHES)
        self._traffic = Traffic.of(searches)
        self._lists = rows.lists(searches[:BOUND_LISTS])
        self.results = Results(
            {
                "bundle": str(plan.bundle),
                "model_version": rows.bundle.manifest.model_version,
                "catalogue": catalogue.source,
                "callers": CALLERS,
            }
        )

    def run(self) -> Results:
        """Measure everything as often as the plan says.

        Raises:
            BenchError: a server or a generator failed.
        """
        for repeat in range(self._plan.repeats):
            self._progress.say(f"repeat {repeat + 1} of {self._plan.repeats}: the raw bound")
            # Of the graph that Triton serves: on a bundle for OpenVINO that is not the default.
            bound = measure_bound(
                self._rows.bundle, self._lists, BOUND_LAYOUT_S, choice=self._served
            )
            self.results.facts["graph"] = bound.graph
            self._progress.say(f"bound of {bound.graph}: {bound.pairs_s:,.0f} pairs/s")
            gateway = self._gateway()
            peers = {delay: self._peer(delay) for delay in PEER_DELAYS_US}
            best = max(peers.values())
            self.results.add(
                {
                    "raw_bound_pairs_s": bound.pairs_s,
                    "gateway_pairs_s": gateway,
                    **{f"triton_batcher_{delay}us_pairs_s": v for delay, v in peers.items()},
                    "vs_triton_batcher_ratio": gateway / best,
                    "raw_bound_ratio": gateway / bound.pairs_s,
                }
            )
        return self.results

    def _gateway(self) -> float:
        plan = self._plan
        with running_triton(self._repository) as target:
            flags = (*NO_CACHES, "--triton", target, "--triton-slots", str(plan.slots))
            with running_gateway(GatewaySetup(plan.bundle, flags)) as gateway:
                pairs_s, _ = saturate(
                    gateway.target, self._traffic, callers=CALLERS, seconds=plan.seconds
                )
        self._progress.say(f"gateway and Triton, {CALLERS} callers: {pairs_s:,.0f} pairs/s")
        return pairs_s

    def _peer(self, delay_us: int) -> float:
        with tempfile.TemporaryDirectory(prefix="ctr-bench-", dir=self._beside()) as folder:
            place = Path(folder)
            repository = write_peer_repository(
                self._repository, place / "repository", delay_us=delay_us
            )
            with running_triton(repository) as target:
                pairs_s = self._drive(place, target)
        self._progress.say(
            f"Triton's batcher, delay {delay_us} us, {CALLERS} callers: {pairs_s:,.0f} pairs/s"
        )
        return pairs_s

    def _beside(self) -> Path:
        """Return where hard links to the bundle's graph can be made."""
        folder = Path("build") / "bench"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _drive(self, place: Path, target: str) -> float:
        plan, requests, out = self._plan, place / "requests", place / "out.json"
        requests.write_text("\n".join(message.hex() for message in self._traffic.messages))
        command = [
            *(sys.executable, "-m", "ctr_bench.bound.triton_peer", "--bundle", str(plan.bundle)),
            *("--target", target, "--requests", str(requests), "--out", str(out)),
            *("--callers", str(CALLERS), "--seconds", str(plan.seconds)),
        ]
        limit_s = plan.seconds + PEER_STARTS_S
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=limit_s)  # noqa: S603 -- our own command
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip().splitlines()
            raise BenchError(f"the peer's callers failed: {said[-1] if said else error}") from None
        except subprocess.TimeoutExpired:
            raise BenchError(f"the peer's callers did not end within {limit_s:.0f} s") from None
        return float(json.loads(out.read_text())["pairs_s"])
