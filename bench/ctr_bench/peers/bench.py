"""Every target on the same graph, the same searches and the same SLO, in one run.

First the raw bound; then each target by itself: saturated by a closed loop, then the highest
open-loop rate at which p99 keeps the SLO, by the search that measures the gateway. The bound's best
layout is timed again before each trial, and a target's ratios are to what it did meanwhile: a
machine's speed moves within minutes, by as much as targets differ.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_bench.bound.bare import list_seconds
from ctr_bench.bound.choice import graph_facts, onnxruntime_choice
from ctr_bench.bound.measure import measure_bound
from ctr_bench.bound.sampler import BoundSampler
from ctr_bench.bound.sessions import open_sessions
from ctr_bench.errors import BenchError
from ctr_bench.goodput import DEADLINE_FACTOR, Traffic, saturate
from ctr_bench.peers.facts import facts_of
from ctr_bench.peers.process import ask_once
from ctr_bench.peers.quiet import MAX_OTHERS_SHARE, others_share, read_clock
from ctr_bench.peers.results import goodput_figures
from ctr_bench.peers.targets import TARGETS, check_installed
from ctr_bench.peers.trials import SettledTrials
from ctr_bench.record import OK
from ctr_bench.slo import Slo
from ctr_bench.workload import SearchMaker, Shape
from peers.scorer import Scorer, Setup
from peers.sync_grpc import search_of_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.bound.measure import Bound
    from ctr_bench.bound.rows import RowMaker
    from ctr_bench.catalogue import Catalogue
    from ctr_bench.peers.results import PeerResults
    from ctr_bench.peers.targets import Server, Target
    from ctr_bench.progress import Progress
    from ctr_bench.trial import Sizes

CANDIDATES = 16
SLO_LISTS = 7.5
"""The SLO is so many times the time of one list at the bound, as in `ctr-bench serving`."""
DISTINCT_SEARCHES = 1_500
BOUND_LISTS = 64
BOUND_LAYOUT_S = 1.5
CHUNKS_ROWS = (4, 8, 16)
CHUNK_LISTS = 16
CALLERS = 16
FIRST_RATE_SHARE = 0.55
"""The search begins at this share of what the target did saturated."""
TOLERANCE = 1.08
MAX_TRIALS = 5
SAME_SCORES = 0.3
"""Most that a probability may differ from the scorer's own: 8-bit graphs depend on the batch."""
BYTES_A_MB = 1e6


@dataclass(frozen=True, slots=True)
class PeersPlan:
    """What to measure.

    Attributes:
        bundle: folder of the bundle.
        repeats: of everything.
        sizes: of a search's trials.
        closed_s: length of the closed loop.
        only: names of targets; empty is all of them.
        seed: of traffic and schedules.
    """

    bundle: Path
    repeats: int
    sizes: Sizes
    closed_s: float
    only: frozenset[str] = frozenset()
    seed: int = 0


class PeersBench:
    """Runs the plan."""

    def __init__(
        self,
        plan: PeersPlan,
        rows: RowMaker,
        catalogue: Catalogue,
        progress: Progress,
        results: PeerResults,
    ) -> None:
        """Make the traffic; measures nothing yet.

        Raises:
            BenchError: the bundle has no graph for ONNX Runtime, or a peer is not installed.
        """
        self._plan = plan
        self._rows = rows
        self._progress = progress
        self._choice = onnxruntime_choice(rows.bundle)
        self._targets = [t for t in TARGETS if not plan.only or t.name in plan.only]
        check_installed(self._targets)
        progress.say(f"making {DISTINCT_SEARCHES} distinct searches from {catalogue.source}")
        maker = SearchMaker(catalogue.titles, rows, Shape(CANDIDATES, rows.features), plan.seed)
        self._searches = maker.distinct(DISTINCT_SEARCHES)
        self._lists = rows.lists(self._searches[:BOUND_LISTS])
        tokens = [row.length for rows_of_list in self._lists for row in rows_of_list]
        self._results = results
        results.facts |= {
            **graph_facts(rows.bundle, self._choice),
            "catalogue": catalogue.source,
            "candidates": CANDIDATES,
            "pair_tokens_mean": round(sum(tokens) / len(tokens), 1),
            "slo_lists": SLO_LISTS,
            "caller_deadline_slos": DEADLINE_FACTOR,
            "trial_requests": plan.sizes.requests,
            "confirm_requests": plan.sizes.confirm_requests,
            "closed_s": plan.closed_s,
            **facts_of(self._targets),
        }

    def run(self) -> None:
        """Measure everything as often as the plan says.

        A server that failed, or scores something else, has no figures of that repeat, and the fact
        `failed` says why.

        Raises:
            BundleError, BackendFailedError: the graph does not load or run.
        """
        plan = self._plan
        for repeat in range(plan.repeats):
            self._progress.say(f"repeat {repeat + 1} of {plan.repeats}: the raw bound")
            bound = measure_bound(
                self._rows.bundle, self._lists, BOUND_LAYOUT_S, choice=self._choice
            )
            slo = _slo_of(bound)
            chunk_rows = self._best_chunk_rows()
            self._progress.say(
                f"bound of {bound.graph}: {bound.pairs_s:,.0f} pairs/s ({bound.best}); "
                f"SLO {slo.limit_ms:.0f} ms; peers run chunks of {chunk_rows}"
            )
            self._results.add(
                {
                    "raw_bound_pairs_s": bound.pairs_s,
                    "slo_ms": slo.limit_ms,
                    "peer_chunk_rows": float(chunk_rows),
                }
            )
            setup = Setup(plan.bundle.resolve(), bound.graph, chunk_rows)
            # Another one begins each time, so that nobody always has the machine's first minutes.
            first = repeat % len(self._targets)
            for target in (*self._targets[first:], *self._targets[:first]):
                try:
                    self._measure(target, setup, bound, plan.seed + 1_000 * (repeat + 1))
                except BenchError as error:
                    # One peer's fault must not cost the others' ten minutes; the reader is told.
                    self._progress.say(f"{target.name} failed: {error}")
                    self._results.add_failure(target.name, str(error))

    def _measure(self, target: Target, setup: Setup, bound: Bound, seed: int) -> None:
        sampler = BoundSampler(self._rows.bundle, self._choice, bound.best, self._lists)
        traffic = Traffic(
            [target.serialise(search) for search in self._searches],
            [CANDIDATES] * len(self._searches),
            target.protocol,
        )
        plan = self._plan
        before = read_clock()
        with target.running(setup, traffic.messages[0]) as server:
            difference = self._check_scores(target, setup, server, traffic.messages[0])
            saturated, _ = saturate(server.target, traffic, callers=CALLERS, seconds=plan.closed_s)
            self._progress.say(f"{target.name}, {CALLERS} callers: {saturated:,.0f} pairs/s")
            trials = SettledTrials(
                *(target.name, server.target, traffic, self._progress, seed, plan.sizes),
                before=sampler.sample,
            )
            found = trials.goodput(
                start=FIRST_RATE_SHARE * saturated / CANDIDATES,
                slo=_slo_of(bound),
                tolerance=TOLERANCE,
                max_trials=MAX_TRIALS,
            )
            rss_bytes = server.rss_bytes()
        meanwhile_pairs_s = sampler.mean_since()
        others = others_share(before, read_clock(), os.cpu_count() or 1)
        if others > MAX_OTHERS_SHARE:
            self._progress.say(f"{target.name}: disturbed, others used {others:.0%} of the machine")
        self._results.add_target(
            target.name,
            {
                **goodput_figures(found),
                "bound_ratio": found.pairs_s / meanwhile_pairs_s,
                "rss_mb": rss_bytes / BYTES_A_MB,
                "saturated_pairs_s": saturated,
                "saturated_ratio": saturated / meanwhile_pairs_s,
                "bound_meanwhile_pairs_s": meanwhile_pairs_s,
                "others_cpu_share": others,
                "score_difference_max": difference,
            },
        )

    def _check_scores(self, target: Target, setup: Setup, server: Server, message: bytes) -> float:
        """Return how far the first list's scores are from the scorer's own.

        Raises:
            BenchError: so far that it cannot be the same graph on the same rows.
        """
        code, raw = ask_once(server.target, target.protocol, message)
        if code != OK:
            raise BenchError(f"{target.name} answered its first search with gRPC code {code}")
        scores = target.probabilities_of(raw)
        wanted = Scorer(setup).score(search_of_bytes(self._searches[0].serialise()))
        if len(scores) != len(wanted):
            raise BenchError(f"{target.name} gave {len(scores)} scores for {len(wanted)} items")
        difference: float = max(abs(a - b) for a, b in zip(scores, wanted, strict=True))
        if not difference <= SAME_SCORES:
            raise BenchError(
                f"{target.name} gave scores that differ by {difference:.2f} from the graph's own: "
                "it serves something else"
            )
        return difference

    def _best_chunk_rows(self) -> int:
        """Return the chunk in which one thread scores a list fastest; the peers all get it."""
        pad_id = self._rows.bundle.manifest.template.pad_id
        (session,) = open_sessions(self._rows.bundle, self._choice, sessions=1, threads=1)
        seconds = {
            chunk_rows: list_seconds(session, self._lists[:CHUNK_LISTS], chunk_rows, pad_id)
            for chunk_rows in CHUNKS_ROWS
        }
        return min(seconds, key=seconds.__getitem__)


def _slo_of(bound: Bound) -> Slo:
    return Slo(SLO_LISTS * CANDIDATES / bound.pairs_s * 1e3)
