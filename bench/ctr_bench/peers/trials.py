"""Trials of servers that may compute for callers that have gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.goodput import Trials
from ctr_bench.peers.process import settle

if TYPE_CHECKING:
    from ctr_bench.figures import Figures
    from ctr_bench.goodput import Traffic
    from ctr_bench.progress import Progress
    from ctr_bench.runner import Run


class SettledTrials(Trials):
    """Begins no trial before the server has done what the one before left behind."""

    def __init__(
        self, name: str, target: str, traffic: Traffic, progress: Progress, seed: int
    ) -> None:
        """See `Trials`."""
        super().__init__(name, target, traffic, progress, seed)
        self._asked = (target, traffic.messages[0])

    def run(self, rate: float, seconds: float, slo_ms: float) -> tuple[Figures, Run]:
        """See `Trials.run`."""
        settle(*self._asked)
        return super().run(rate, seconds, slo_ms)
