"""Two servers under the same load in turn: ratios with intervals, or no difference.

Each pair sends the same requests by the same schedule to both, one after the other, and the next
pair in the other order: what the machine does in a minute hits both alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.errors import BenchError
from ctr_bench.figures import percentile_ms
from ctr_bench.paired import LEAST_PAIRS, paired_ratio
from ctr_bench.record import Row
from ctr_bench.trials import Trials

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctr_bench.goodput import Traffic
    from ctr_bench.paired import Ratio
    from ctr_bench.progress import Progress
    from ctr_bench.record import Records
    from ctr_bench.slo import Slo

LEAST_GOOD = 1e-9
"""In a share's place when there is none, so that a ratio is a number."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure of both sides.

    Attributes:
        a, b: over all pairs.
        ratio: b over a, with its interval.
    """

    a: float
    b: float
    ratio: Ratio

    @property
    def differs(self) -> bool:
        """Whether the interval leaves 1 out."""
        return self.ratio.low > 1 or self.ratio.high < 1

    def sentence(self, name: str, *, less_is_better: bool) -> str:
        """Say it in words."""
        text = f"{name}: A {self.a:,.4g}, B {self.b:,.4g}, B / A {self.ratio}"
        if not self.differs:
            return f"{text}: no difference"
        better = (self.ratio.value < 1) is less_is_better
        return f"{text}: B is {'better' if better else 'worse'}"


@dataclass(frozen=True, slots=True)
class Part:
    """A run, or a block of one.

    Attributes:
        seconds: in which its requests were due; above 0.
    """

    records: Records
    seconds: float


@dataclass(slots=True)
class Comparison:
    """Runs of both sides, in pairs.

    Attributes:
        slo: what goodput counts.
        a, b: runs or blocks, one a pair.
        left_out: pairs in which the generator was late on either side.
    """

    slo: Slo
    a: list[Part] = field(default_factory=list)
    b: list[Part] = field(default_factory=list)
    left_out: int = 0

    def add(self, a: Records, b: Records) -> None:
        """Take the runs of one pair."""
        for side, records in ((self.a, a), (self.b, b)):
            side.append(Part(records, float(records.scheduled_ns[-1]) / 1e9))

    def figures(self, seed: int) -> dict[str, Compared]:
        """Compare p50, p99 and goodput.

        Raises:
            BenchError: there are too few pairs.
        """
        if len(self.a) < LEAST_PAIRS:
            raise BenchError(
                f"{len(self.a)} valid pairs are too few to compare by; it takes {LEAST_PAIRS}. "
                f"{self.left_out} were left out because the generator was late"
            )
        found = {}
        for name, figure in self._named():
            found[name] = Compared(
                figure(self.a), figure(self.b), paired_ratio(self.b, self.a, figure, seed=seed)
            )
        return found

    def _named(self) -> list[tuple[str, Callable[[Sequence[Part]], float]]]:
        return [
            ("p50_ms", lambda parts: _percentile(parts, 50)),
            ("p99_ms", lambda parts: _percentile(parts, 99)),
            ("goodput_pairs_s", self._goodput),
        ]

    def _goodput(self, parts: Sequence[Part]) -> float:
        pairs = seconds = 0.0
        for part in parts:
            records = part.records
            in_time = records.complete & (records.latency_ms <= self.slo.limit_ms)
            pairs += float(records.candidates[in_time].sum())
            seconds += part.seconds
        return max(pairs / seconds, LEAST_GOOD)


LESS_IS_BETTER = {"p50_ms": True, "p99_ms": True, "goodput_pairs_s": False}


def _percentile(parts: Sequence[Part], percent: float) -> float:
    """Return a percentile over all requests; one without a good answer took its whole deadline.

    Endless would make a ratio of nothing: what is known is that nobody waited longer.
    """
    return percentile_ms(np.concatenate([part.records.latency_ms for part in parts]), percent)


@dataclass(frozen=True, slots=True)
class ComparePlan:
    """How to compare.

    Attributes:
        slo: what goodput counts.
        rate: requests a second, to each side alone.
        pairs: of runs.
        requests: of a run.
        seed: of the schedules.
    """

    slo: Slo
    rate: float
    pairs: int = 10
    requests: int = 300
    seed: int = 0


def compare_targets(
    comparison: Comparison,
    targets: tuple[str, str],
    traffic: Traffic,
    plan: ComparePlan,
    progress: Progress,
) -> None:
    """Run the pairs; what was run is in `comparison` even when this ends by an exception.

    Raises:
        BenchError: a server or the generator failed.
    """
    for pair in range(plan.pairs):
        part = traffic.from_request(pair * plan.requests)
        sides = [("A", targets[0]), ("B", targets[1])]
        runs: dict[str, Records] = {}
        valid = True
        for name, target in sides if pair % 2 == 0 else reversed(sides):
            label = f"pair {pair + 1} of {plan.pairs}, {name}"
            trials = Trials(label, target, part, progress, plan.seed + pair)
            trial = trials.run(plan.rate, plan.requests, plan.slo, to_the_end=True)
            runs[name] = trial.run.records
            valid = valid and trial.judgement.figures.valid
        if valid:
            comparison.add(runs["A"], runs["B"])
        else:
            comparison.left_out += 1


BLOCKS = 10


def blocks_of(records: Records, blocks: int = BLOCKS) -> list[Part]:
    """Cut a run in blocks of equal time, each with a schedule that begins at 0.

    Blocks stand for pairs where two runs were recorded apart. Requests of one moment are late
    together, so blocks are drawn and not requests.

    Raises:
        BenchError: a block has no request.
    """
    end_ns = int(records.scheduled_ns[-1]) + 1
    edges_ns = np.linspace(0, end_ns, blocks + 1)
    places = np.searchsorted(records.scheduled_ns, edges_ns)
    found = []
    for begin, end, edge_ns in zip(places, places[1:], edges_ns, strict=False):
        if begin == end:
            raise BenchError(f"a run of {len(records)} requests is too short to compare by")
        cut = _cut(records, int(begin), int(end), int(edge_ns))
        found.append(Part(cut, end_ns / blocks / 1e9))
    return found


def _cut(records: Records, begin: int, end: int, edge_ns: int) -> Records:
    columns = {name: getattr(records, name)[begin:end] for name in Row._fields}
    for name in ("scheduled_ns", "sent_ns", "done_ns"):
        columns[name] = columns[name] - edge_ns
    return replace(records, **columns)
