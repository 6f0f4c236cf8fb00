"""A cache in process lost its hits: the engine computes what it used to be spared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_alerts import metrics
from ctr_alerts.duration import Duration
from ctr_alerts.promql import joined, select
from ctr_alerts.proof import Proven
from ctr_alerts.rule import Record
from ctr_alerts.series import Phase, counter
from ctr_alerts.signals.base import proof

if TYPE_CHECKING:
    from ctr_alerts.proof import Proof
    from ctr_alerts.series import Series
    from ctr_alerts.signals.base import Maker

NOW, EARLIER, AGO = "10m", "1d", "1h"
"""The hits of the last minutes, against those of the day that ended an hour ago."""
LOOKUPS = f"ctr_cache:lookups:rate{NOW}"
HIT_RATIO = f"ctr_cache:hit_ratio:rate{NOW}"
CACHES = {
    "score": (metrics.SCORE_HITS, metrics.SCORE_MISSES),
    "token": (metrics.TEXT_HITS, metrics.TEXT_MISSES),
}
STEP = Duration.parse("5m")
KEYS = 10_000.0
"""Looked up a step."""


def cache_records(make: Maker) -> tuple[Record, ...]:
    """Lookups a second and hit ratio of each cache, over all gateways."""
    records = []
    for cache, (hits, misses) in CACHES.items():
        hit, missed = (
            f"sum(rate({select(metric, make.of_job)}[{make.window(NOW)}]))"
            for metric in (hits, misses)
        )
        lookups = f'{LOOKUPS}{{cache="{cache}"}}'
        records += [
            Record(LOOKUPS, f"{hit} + {missed}", {"cache": cache}),
            Record(HIT_RATIO, f"{hit} / on () ({lookups} > 0)", {"cache": cache}),
        ]
    return tuple(records)


def cache_cold(make: Maker) -> Proven:
    """Judged by what the same cache did before: what is a good share depends on the traffic."""
    limit = make.limits.cache_cold
    earlier = f"avg_over_time({HIT_RATIO}[{make.window(EARLIER)}] offset {make.window(AGO)})"
    alert = make.alert(
        "CtrCacheCold",
        signal="cache",
        limit=limit,
        expr=joined(
            f"{HIT_RATIO} < {limit.below_ratio:g} * {earlier}",
            f"and {earlier} > {limit.least_hit_ratio:g}",
            f"and {LOOKUPS} > {limit.least_lookups_per_s:g}",
        ),
        summary="A cache in process lost its hits",
        description=(
            "The {{ $labels.cache }} cache answers {{ $value | humanizePercentage }} of lookups, "
            f"less than {limit.below_ratio:g} times its share of the day before."
        ),
    )
    warm = Duration.parse(EARLIER).ms // STEP.ms
    cold = make.steps_beyond(limit, NOW, step=STEP)
    usual = 2 * limit.least_hit_ratio
    lost = usual * limit.below_ratio / 2
    return Proven(
        alert,
        (
            _claim(make, "hits fall far below the day's", (warm, usual), (cold, lost), fires=1),
            _claim(make, "hits are as ever", (warm, usual), (cold, usual), fires=0),
            _claim(make, "there never were many", (warm, lost), (cold, 0), fires=0),
        ),
    )


def _claim(make: Maker, claim: str, *shares: tuple[int, float], fires: int) -> Proof:
    hits, misses = CACHES["score"]
    series: tuple[Series, ...] = (
        counter(make.name(hits), *(Phase(steps, KEYS * share) for steps, share in shares)),
        counter(make.name(misses), *(Phase(steps, KEYS * (1 - share)) for steps, share in shares)),
    )
    return proof(claim, *series, steps=sum(steps for steps, _ in shares), step=STEP, fires=fires)
