"""How fast the budgets burn.

First choice are the alert rules' own recordings, so that the page shows the figure that fired.
Where those rules are not loaded the bad shares are counted here, by the objectives' file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctr_monitor.around.objectives import seconds_of
from ctr_monitor.errors import PrometheusError
from ctr_monitor.model import Burn

if TYPE_CHECKING:
    from ctr_monitor.around.objectives import Objectives
    from ctr_monitor.around.prometheus import Prometheus

RECORDED = '{__name__=~"ctr_slo:burn_rate:.+"}'
BUDGETS = "ctr_slo:error_budget:ratio"
NAME = re.compile(r"ctr_slo:burn_rate:(\d+[smhdw])")


async def ask_burns(
    prometheus: Prometheus, objectives: Objectives, *, job: str, at_ms: int
) -> tuple[list[Burn], list[str]]:
    """Return the burns by objective and window, and a sentence for each that could not be had."""
    try:
        recorded = await _recorded(prometheus, at_ms)
    except PrometheusError as error:
        return [], [f"Burn: {error}"]
    if recorded:
        return recorded, []
    return await _counted(prometheus, objectives, job=job, at_ms=at_ms)


async def _recorded(prometheus: Prometheus, at_ms: int) -> list[Burn]:
    rates = await prometheus.values(RECORDED, at_ms)
    if not rates:
        return []
    budgets = {
        _objective(labels): value for labels, value in await prometheus.values(BUDGETS, at_ms)
    }
    burns = []
    for labels, rate in rates:
        found = NAME.fullmatch(labels.get("__name__", ""))
        slo = _objective(labels)
        if found and slo in budgets:
            bad_share = rate * budgets[slo]
            burns.append(Burn(slo=slo, window=found[1], bad_share=bad_share, rate=rate))
    return sorted(burns, key=lambda burn: (burn.slo, seconds_of(burn.window)))


def _objective(labels: dict[str, str]) -> str:
    return labels.get("objective") or labels.get("slo", "")


async def _counted(
    prometheus: Prometheus, objectives: Objectives, *, job: str, at_ms: int
) -> tuple[list[Burn], list[str]]:
    burns: list[Burn] = []
    missing: list[str] = []
    for objective in objectives.objectives:
        for window in objectives.windows:
            promql = objective.promql.replace("$J", f'job="{job}"').replace("$R", window)
            try:
                shares = await prometheus.values(promql, at_ms)
            except PrometheusError as error:
                missing.append(f"Burn of {objective.slo} over {window}: {error}")
                continue
            for _, share in shares[:1]:
                rate = share / objective.budget if objective.budget else None
                burns.append(Burn(slo=objective.slo, window=window, bad_share=share, rate=rate))
    return burns, missing
