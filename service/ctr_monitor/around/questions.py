"""Everything that is asked of Prometheus: name, PromQL, unit, and which way is worse.

`$J` is the selector of the gateways' job, `$R` the rate window. Names are those of the gateway's
catalogue and of the Collector's span metrics.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from string import Template


class Worse(enum.Enum):
    """Which way a value goes when it gets worse."""

    UP = "up"
    DOWN = "down"
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        unit: "calls/s", "share", "ms", "us", "tokens", "bytes", "count" or "per s".
        by: labels that tell its series apart.
        plotted: whether the incident's page shows it.
    """

    key: str
    title: str
    unit: str
    promql: str
    worse: Worse = Worse.UP
    by: tuple[str, ...] = ()
    plotted: bool = True

    def text(self, *, job: str, rate_s: int) -> str:
        """Return the query for a job (a name that PromQL needs no escape for) and a window."""
        return Template(self.promql).substitute(J=f'job="{job}"', R=f"{rate_s}s")


CALLS = 'traces_span_metrics_calls_total{$J,span_kind="SPAN_KIND_SERVER"}'
FAILED = CALLS.replace("}", ',status_code="STATUS_CODE_ERROR"}')
BUCKET = 'traces_span_metrics_duration_milliseconds_bucket{$J,span_kind="SPAN_KIND_SERVER"}'


def _rate(series: str, by: str = "") -> str:
    return f"sum {f'by ({by}) ' if by else ''}(rate({series}[$R]))"


def _share(part: str, whole: str) -> str:
    # A counter that never counted is no series: none of it, not unknown.
    return f"(({part}) or vector(0)) / (({whole}) > 0)"


def _by_share(part: str, whole: str) -> str:
    return f"(({part}) or 0 * ({whole})) / (({whole}) > 0)"


def _quantile(share: float, bucket: str, by: str = "le", scale: float = 1) -> str:
    inner = f"histogram_quantile({share}, {_rate(bucket, by)})"
    return inner if scale == 1 else f"{scale:g} * {inner}"


def _hits(layer: str) -> str:
    hits, misses = (f"ctr_{layer}_{kind}_total{{$J}}" for kind in ("hits", "misses"))
    return f"{_rate(hits)} / (({_rate(hits)} + {_rate(misses)}) > 0)"


TRAFFIC = Question("traffic", "Calls", "calls/s", _rate(CALLS), Worse.EITHER)
ERRORS = Question("error_share", "Failed calls", "share", _share(_rate(FAILED), _rate(CALLS)))
P50 = Question("latency_p50", "Latency, median", "ms", _quantile(0.5, BUCKET))
P95 = Question("latency_p95", "Latency, 95th percentile", "ms", _quantile(0.95, BUCKET))
P99 = Question("latency_p99", "Latency, 99th percentile", "ms", _quantile(0.99, BUCKET))
SHED = Question(
    "shed_share",
    "Calls refused as overload",
    "share",
    _share(_rate('ctr_refusals_total{$J,reason="OVERLOADED"}'), _rate(CALLS)),
)
REFUSED = Question(
    "refusals",
    "Refusals by reason",
    "per s",
    _rate("ctr_refusals_total{$J}", "reason"),
    by=("reason",),
)
DEGRADED = Question(
    "degraded_share",
    "Degraded answers",
    "share",
    _share(_rate("ctr_degraded_answers_total{$J}"), _rate(CALLS)),
)
SATURATION = Question(
    "queue_saturation",
    "Queue, of its limit",
    "share",
    "max(avg_over_time(ctr_queued_tokens{$J}[$R]) / (ctr_queue_limit_tokens{$J} > 0))",
)
QUEUE_WAIT = Question(
    "queue_wait_p99",
    "Wait in the queue, 99th percentile",
    "ms",
    _quantile(0.99, "ctr_queue_wait_seconds_bucket{$J}", scale=1000),
)
COMPUTE = Question(
    "compute_us_token",
    "Engine time a token",
    "us",
    f"1e6 * {_rate('ctr_compute_seconds_sum{$J}')} / ({_rate('ctr_padded_tokens_total{$J}')} > 0)",
)
BATCH_MS = Question(
    "compute_ms_batch",
    "Engine time a batch",
    "ms",
    f"1e3 * {_rate('ctr_compute_seconds_sum{$J}')} / "
    f"({_rate('ctr_compute_seconds_count{$J}')} > 0)",
)
FAILED_ROWS = Question(
    "failed_rows", "Rows the engine failed", "per s", _rate("ctr_failed_rows_total{$J}")
)
COST_ERROR = Question(
    "cost_error_p50",
    "Batch cost, real against expected",
    "share",
    _quantile(0.5, "ctr_cost_error_ratio_bucket{$J}"),
)
BREAKER = Question(
    "breaker",
    "Redis breaker (2: left alone)",
    "count",
    "max by (side) (max_over_time(ctr_remote_breaker_state{$J}[$R]))",
    by=("side",),
)
REMOTE_FAILURES = Question(
    "remote_failures",
    "Failed exchanges with Redis",
    "per s",
    _rate("ctr_remote_failures_total{$J}", "kind"),
    by=("kind",),
)
REMOTE_READ = Question(
    "remote_read_p99",
    "Read from Redis, 99th percentile",
    "ms",
    _quantile(0.99, "ctr_remote_read_seconds_bucket{$J}", scale=1000),
)
LATE_FEATURES = Question(
    "late_feature_share",
    "Feature look-ups not answered in time",
    "share",
    _share(_rate('ctr_feature_ids_total{$J,outcome="late"}'), _rate("ctr_feature_ids_total{$J}")),
)
SCORE_HITS = Question(
    "score_hit_share", "Score cache, hits", "share", _hits("score_cache"), Worse.DOWN
)
TOKEN_HITS = Question(
    "token_hit_share", "Token cache, hits", "share", _hits("token_cache"), Worse.DOWN
)
LOOP_LAG = Question(
    "loop_lag_p99",
    "Event loop lag, 99th percentile",
    "ms",
    _quantile(0.99, "ctr_event_loop_lag_seconds_bucket{$J}", scale=1000),
)
SLACK = Question(
    "deadline_slack_p05",
    "Deadline left at the answer, 5th percentile",
    "ms",
    _quantile(0.05, "ctr_deadline_slack_seconds_bucket{$J}", scale=1000),
    Worse.DOWN,
)
TRITON_READY = Question(
    "triton_ready",
    "Triton servers ready",
    "count",
    'sum(ctr_triton_servers{$J,state="ready"})',
    Worse.DOWN,
)
TRITON_FAILED = Question(
    "triton_failed_share",
    "Triton batches that failed",
    "share",
    _share(
        _rate('ctr_triton_batches_total{$J,outcome!~"ok|cancelled"}'),
        _rate("ctr_triton_batches_total{$J}"),
    ),
)
REPLICAS = Question("replicas_up", "Gateways scraped", "count", "sum(up{$J})", Worse.DOWN)
SERVING = Question("serving", "Workers serving", "count", "sum(ctr_serving{$J})", Worse.DOWN)
RESTARTS = Question(
    "restarts",
    "Starts of processes",
    "count",
    "(sum(changes(process_start_time_seconds{$J}[$R])) or vector(0))"
    " + (sum(increase(ctr_worker_restarts_total{$J}[$R])) or vector(0))",
)
MEMORY = Question(
    "memory_bytes", "Memory, largest process", "bytes", "max(process_resident_memory_bytes{$J})"
)
MODEL_AGE = Question(
    "model_age_s", "Age of the model", "s", "time() - min(ctr_model_created_timestamp_seconds{$J})"
)
VERSION_TRAFFIC = Question(
    "version_traffic",
    "Calls by model version",
    "calls/s",
    _rate(CALLS, "ctr_model_version"),
    Worse.EITHER,
    ("ctr_model_version",),
)
VERSION_ERRORS = Question(
    "version_error_share",
    "Failed calls by model version",
    "share",
    _by_share(_rate(FAILED, "ctr_model_version"), _rate(CALLS, "ctr_model_version")),
    by=("ctr_model_version",),
)
VERSION_P99 = Question(
    "version_latency_p99",
    "Latency by model version, 99th percentile",
    "ms",
    _quantile(0.99, BUCKET, "le, ctr_model_version"),
    by=("ctr_model_version",),
)
CALLER_TRAFFIC = Question(
    "caller_traffic",
    "Calls by caller",
    "calls/s",
    _rate("ctr_caller_calls_total{$J}", "caller"),
    by=("caller",),
)
CALLER_ERRORS = Question(
    "caller_error_share",
    "Calls not answered, by caller",
    "share",
    _by_share(
        _rate('ctr_caller_calls_total{$J,code!="OK"}', "caller"),
        _rate("ctr_caller_calls_total{$J}", "caller"),
    ),
    by=("caller",),
)
MODELS = Question(
    "models",
    "Models served",
    "count",
    "count by (version, graph, manifest_sha256) (ctr_model_info{$J})",
    Worse.EITHER,
    ("version", "graph", "manifest_sha256"),
    plotted=False,
)
QUEUE_LIMIT = Question(
    "queue_limit_tokens",
    "Limit of the queue",
    "tokens",
    "max(ctr_queue_limit_tokens{$J})",
    Worse.EITHER,
    plotted=False,
)

QUESTIONS: tuple[Question, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Question)
)
"""All of the above, in order: the order of the plots."""
BY_KEY = {question.key: question for question in QUESTIONS}
