"""Trials of servers that may compute for callers that have gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_bench.peers.process import settle
from ctr_bench.trials import Trials

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_bench.goodput import Traffic
    from ctr_bench.progress import Progress
    from ctr_bench.slo import Slo
    from ctr_bench.trial import Sizes, Trial


class SettledTrials(Trials):
    """Begins no trial before the server has done what the one before left behind."""

    def __init__(  # noqa: PLR0913, PLR0917 -- as `Trials` has them
        self,
        name: str,
        target: str,
        traffic: Traffic,
        progress: Progress,
        seed: int,
        sizes: Sizes,
        before: Callable[[], object],
    ) -> None:
        """See `Trials`."""
        super().__init__(name, target, traffic, progress, seed, sizes, before=before)
        self._asked = (target, traffic.protocol, traffic.messages[0])

    def run(self, rate: float, requests: int, slo: Slo, *, to_the_end: bool = False) -> Trial:
        """See `Trials.run`."""
        settle(*self._asked)
        return super().run(rate, requests, slo, to_the_end=to_the_end)
