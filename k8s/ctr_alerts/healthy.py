"""An hour in which all is well, as promtool sees it: every alert must keep silent.

Every metric that a rule reads is there, so that silence is not for want of data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_alerts import metrics
from ctr_alerts.duration import Duration
from ctr_alerts.series import Phase, Series, counter, gauge, labels
from ctr_alerts.traffic import Flow, Traffic
from ctr_alerts.yaml_text import yaml_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctr_alerts.rules import RuleFile
    from ctr_alerts.slo import Slo

STEP = Duration.parse("1m")
MINUTES = 60
LOOKS = 12
"""So often in the hour."""
REQUESTS = 6_000.0
"""A minute and a worker."""
SPENT = 0.5
"""Every share of bad requests is this part of what is allowed: some go wrong in any hour."""
NAME = "healthy_hour_test.yaml"


def healthy_hour(slo: Slo, files: tuple[RuleFile, ...]) -> str:
    """Return the test's text."""
    series = [one for worker in ("0", "1") for one in (*_spans(slo, worker), *_own(slo, worker))]
    up = labels(metrics.UP, job=slo.job, instance="gateway:8501")
    series.append(gauge(up, Phase(MINUTES + 1, 1)))
    looks = [
        {
            "expr": 'ALERTS{alertname=~"Ctr.+"}',
            "eval_time": str(STEP.times(MINUTES * look // LOOKS)),
            "exp_samples": [],
        }
        for look in range(1, LOOKS + 1)
    ]
    tree = {
        "rule_files": [f"../rules/{file.stem}.yaml" for file in files],
        "evaluation_interval": str(STEP),
        "group_eval_order": [file.group for file in files],
        "tests": [
            {
                "name": "A healthy hour: nothing fires, and nothing is about to",
                "interval": str(STEP),
                "input_series": [{"series": s.selector, "values": s.values} for s in series],
                "promql_expr_test": looks,
            }
        ],
    }
    return yaml_text(tree)


def _spans(slo: Slo, worker: str) -> Iterator[Series]:
    targets, traffic = slo.objectives, Traffic(slo, worker)

    def flow(budget: float) -> list[Flow]:
        return [Flow(MINUTES, REQUESTS, REQUESTS * budget * SPENT)]

    answered, degraded = traffic.degrading(flow(targets.degraded.budget))
    _, failed = traffic.failing(flow(targets.availability.budget))
    _, shed = traffic.shedding(flow(targets.shed.budget))
    yield from (answered, degraded, failed, shed)
    slowest = max(targets.latency, key=lambda target: target.threshold_ms)
    yield from traffic.slow(flow(slowest.budget), slowest.threshold_ms)


def _own(slo: Slo, worker: str) -> Iterator[Series]:
    """The gateway's own metrics: pace a minute of counters, value of gauges."""

    def name(metric: str, **more: str) -> str:
        return labels(metric, job=slo.job, instance="gateway:8501", worker=worker, **more)

    method = slo.methods[0]
    paces = {
        name(metrics.REQUESTS, method=method, code="OK"): REQUESTS,
        name(metrics.REFUSALS, method=method, reason="CALLER_LIMIT"): 1.0,
        name(metrics.FEATURE_IDS, entity="item", outcome="cache"): REQUESTS,
        name(metrics.FEATURE_IDS, entity="item", outcome="late"): 1.0,
        name(metrics.SCORE_HITS): REQUESTS,
        name(metrics.SCORE_MISSES): REQUESTS,
        name(metrics.TEXT_HITS): REQUESTS,
        name(metrics.TEXT_MISSES): REQUESTS,
        name(metrics.LOOP_LAG_BUCKET, le="0.001"): 599.0,
        name(metrics.LOOP_LAG_BUCKET, le="0.01"): 600.0,
        name(metrics.LOOP_LAG_BUCKET, le="+Inf"): 600.0,
    }
    values = {
        name(metrics.SERVING): 1.0,
        name(metrics.WORKER_UP): 1.0,
        name(metrics.MODEL_CREATED): -3_600.0,
        name(metrics.QUEUED_TOKENS): 20_000.0,
        name(metrics.QUEUE_LIMIT_TOKENS): 524_288.0,
        name(metrics.BREAKER_STATE, side="read"): 0.0,
        name(metrics.BREAKER_STATE, side="write"): 0.0,
        name(metrics.TRITON_SERVERS, state="ready"): 2.0,
        name(metrics.TRITON_SERVERS, state="resting"): 0.0,
        name(metrics.RESIDENT_MEMORY): 1e9,
    }
    for selector, pace in paces.items():
        yield counter(selector, Phase(MINUTES, pace))
    for selector, value in values.items():
        yield gauge(selector, Phase(MINUTES + 1, value))
