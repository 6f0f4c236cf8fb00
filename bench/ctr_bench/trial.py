"""How long a trial is, what one leaves, and what a search of them finds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctr_bench.figures import Figures
    from ctr_bench.pool import Judgement
    from ctr_bench.runner import Run
    from ctr_bench.slo import Slo

LEAST_SLOS = 20
"""A trial lasts so many times the SLO, a confirming one in proportion."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Requests of a trial.

    Attributes:
        requests: of a trial of the search.
        confirm_requests: of a confirming one.
    """

    requests: int = 500
    confirm_requests: int = 1_500

    def at(self, rate: float, slo: Slo, *, at_length: bool) -> int:
        """Return how many requests a trial at `rate` requests a second has."""
        least = math.ceil(rate * LEAST_SLOS * slo.limit_ms / 1e3)
        if at_length:
            return max(
                self.confirm_requests, least * max(1, self.confirm_requests // self.requests)
            )
        return max(self.requests, least)


@dataclass(frozen=True, slots=True)
class Trial:
    """One load run.

    Attributes:
        rate: offered requests a second.
        planned: requests of its schedule; `judgement` tells how many were sent before it was lost
            or won.
        judgement: of its own requests.
        run: as the generator left it.
    """

    rate: float
    planned: int
    judgement: Judgement
    run: Run


@dataclass(frozen=True, slots=True)
class Goodput:
    """What held, by all requests that were sent at its rate.

    Attributes:
        pairs_s: goodput; 0.0 when no rate held.
        requests_s: the rate that was asked for.
        figures: None when no rate held.
        confirmed: by a trial at length; when False, by trials of the search alone.
        judgement: None when no rate held.
        failed_requests_s: the lowest rate that was not held; infinite when there is none.
        generator_cpu_share: in the last trial at this rate.
    """

    pairs_s: float = 0.0
    requests_s: float = 0.0
    confirmed: bool = False
    judgement: Judgement | None = None
    failed_requests_s: float = math.inf
    generator_cpu_share: float = 0.0

    @property
    def found(self) -> bool:
        """Whether any rate held."""
        return self.judgement is not None

    @property
    def figures(self) -> Figures | None:
        """Of the rate that held."""
        return None if self.judgement is None else self.judgement.figures
