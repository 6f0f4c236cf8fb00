"""Who is gone: all gateways, one of several, or the metrics that the burn alerts read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_alerts import metrics
from ctr_alerts.promql import any_of, joined, select
from ctr_alerts.proof import Proven
from ctr_alerts.series import Phase, absent_after, counter, gauge, labels
from ctr_alerts.signals.base import proof
from ctr_alerts.sli import server_spans

if TYPE_CHECKING:
    from ctr_alerts.series import Series
    from ctr_alerts.signals.base import Maker

GONE = "CtrGatewayGone"
RATE_WINDOW = "5m"


def _up(make: Maker, value: float, steps: int, instance: str = "gateway:8501") -> Series:
    name = labels(metrics.UP, job=make.slo.job, instance=instance)
    return gauge(name, Phase(steps, value))


def gateway_gone(make: Maker) -> Proven:
    """Nobody answers: no gateway is up, or none of those that are serves."""
    limit = make.limits.gateway_gone
    alert = make.alert(
        GONE,
        signal="absent",
        limit=limit,
        scope="all",
        expr=joined(
            f"absent({select(metrics.UP, make.of_job)} == 1)",
            f"or absent({select(metrics.SERVING, make.of_job)} == 1)",
        ),
        summary="No gateway is up and serving",
        description=(
            f"Prometheus finds no target of job {make.slo.job} that is up, or none of those that "
            "are up says that it serves. Callers get no answers."
        ),
    )
    before = 10
    steps = before + make.steps_beyond(limit)
    after = steps - before
    serves = make.standing(metrics.SERVING, 1, steps + 1)
    served = make.standing(metrics.SERVING, 1, before)
    return Proven(
        alert,
        (
            proof(
                "the only target stays, and is down",
                gauge(
                    labels(metrics.UP, job=make.slo.job, instance="gateway:8501"),
                    Phase(before, 1),
                    Phase(after + 1, 0),
                ),
                absent_after(served, after),
                steps=steps,
                fires=1,
            ),
            proof(
                "the target itself vanishes",
                absent_after(_up(make, 1, before), after),
                absent_after(served, after),
                steps=steps,
                fires=1,
            ),
            proof(
                "it is up and never serves",
                _up(make, 1, steps + 1),
                make.standing(metrics.SERVING, 0, steps + 1),
                steps=steps,
                fires=1,
            ),
            proof("there is none at all", steps=steps, fires=1),
            proof("it is up and serves", _up(make, 1, steps + 1), serves, steps=steps, fires=0),
            proof(
                "one of two is down",
                _up(make, 1, steps + 1),
                _up(make, 0, steps + 1, "gateway:8502"),
                serves,
                steps=steps,
                fires=0,
            ),
        ),
    )


def instance_gone(make: Maker) -> Proven:
    """One of several gateways, or one worker of a gateway, does not answer Prometheus."""
    limit = make.limits.instance_gone
    alert = make.alert(
        GONE,
        signal="absent",
        limit=limit,
        scope="one",
        expr=joined(
            f"{select(metrics.UP, make.of_job)} == 0",
            f"or {select(metrics.WORKER_UP, make.of_job)} == 0",
        ),
        summary="One gateway, or one worker of it, does not answer",
        description=(
            "{{ $labels.instance }}{{ with $labels.worker }}, worker {{ . }},{{ end }} has not "
            "answered Prometheus for a while."
        ),
    )
    steps = make.steps_beyond(limit)
    return Proven(
        alert,
        (
            proof(
                "one of two instances is down",
                _up(make, 1, steps + 1),
                _up(make, 0, steps + 1, "gateway:8502"),
                steps=steps,
                fires=1,
            ),
            proof(
                "one of two workers is down",
                _up(make, 1, steps + 1),
                make.standing(metrics.WORKER_UP, 1, steps + 1),
                make.standing(metrics.WORKER_UP, 0, steps + 1, worker="1"),
                steps=steps,
                fires=1,
            ),
            proof(
                "all are up",
                _up(make, 1, steps + 1),
                make.standing(metrics.WORKER_UP, 1, steps + 1),
                steps=steps,
                fires=0,
            ),
        ),
    )


def span_metrics_absent(make: Maker) -> Proven:
    """Calls are answered, and the metrics that the burn alerts read say nothing of them."""
    limit = make.limits.span_metrics_absent
    window = make.window(RATE_WINDOW)
    methods = f'method=~"{any_of(make.slo.methods)}"'
    requests = select(metrics.REQUESTS, make.of_job, methods)
    calls = select(metrics.CALLS, *server_spans(make.slo))
    alert = make.alert(
        "CtrSpanMetricsAbsent",
        signal="absent",
        limit=limit,
        expr=joined(
            f"sum(rate({requests}[{window}])) > 0", f"unless sum(rate({calls}[{window}])) > 0"
        ),
        summary="Calls are served, but no span metrics count them: the burn alerts are blind",
        description=(
            '{{ $value | printf "%.1f" }} calls a second are served, and '
            f"{metrics.CALLS} does not move."
        ),
    )
    steps = make.steps_beyond(limit, RATE_WINDOW)
    served = counter(
        make.name(metrics.REQUESTS, method=make.slo.methods[0], code="OK"), Phase(steps, 60)
    )
    counted = counter(
        make.name(
            metrics.CALLS,
            service_name=make.slo.service_name,
            span_name=make.slo.spans[0],
            span_kind="SPAN_KIND_SERVER",
            status_code="STATUS_CODE_UNSET",
        ),
        Phase(steps, 60),
    )
    frozen = gauge(counted.selector, Phase(steps + 1, 60))
    idle = gauge(served.selector, Phase(steps + 1, 60))
    return Proven(
        alert,
        (
            proof("there are none", served, steps=steps, fires=1),
            proof("they stand still", served, frozen, steps=steps, fires=1),
            proof("they move", served, counted, steps=steps, fires=0),
            proof("nobody calls", idle, steps=steps, fires=0),
        ),
    )
