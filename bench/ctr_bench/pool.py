"""All that was seen at one rate, judged together. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.figures import MIN_GOOD_SHARE, Figures, figures_of, percentile_ms
from ctr_bench.record import Row
from ctr_bench.verdict import Decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_bench.record import Records
    from ctr_bench.slo import Slo


def joined(runs: Sequence[Records]) -> Records:
    """Put runs one behind the other, as if each had begun when the last request before it was due.

    Args:
        runs: at least one, each of at least one request.
    """
    ends_ns = np.cumsum([0, *(run.scheduled_ns[-1] for run in runs[:-1])])
    columns = {name: np.concatenate([getattr(run, name) for run in runs]) for name in Row._fields}
    shift_ns = np.repeat(ends_ns, [len(run) for run in runs])
    for name in ("scheduled_ns", "sent_ns", "done_ns"):
        columns[name] = columns[name] + shift_ns
    return replace(runs[0], **columns)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rate's requests say; see `judge`.

    Attributes:
        figures: over all of them.
        slow_ms: the SLO's own percentile.
        late: requests beyond the SLO's limit, or not answered well.
        decision: at 99 % confidence.
        held: going by the counts: late ones, answers that were no good, and the generator in time.
    """

    figures: Figures
    requests: int
    slow_ms: float
    late: int
    decision: Decision
    held: bool

    @property
    def sure(self) -> bool:
        """Whether the decision and the counts agree, and the generator was in time."""
        agreed = Decision.HELD if self.held else Decision.NOT_HELD
        return self.figures.valid and self.decision is agreed

    def __str__(self) -> str:
        verdict = "held" if self.held else "not held"
        if not self.figures.valid:
            return f"{verdict} (invalid: the generator was late)"
        return f"{verdict} ({'at 99 %' if self.sure else 'point'})"


def judge(records: Records, slo: Slo) -> Judgement:
    """Judge requests of one rate.

    A rate is held when as few requests are late as the SLO's percentile allows, and 99.9 % of all
    are answered complete and undegraded. The decision is about lateness; with more bad answers than
    that it is never HELD.

    Args:
        records: at least one request.
        slo: what must be kept.
    """
    figures = figures_of(records, slo.limit_ms)
    latency_ms = np.where(records.complete, records.latency_ms, np.inf)
    late = int((latency_ms > slo.limit_ms).sum())
    enough_good = figures.good_share >= MIN_GOOD_SHARE
    decision = slo.claim.decide(len(records), late)
    if decision is Decision.HELD and not enough_good:
        decision = Decision.UNDECIDED
    return Judgement(
        figures,
        len(records),
        percentile_ms(latency_ms, slo.percent),
        late,
        decision,
        figures.valid and enough_good and late <= slo.claim.allowed_late(len(records)),
    )
