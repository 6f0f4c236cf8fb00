"""What must hold between the fields of the file of objectives. Each breach is one sentence."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from ctr_alerts.windows import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_alerts.slo import Slo

SCRAPES_A_WINDOW = 4
"""A rate needs two samples; a lost scrape and an unlucky edge take one each."""


def breaches(slo: Slo) -> tuple[str, ...]:
    """Return what is wrong, each beginning with the field's path; empty when all is well."""
    return (*_bounds(slo), *_latency(slo), *_burn(slo), *_intervals(slo))


def _bounds(slo: Slo) -> Iterator[str]:
    bounds = slo.duration_bounds_ms
    if bounds[0] <= 0:
        yield f"duration_bounds_ms[0] must be above 0, not {bounds[0]:g}"
    for index, (low, high) in enumerate(pairwise(bounds), start=1):
        if high <= low:
            yield (
                f"duration_bounds_ms[{index}] must be above the bound before it, "
                f"{low:g}, not {high:g}"
            )


def _latency(slo: Slo) -> Iterator[str]:
    seen: set[float] = set()
    for index, target in enumerate(slo.objectives.latency):
        field = f"objectives.latency[{index}].threshold_ms"
        if target.threshold_ms not in slo.duration_bounds_ms:
            bounds = ", ".join(f"{bound:g}" for bound in slo.duration_bounds_ms)
            yield (
                f"{field} must be one of duration_bounds_ms ({bounds}), not "
                f"{target.threshold_ms:g}: add it to duration_bounds_ms"
            )
        if target.threshold_ms in seen:
            yield f"{field} is {target.threshold_ms:g} twice; one target a threshold"
        seen.add(target.threshold_ms)


def _burn(slo: Slo) -> Iterator[str]:
    objectives = slo.objectives
    budgets = {
        "objectives.availability": objectives.availability.budget,
        "objectives.shed": objectives.shed.budget,
        "objectives.degraded": objectives.degraded.budget,
    }
    for index, target in enumerate(objectives.latency):
        budgets[f"objectives.latency[{index}]"] = target.budget
    seen: set[str] = set()
    for index, window in enumerate(slo.burn):
        if window.short >= window.long:
            yield f"burn[{index}].short must be below burn[{index}].long, {window.long}"
        if str(window.long) in seen:
            yield f"burn[{index}].long is {window.long} twice; it names the alert's window"
        seen.add(str(window.long))
        for field, budget in budgets.items():
            if window.burn_rate * budget >= 1:
                yield (
                    f"burn[{index}].burn_rate must be below {1 / budget:g} for the target of "
                    f"{field}, not {window.burn_rate:g}: it could never fire"
                )


def _intervals(slo: Slo) -> Iterator[str]:
    for index, window in enumerate(slo.burn):
        least = slo.intervals.scrape.times(SCRAPES_A_WINDOW)
        if window.short < least:
            yield (
                f"burn[{index}].short must be at least {SCRAPES_A_WINDOW} x intervals.scrape, "
                f"{least}, not {window.short}"
            )
        if slo.intervals.of(window.severity) > window.short:
            yield (
                f"intervals.{window.severity} must be at most burn[{index}].short, {window.short}"
            )
    if not any(window.severity == PAGE for window in slo.burn):
        yield "burn needs at least one row of severity page: nobody would be woken"
