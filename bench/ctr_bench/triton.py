"""Gateway and Triton together against Triton's own dynamic batcher, on the same graph, in one run.

Each repeat finds the bound's best layout and starts the gateway in front of Triton's CPU target,
and the peers: tritonclient that tokenises, and Triton that joins requests, with each of a few queue
delays; the best of them counts. Then all are loaded in turn, the bound among them, a few seconds
each and another one first in each turn: what the machine does in a minute hits all alike.
"""

from __future__ import annotations

import contextlib
import functools
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ctr_bench.bound.measure import measure_bound
from ctr_bench.bound.sampler import BoundSampler
from ctr_bench.bound.sessions import triton_choice
from ctr_bench.bound.triton_repository import cpu_repository, write_peer_repository
from ctr_bench.errors import BenchError
from ctr_bench.gateway_process import NO_CACHES, GatewaySetup, running_gateway
from ctr_bench.goodput import Traffic, saturate
from ctr_bench.triton_process import running_triton
from ctr_bench.workload import SearchMaker, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ctr_bench.bound.measure import Bound
    from ctr_bench.bound.rows import RowMaker
    from ctr_bench.catalogue import Catalogue
    from ctr_bench.progress import Progress
    from ctr_bench.results import Results

CPU_TARGET = "cpu"
CANDIDATES = 16
DISTINCT_SEARCHES = 1_500
BOUND_LISTS = 64
BOUND_LAYOUT_S = 1.5
CALLERS = 16
PEER_DELAYS_US = (0, 2_000)
PEER_STARTS_S = 60.0
BOUND, GATEWAY = "raw_bound", "gateway"


@dataclass(frozen=True, slots=True)
class TritonPlan:
    """What to measure.

    Attributes:
        bundle: folder of the bundle, with `triton/cpu`.
        repeats: of everything.
        turns: of a repeat.
        seconds: of one closed loop, in each turn.
        slots: `--triton-slots` of the gateway; 0 is its default.
        seed: of the traffic.
    """

    bundle: Path
    repeats: int
    turns: int
    seconds: float
    slots: int = 0
    seed: int = 0


class TritonBench:
    """Runs the plan."""

    def __init__(
        self,
        plan: TritonPlan,
        rows: RowMaker,
        catalogue: Catalogue,
        progress: Progress,
        results: Results,
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
        self._results = results
        results.facts |= {
            "bundle": str(plan.bundle),
            "model_version": rows.bundle.manifest.model_version,
            "catalogue": catalogue.source,
            "callers": CALLERS,
        }

    def run(self) -> None:
        """Measure everything as often as the plan says.

        Raises:
            BenchError: a server or a generator failed.
        """
        plan = self._plan
        for repeat in range(plan.repeats):
            self._progress.say(f"repeat {repeat + 1} of {plan.repeats}: the raw bound")
            # Of the graph that Triton serves: on a bundle for OpenVINO that is not the default.
            bound = measure_bound(
                self._rows.bundle, self._lists, BOUND_LAYOUT_S, choice=self._served
            )
            self._results.facts["graph"] = bound.graph
            self._progress.say(f"bound of {bound.graph}: {bound.pairs_s:,.0f} pairs/s")
            with self._sides(bound) as sides:
                taken = self._take_turns(sides)
            pairs_s = {name: statistics.fmean(values) for name, values in taken.items()}
            best = max(pairs_s[_peer_name(delay)] for delay in PEER_DELAYS_US)
            self._results.add(
                {
                    **{f"{name}_pairs_s": value for name, value in pairs_s.items()},
                    "vs_triton_batcher_ratio": pairs_s[GATEWAY] / best,
                    "raw_bound_ratio": pairs_s[GATEWAY] / pairs_s[BOUND],
                }
            )

    def _take_turns(self, sides: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
        """Load all sides in turn; return the pairs a second of each, one a turn."""
        taken: dict[str, list[float]] = {name: [] for name in sides}
        names = list(sides)
        for turn in range(self._plan.turns):
            first = turn % len(names)
            for name in (*names[first:], *names[:first]):
                taken[name].append(sides[name]())
            told = ", ".join(f"{name} {values[-1]:,.0f}" for name, values in taken.items())
            self._progress.say(f"turn {turn + 1} of {self._plan.turns}, pairs/s: {told}")
        return taken

    @contextlib.contextmanager
    def _sides(self, bound: Bound) -> Iterator[dict[str, Callable[[], float]]]:
        """Start everything; yield what loads each side and returns its pairs a second."""
        plan = self._plan
        sampler = BoundSampler(self._rows.bundle, self._served, bound.best, self._lists)
        sides: dict[str, Callable[[], float]] = {
            BOUND: functools.partial(sampler.sample, plan.seconds)
        }
        with contextlib.ExitStack() as stack:
            target = stack.enter_context(running_triton(self._repository))
            flags = (*NO_CACHES, "--triton", target, "--triton-slots", str(plan.slots))
            gateway = stack.enter_context(running_gateway(GatewaySetup(plan.bundle, flags)))
            sides[GATEWAY] = functools.partial(self._load_gateway, gateway.target)
            for delay_us in PEER_DELAYS_US:
                folder = stack.enter_context(
                    tempfile.TemporaryDirectory(prefix="ctr-bench-", dir=self._beside())
                )
                repository = write_peer_repository(
                    self._repository, Path(folder) / "repository", delay_us=delay_us
                )
                peer = stack.enter_context(running_triton(repository))
                sides[_peer_name(delay_us)] = functools.partial(self._drive, Path(folder), peer)
            yield sides

    def _load_gateway(self, target: str) -> float:
        pairs_s, _ = saturate(target, self._traffic, callers=CALLERS, seconds=self._plan.seconds)
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


def _peer_name(delay_us: int) -> str:
    return f"triton_batcher_{delay_us}us"
