"""What a capacity plan is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctr_bench.capacity import Policy
from ctr_bench.trial import Sizes

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_bench.forecast import Forecast
    from ctr_bench.slo import Slo

PARTS = ("start", "queue", "callers", "cache", "loss")
"""What is measured beside goodput, each of which may be left out."""


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """What to plan.

    Attributes:
        bundle: to serve.
        flags: of `ctr-service serve`.
        slo: what must be kept.
        forecast: the loads.
        policy: what to survive.
        price: of one replica for an hour.
        sizes: of the trials.
        repeats: searches for the goodput.
        goodput_pairs_s: of one replica, known already; 0 measures it.
        start: first rate of the search in requests a second; 0 asks a closed loop.
        parts: some of PARTS.
        cache_shares: of requests whose scores are cached.
        verify: run the planned replicas here, and one fewer.
        seed: of searches and schedules.
    """

    bundle: Path
    slo: Slo
    forecast: Forecast
    policy: Policy = field(default_factory=Policy)
    price: float = 0.0
    flags: tuple[str, ...] = ()
    sizes: Sizes = field(default_factory=Sizes)
    repeats: int = 1
    goodput_pairs_s: float = 0.0
    start: float = 0.0
    parts: frozenset[str] = frozenset(PARTS)
    cache_shares: tuple[float, ...] = (0.5, 0.9)
    verify: bool = False
    seed: int = 0
