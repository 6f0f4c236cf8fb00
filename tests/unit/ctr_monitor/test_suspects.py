"""The table of causes: each scripted fault has its own cause first, whatever it drags along."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from ctr_monitor.around.questions import BY_KEY as QUESTIONS
from ctr_monitor.model import Change, Reading
from ctr_monitor.suspects import causes
from ctr_monitor.suspects.evidence import Evidence, TraceFacts
from ctr_monitor.suspects.ranking import Cause, rank
from ctr_monitor.suspects.table import BY_KEY, TABLE

CALM = {
    "traffic": 100.0,
    "error_share": 0.0,
    "latency_p99": 40.0,
    "shed_share": 0.0,
    "degraded_share": 0.0,
    "queue_saturation": 0.1,
    "queue_wait_p99": 3.0,
    "compute_us_token": 20.0,
    "compute_ms_batch": 10.0,
    "failed_rows": 0.0,
    "loop_lag_p99": 2.0,
    "score_hit_share": 0.6,
    "token_hit_share": 0.9,
    "replicas_up": 3.0,
    "serving": 3.0,
    "memory_bytes": 5e8,
    "late_feature_share": 0.0,
    "remote_read_p99": 1.0,
    "deadline_slack_p05": 40.0,
    "restarts": 0.0,
}


def evidence(
    *alerts: str,
    changes: tuple[Change, ...] = (),
    traces: TraceFacts | None = None,
    several: dict[tuple[str, str, str], tuple[float, float]] | None = None,
    gone: tuple[str, ...] = (),
    **during: float,
) -> Evidence:
    """Calm numbers before; during, the calm ones with some replaced."""
    readings = [
        Reading(
            key=key,
            labels={},
            before=value,
            during=None if key in gone else during.get(key, value),
        )
        for key, value in CALM.items()
    ]
    readings += [
        Reading(key=key, labels={name: value}, before=before, during=worst)
        for (key, name, value), (before, worst) in (several or {}).items()
    ]
    return Evidence(
        alerts=frozenset(alerts),
        readings=tuple(readings),
        changes=changes,
        traces=traces or TraceFacts(),
    )


SLOW_TRACES = TraceFacts(slow=40, stage_share={"ctr.queue": 0.7, "ctr.compute": 0.25})
FAULTS = {
    # The queue fills, calls are shed and wait in the queue: the engine is slow all the same.
    "backend_slow": evidence(
        "CtrLatencyBurn",
        traces=SLOW_TRACES,
        compute_us_token=120.0,
        compute_ms_batch=60.0,
        latency_p99=400.0,
        queue_wait_p99=200.0,
        queue_saturation=0.95,
        shed_share=0.3,
        degraded_share=0.2,
    ),
    "backend_failing": evidence(
        "CtrAvailabilityBurn",
        traces=TraceFacts(
            failed=30,
            failed_stage_share={"ctr.compute": 1.0},
            reason_share={"BACKEND_FAILED": 0.9},
        ),
        failed_rows=200.0,
        error_share=0.3,
    ),
    # Caches go with Redis, the engine has more to do, the latency rises.
    "redis_lost": evidence(
        "CtrRemoteCacheBreakerOpen",
        "CtrCacheCold",
        several={
            ("breaker", "side", "read"): (0.0, 2.0),
            ("remote_failures", "kind", "connect"): (0.0, 12.0),
        },
        score_hit_share=0.2,
        latency_p99=80.0,
        late_feature_share=0.2,
        degraded_share=0.1,
    ),
    "overload": evidence(
        "CtrShedBurn",
        "CtrQueueSaturated",
        traces=SLOW_TRACES,
        traffic=400.0,
        shed_share=0.5,
        queue_saturation=1.0,
        queue_wait_p99=90.0,
        latency_p99=130.0,
        compute_us_token=22.0,
        loop_lag_p99=20.0,
    ),
    # Those that are left are overloaded; that is not the cause.
    "gateway_gone": evidence(
        "CtrGatewayGone",
        changes=(Change(kind="replicas", at_ms=1, text="gateways scraped: 3 to 2"),),
        replicas_up=2.0,
        serving=2.0,
        shed_share=0.2,
        queue_saturation=0.9,
        queue_wait_p99=60.0,
    ),
    "not_serving": evidence("CtrAvailabilityBurn", serving=0.0, traffic=0.0),
    "feature_store_slow": evidence(
        "CtrDegradedBurn",
        traces=TraceFacts(slow=20, stage_share={"ctr.features": 0.8}),
        late_feature_share=0.4,
        degraded_share=0.4,
        latency_p99=70.0,
    ),
    "redis_slow": evidence(
        "CtrLatencyBurn",
        traces=TraceFacts(slow=20, stage_share={"ctr.tokens": 0.6}),
        remote_read_p99=9.0,
        latency_p99=70.0,
    ),
    "one_caller": evidence(
        "CtrShedBurn",
        several={
            ("caller_traffic", "caller", "batch"): (10.0, 310.0),
            ("caller_traffic", "caller", "web"): (90.0, 95.0),
            ("caller_error_share", "caller", "batch"): (0.0, 0.7),
            ("caller_error_share", "caller", "web"): (0.0, 0.1),
        },
        traffic=400.0,
        shed_share=0.5,
        queue_saturation=1.0,
    ),
    "one_model_version": evidence(
        "CtrAvailabilityBurn",
        several={
            ("version_error_share", "ctr_model_version", "v2"): (0.0, 0.3),
            ("version_error_share", "ctr_model_version", "v1"): (0.0, 0.0),
        },
        error_share=0.15,
    ),
    "bad_rollout": evidence(
        "CtrAvailabilityBurn",
        changes=(
            Change(kind="model", at_ms=1, text="model v2 appeared"),
            Change(kind="config", at_ms=1, text="limit of the queue, tokens: 8192 to 64"),
            Change(kind="restart", at_ms=1, text="a process of a gateway started"),
        ),
        error_share=0.2,
    ),
    "cold_cache": evidence(
        "CtrCacheCold",
        changes=(Change(kind="restart", at_ms=1, text="a process of a gateway started"),),
        score_hit_share=0.05,
        token_hit_share=0.3,
        latency_p99=60.0,
    ),
    "event_loop_blocked": evidence("CtrEventLoopLagging", loop_lag_p99=300.0, latency_p99=320.0),
    "memory_growing": evidence("CtrMemoryGrowing", memory_bytes=2e9),
    "model_stale": evidence("CtrModelStale"),
    "triton_lost": evidence(
        "CtrTritonServersLost",
        several={("triton_ready", "", ""): (2.0, 1.0)},
        triton_failed_share=0.2,
        shed_share=0.2,
        queue_saturation=0.9,
    ),
    "telemetry_lost": evidence("CtrSpanMetricsAbsent", gone=("traffic", "error_share")),
    "restarts": evidence("CtrAvailabilityBurn", restarts=4.0),
}


@pytest.mark.parametrize("cause", FAULTS)
def test_each_fault_has_its_own_cause_first(cause: str) -> None:
    """Of the evidence that a fault leaves, its cause is suspected before what follows from it."""
    ranked = rank(FAULTS[cause], TABLE)
    assert ranked[0].key == cause, [(s.key, s.score) for s in ranked]
    assert ranked[0].evidence


def test_a_calm_hour_suspects_nobody() -> None:
    """Numbers that stay as they were speak for no cause."""
    assert rank(evidence(), TABLE) == ()


def test_no_evidence_suspects_nobody() -> None:
    """Prometheus gone and no trace kept: nothing is made up."""
    assert rank(Evidence(), TABLE) == ()


def test_the_alert_alone_names_a_suspect() -> None:
    """Without Prometheus, an alert that only one cause raises still names it."""
    assert rank(Evidence(alerts=frozenset({"CtrGatewayGone"})), TABLE)[0].key == "gateway_gone"


def test_what_speaks_against_is_said() -> None:
    """A cause whose score was lowered says by what."""
    both = evidence(traffic=400.0, shed_share=0.5, compute_us_token=60.0)
    overload = {suspected.key: suspected for suspected in rank(both, TABLE)}["overload"]
    assert any("token" in finding.text for finding in overload.against)


def test_every_cause_can_be_acted_on() -> None:
    """Each row has a title, something to do, and a key of its own."""
    assert len(BY_KEY) == len(TABLE)
    for cause in TABLE:
        assert cause.title
        assert cause.steps
        assert all(0 < weighed.weight < 1 for weighed in (*cause.clues, *cause.against))


def test_every_named_plot_exists() -> None:
    """What a finding points at is a question that is asked and plotted."""
    for fault in FAULTS.values():
        for suspected in rank(fault, TABLE):
            for finding in (*suspected.evidence, *suspected.against):
                assert not finding.panel or QUESTIONS[finding.panel].plotted


def test_every_cause_is_in_the_table_once() -> None:
    """A cause that is written in a module of `causes` is ranked, and no key stands twice."""
    modules = [
        importlib.import_module(f"{causes.__name__}.{found.name}")
        for found in pkgutil.iter_modules(causes.__path__)
    ]
    written = {
        value.key for module in modules for value in vars(module).values() if type(value) is Cause
    }
    assert sorted(cause.key for cause in TABLE) == sorted(written)
