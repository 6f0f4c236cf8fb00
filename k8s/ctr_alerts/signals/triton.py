"""Triton's servers, where the model runs in Triton. Without it all states count 0: silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_alerts import metrics
from ctr_alerts.promql import joined, select
from ctr_alerts.proof import Proven
from ctr_alerts.signals.base import proof

if TYPE_CHECKING:
    from ctr_alerts.series import Series
    from ctr_alerts.signals.base import Maker

NAME = "CtrTritonServersLost"
STATES = ("verifying", "ready", "not_ready", "mismatch", "resting")


def _states(make: Maker, steps: int, **counts: int) -> tuple[Series, ...]:
    return tuple(
        make.standing(metrics.TRITON_SERVERS, counts.get(state, 0), steps + 1, state=state)
        for state in STATES
    )


def triton_none_ready(make: Maker) -> Proven:
    """A gateway knows servers, and none takes batches."""
    limit = make.limits.triton_none_ready
    ready = select(metrics.TRITON_SERVERS, make.of_job, 'state="ready"')
    known = select(metrics.TRITON_SERVERS, make.of_job)
    alert = make.alert(
        NAME,
        signal="triton",
        scope="all",
        limit=limit,
        expr=joined(
            f"sum by (instance, worker) ({ready}) == 0",
            f"and sum by (instance, worker) ({known}) > 0",
        ),
        summary="No Triton server takes batches: only cached and expired scores answer",
        description=(
            "{{ $labels.instance }}{{ with $labels.worker }}, worker {{ . }},{{ end }} knows "
            "Triton servers, and none of them is ready."
        ),
    )
    steps = make.steps_beyond(limit)
    return Proven(
        alert,
        (
            proof("none is ready", *_states(make, steps, not_ready=2), steps=steps, fires=1),
            proof("one is", *_states(make, steps, ready=1, resting=1), steps=steps, fires=0),
            proof("there is no Triton", *_states(make, steps), steps=steps, fires=0),
        ),
    )


def triton_some_lost(make: Maker) -> Proven:
    """A gateway knows servers that take no batches, for longer than a restart takes."""
    limit = make.limits.triton_some_lost
    other = select(metrics.TRITON_SERVERS, make.of_job, 'state!="ready"')
    alert = make.alert(
        NAME,
        signal="triton",
        scope="some",
        limit=limit,
        expr=f"sum by (instance, worker, state) ({other}) > 0",
        summary="A Triton server takes no batches",
        description=(
            "{{ $labels.instance }}{{ with $labels.worker }}, worker {{ . }},{{ end }} counts "
            "{{ $value }} Triton server(s) in state {{ $labels.state }}."
        ),
    )
    steps = make.steps_beyond(limit)
    return Proven(
        alert,
        (
            proof(
                "one serves another model",
                *_states(make, steps, ready=1, mismatch=1),
                steps=steps,
                fires=1,
            ),
            proof("all are ready", *_states(make, steps, ready=2), steps=steps, fires=0),
        ),
    )
