"""Scripted metrics of a gateway around a fault, as OpenMetrics with timestamps for promtool.

Each fault is a job of its own, so that one Prometheus holds them all: calm for 70 minutes, then the
fault for 10, of which the alert fires after 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.support.monitor_alerts import T0_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

STEP_S = 15
T0_S = T0_MS // 1000
BEGIN_S = T0_S - 4200
FAULT_S = T0_S - 120
END_S = T0_S + 480
MS_BOUNDS = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
SERVER = 'span_name="ctr.v1.PredictionService/PredictClicks",span_kind="SPAN_KIND_SERVER"'


@dataclass(frozen=True)
class Scene:
    """The gateways' state for a while. Rates are a second."""

    calls: float = 100.0
    failed_share: float = 0.0
    shed_share: float = 0.0
    degraded_share: float = 0.0
    latency_ms: float = 30.0
    token_us: float = 20.0
    queue: float = 0.1
    failed_rows: float = 0.0
    breaker: int = 0
    redis_failures: float = 0.0
    hit_share: float = 0.6
    replicas: int = 3
    lag_ms: float = 2.0
    callers: dict[str, float] = field(default_factory=lambda: {"web": 1.0})
    versions: dict[str, tuple[float, float]] = field(default_factory=lambda: {"v1": (1.0, 0.0)})
    """Version -> (share of the calls, share of them that fails)."""


CALM = Scene()
FAULTS = {
    "backend_slow": replace(
        CALM, token_us=160.0, latency_ms=380.0, queue=0.9, shed_share=0.2, degraded_share=0.1
    ),
    "backend_failing": replace(CALM, failed_rows=300.0, failed_share=0.3),
    "redis_lost": replace(
        CALM, breaker=2, redis_failures=14.0, hit_share=0.2, degraded_share=0.1, latency_ms=60.0
    ),
    "overload": replace(CALM, calls=420.0, shed_share=0.55, queue=1.0, latency_ms=120.0),
    "gateway_gone": replace(CALM, replicas=2, shed_share=0.1, queue=0.8),
    "one_caller": replace(
        CALM, calls=420.0, shed_share=0.5, queue=1.0, callers={"web": 0.25, "batch": 0.75}
    ),
    "one_model_version": replace(
        CALM, failed_share=0.15, versions={"v1": (0.5, 0.0), "v2": (0.5, 0.3)}
    ),
    "event_loop_blocked": replace(CALM, lag_ms=400.0, latency_ms=420.0),
}


def open_metrics(faults: dict[str, Scene]) -> str:
    """The whole file: all faults' jobs."""
    lines: dict[str, list[str]] = {}
    for job, scene in faults.items():
        for name, sample in _job(job.replace("_", "-"), scene):
            lines.setdefault(name, []).append(sample)
    parts = []
    for name, samples in lines.items():
        parts.append(f"# TYPE {name} unknown")
        # promtool wants the samples of one series together.
        parts += sorted(samples, key=lambda line: line.rsplit(" ", 2)[0])
    return "\n".join([*parts, "# EOF", ""])


def _job(job: str, fault: Scene) -> Iterator[tuple[str, str]]:
    totals: dict[tuple[str, str], float] = {}
    for at_s in range(BEGIN_S, END_S + 1, STEP_S):
        scene = fault if at_s >= FAULT_S else CALM
        for name, labels, rate in _counters(scene):
            key = (name, labels)
            totals[key] = totals.get(key, 0.0) + rate * STEP_S
        for name, labels, value in _gauges(scene):
            yield name, _sample(name, job, labels, value, at_s)
        for (name, labels), value in totals.items():
            yield name, _sample(name, job, labels, value, at_s)


def _sample(name: str, job: str, labels: str, value: float, at_s: int) -> str:
    return f'{name}{{job="{job}"{"," if labels else ""}{labels}}} {value:.6f} {at_s}'


def _counters(scene: Scene) -> Iterator[tuple[str, str, float]]:
    calls = "traces_span_metrics_calls_total"
    for version, (share, failed) in scene.versions.items():
        bad = max(failed, scene.failed_share if len(scene.versions) == 1 else 0.0)
        part = scene.calls * share
        labels = f'{SERVER},ctr_model_version="{version}"'
        yield calls, f'{labels},status_code="STATUS_CODE_UNSET"', part * (1 - bad)
        if bad:
            yield calls, f'{labels},status_code="STATUS_CODE_ERROR"', part * bad
        yield from _histogram(
            "traces_span_metrics_duration_milliseconds", labels, part, scene.latency_ms, MS_BOUNDS
        )
    yield "ctr_refusals_total", 'reason="OVERLOADED"', scene.calls * scene.shed_share
    yield "ctr_degraded_answers_total", "", scene.calls * scene.degraded_share
    tokens = 30_000.0
    yield "ctr_padded_tokens_total", "", tokens
    yield "ctr_compute_seconds_sum", "", tokens * scene.token_us / 1e6
    yield "ctr_compute_seconds_count", "", 60.0
    yield "ctr_failed_rows_total", "", scene.failed_rows
    yield "ctr_remote_failures_total", 'kind="connect",side="read"', scene.redis_failures
    for layer in ("score", "token"):
        yield f"ctr_{layer}_cache_hits_total", "", 1000 * scene.hit_share
        yield f"ctr_{layer}_cache_misses_total", "", 1000 * (1 - scene.hit_share)
    for caller, share in scene.callers.items():
        yield "ctr_caller_calls_total", f'caller="{caller}",code="OK"', scene.calls * share
    seconds = tuple(bound / 1000 for bound in MS_BOUNDS)
    yield from _histogram("ctr_event_loop_lag_seconds", "", 10.0, scene.lag_ms / 1000, seconds)


def _histogram(
    name: str, labels: str, rate: float, middle: float, bounds: tuple[float, ...]
) -> Iterator[tuple[str, str, float]]:
    """All observations lie in the bucket of `middle`."""
    comma = "," if labels else ""
    for bound in bounds:
        yield f"{name}_bucket", f'{labels}{comma}le="{bound:g}"', rate if middle <= bound else 0.0
    yield f"{name}_bucket", f'{labels}{comma}le="+Inf"', rate
    yield f"{name}_sum", labels, rate * middle
    yield f"{name}_count", labels, rate


def _gauges(scene: Scene) -> Iterator[tuple[str, str, float]]:
    for replica in range(3):
        up = replica < scene.replicas
        yield "up", f'instance="10.0.0.{replica}:8501"', float(up)
        if up:
            yield "ctr_serving", f'instance="10.0.0.{replica}:8501"', 1.0
    yield "ctr_queued_tokens", "", 8192 * scene.queue
    yield "ctr_queue_limit_tokens", "", 8192.0
    yield "ctr_remote_breaker_state", 'side="read"', float(scene.breaker)
    yield "process_resident_memory_bytes", "", 6e8
    for version in scene.versions:
        yield (
            "ctr_model_info",
            f'version="{version}",graph="joint",manifest_sha256="{version}f"',
            1.0,
        )
