"""A process's memory grows, and goes on growing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_alerts import metrics
from ctr_alerts.duration import Duration
from ctr_alerts.promql import joined, select
from ctr_alerts.proof import Proven
from ctr_alerts.series import Phase, Series, counter
from ctr_alerts.signals.base import proof

if TYPE_CHECKING:
    from ctr_alerts.signals.base import Maker

STEP = Duration.parse("5m")
START_BYTES = 1e9


def memory_growing(make: Maker) -> Proven:
    """Twice in a row: a process that fills its caches grows once, and then less and less."""
    limit = make.limits.memory_growing
    memory = select(metrics.RESIDENT_MEMORY, make.of_job)
    once, twice = make.timing.window(limit.over), make.timing.window(limit.over.times(2))
    factor = 1 + limit.above_percent / 100
    alert = make.alert(
        "CtrMemoryGrowing",
        signal="memory",
        limit=limit,
        expr=joined(
            f"{memory} > {factor:g} * ({memory} offset {once})",
            f"and ({memory} offset {once}) > {factor:g} * ({memory} offset {twice})",
        ),
        summary="A gateway's memory grows and goes on growing",
        description=(
            "{{ $labels.instance }}{{ with $labels.worker }}, worker {{ . }},{{ end }} holds "
            f"{{{{ $value | humanize1024 }}}}B, more than {limit.above_percent:g} % more than "
            f"{limit.over} ago, and had grown as much in the {limit.over} before."
        ),
    )
    of_window = limit.over.ms // STEP.ms
    steps = 2 * of_window + make.steps_beyond(limit, step=STEP)
    growth = START_BYTES * limit.above_percent / 100 * 2 / of_window

    def grows(*phases: Phase) -> Series:
        return counter(make.name(metrics.RESIDENT_MEMORY), Phase(1, START_BYTES), *phases)

    return Proven(
        alert,
        (
            proof("it leaks", grows(Phase(steps, growth)), steps=steps, step=STEP, fires=1),
            proof(
                "it filled its caches",
                grows(Phase(of_window, growth), Phase(steps, 0)),
                steps=steps,
                step=STEP,
                fires=0,
            ),
            proof("it stands", grows(Phase(steps, 0)), steps=steps, step=STEP, fires=0),
        ),
    )
