"""Every metric of the gateway: name, kind, unit, meaning, labels. Nothing else names a metric."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.Enum):
    """The kinds of OpenMetrics that we use."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: without the suffixes that OpenMetrics adds (`_total`, `_bucket`, `_info`).
        unit: the name's last word; empty for plain counts of things.
        bounds: upper bounds of a histogram's buckets, in its unit.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


SECONDS_BOUNDS = (
    *(0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075),
    *(0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0),
)
"""Fine between 10 and 100 ms, where the deadlines of searches lie; the last is the longest one."""
REFUSAL_SECONDS_BOUNDS = (
    *(0.0005, 0.001, 0.0015, 0.002, 0.0025, 0.003, 0.0035, 0.004, 0.0045, 0.005),
    *(0.006, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.5),
)
"""Fine below 5 ms, within which an overloaded gateway shall refuse."""
REMOTE_BOUNDS = (0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Around the few milliseconds that a read from Redis may take."""
ROWS_BOUNDS = (1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 64.0, 128.0)

METHOD, CODE, REASON = "method", "code", "reason"
STATUS, SOURCE, CAUSE, PRIORITY = "status", "source", "cause", "priority"
LAYER, OUTCOME, SIDE, KIND, ENTITY = "layer", "outcome", "side", "kind", "entity"
CALLER = "caller"
TARGET, STATE = "target", "state"

REQUESTS = Metric(
    "ctr_requests", Kind.COUNTER, "", "Calls ended, by gRPC method and code.", (METHOD, CODE)
)
REFUSALS = Metric(
    "ctr_refusals",
    Kind.COUNTER,
    "",
    "Calls that ended with an error, by ErrorReason.",
    (METHOD, REASON),
)
CALLER_CALLS = Metric(
    "ctr_caller_calls",
    Kind.COUNTER,
    "",
    "Calls ended, by caller of the tokens file and code.",
    (CALLER, CODE),
)
CALLER_TOKENS = Metric(
    "ctr_caller_tokens",
    Kind.COUNTER,
    "",
    "Tokens of rows answered, padding left out, by caller of the tokens file.",
    (CALLER,),
)
REFUSAL_SECONDS = Metric(
    "ctr_refusal_duration_seconds",
    Kind.HISTOGRAM,
    "seconds",
    "From the arrival of a call that ended with an error to that error, by ErrorReason.",
    (REASON,),
    REFUSAL_SECONDS_BOUNDS,
)
REQUEST_SECONDS = Metric(
    "ctr_request_duration_seconds",
    Kind.HISTOGRAM,
    "seconds",
    "From a call's arrival in the process to its answer's bytes.",
    (METHOD,),
    SECONDS_BOUNDS,
)
IN_FLIGHT = Metric("ctr_requests_in_flight", Kind.GAUGE, "", "Calls in progress.", (METHOD,))
CANDIDATES = Metric(
    "ctr_candidates",
    Kind.COUNTER,
    "",
    "Candidates answered, by status and source (`none` for INVALID).",
    (STATUS, SOURCE),
)
DEGRADED = Metric(
    "ctr_degraded_answers", Kind.COUNTER, "", "Answers in which at least one item fell back."
)
TRUNCATED = Metric(
    "ctr_truncated_texts", Kind.COUNTER, "", "Distinct texts of a request cut to their budget."
)
BATCH_ROWS = Metric("ctr_batch_rows", Kind.HISTOGRAM, "", "Rows of a batch.", (), ROWS_BOUNDS)
BATCHES = Metric("ctr_batches", Kind.COUNTER, "", "Batches run, retries of single rows included.")
PADDED_TOKENS = Metric(
    "ctr_padded_tokens", Kind.COUNTER, "", "Tokens computed, padding included: rows x bucket."
)
ROW_TOKENS = Metric("ctr_row_tokens", Kind.COUNTER, "", "Tokens computed, padding left out.")
QUEUE_SECONDS = Metric(
    "ctr_queue_wait_seconds",
    Kind.HISTOGRAM,
    "seconds",
    "The longest wait of a row of a batch, from admission to the batch's begin.",
    (),
    SECONDS_BOUNDS,
)
COMPUTE_SECONDS = Metric(
    "ctr_compute_seconds",
    Kind.HISTOGRAM,
    "seconds",
    "Time of a batch inside the engine.",
    (),
    SECONDS_BOUNDS,
)
FAILED_ROWS = Metric("ctr_failed_rows", Kind.COUNTER, "", "Rows that a batch left without a score.")
ADMITTED_ROWS = Metric(
    "ctr_admitted_rows", Kind.COUNTER, "", "Rows that entered the queue.", (PRIORITY,)
)
SHED_ROWS = Metric(
    "ctr_shed_rows", Kind.COUNTER, "", "Rows refused before they queued.", (PRIORITY,)
)
DROPPED_ROWS = Metric(
    "ctr_dropped_rows", Kind.COUNTER, "", "Queued rows that left without a run.", (CAUSE,)
)
QUEUED_ROWS = Metric("ctr_queued_rows", Kind.GAUGE, "", "Rows that wait for a session.")
QUEUED_TOKENS = Metric(
    "ctr_queued_tokens", Kind.GAUGE, "", "Padded tokens that wait for a session."
)
RUNNING_BATCHES = Metric("ctr_running_batches", Kind.GAUGE, "", "Batches in the engine now.")
CACHE_HITS = Metric("ctr_token_cache_hits", Kind.COUNTER, "", "Texts found in the token cache.")
CACHE_MISSES = Metric("ctr_token_cache_misses", Kind.COUNTER, "", "Texts that were tokenised.")
CACHE_BYTES = Metric("ctr_token_cache_bytes", Kind.GAUGE, "bytes", "Size of the token cache.")
SCORE_HITS = Metric("ctr_score_cache_hits", Kind.COUNTER, "", "Rows answered by the score cache.")
SCORE_MISSES = Metric(
    "ctr_score_cache_misses", Kind.COUNTER, "", "Rows that the score cache did not know."
)
SCORE_STALE = Metric(
    "ctr_score_cache_stale", Kind.COUNTER, "", "Rows whose cached score had expired."
)
SCORE_EVICTED = Metric(
    "ctr_score_cache_evicted", Kind.COUNTER, "", "Scores dropped for want of room."
)
SCORE_REFRESHED = Metric(
    "ctr_score_cache_refreshed",
    Kind.COUNTER,
    "",
    "Rows computed again behind, before their cached score expired.",
)
SCORE_NEGATIVE = Metric(
    "ctr_score_cache_negative_hits",
    Kind.COUNTER,
    "",
    "Rows that were not tried, because the model had failed them again and again.",
)
SCORE_BYTES = Metric("ctr_score_cache_bytes", Kind.GAUGE, "bytes", "Size of the score cache.")
COALESCED_ROWS = Metric(
    "ctr_coalesced_rows", Kind.COUNTER, "", "Rows that were on their way for another request."
)
ROWS_IN_FLIGHT = Metric("ctr_rows_in_flight", Kind.GAUGE, "", "Distinct rows on their way.")
REMOTE_KEYS = Metric(
    "ctr_remote_keys",
    Kind.COUNTER,
    "",
    "Keys asked of Redis, by layer and outcome (hit, miss, unanswered).",
    (LAYER, OUTCOME),
)
REMOTE_SECONDS = Metric(
    "ctr_remote_read_seconds",
    Kind.HISTOGRAM,
    "seconds",
    "How long a request waited for one read from Redis.",
    (LAYER,),
    REMOTE_BOUNDS,
)
REMOTE_CORRUPT = Metric(
    "ctr_remote_corrupt_values",
    Kind.COUNTER,
    "",
    "Values in Redis that were garbage or another key's; counted as unanswered too.",
    (LAYER,),
)
REMOTE_FAILURES = Metric(
    "ctr_remote_failures",
    Kind.COUNTER,
    "",
    "Exchanges with Redis that failed, by side (read, write) and kind.",
    (SIDE, KIND),
)
REMOTE_BREAKER = Metric(
    "ctr_remote_breaker_state",
    Kind.GAUGE,
    "",
    "0 while Redis is asked, 1 while it is probed, 2 while it is left alone.",
    (SIDE,),
)
REMOTE_WRITTEN = Metric("ctr_remote_written_values", Kind.COUNTER, "", "Values that Redis took.")
REMOTE_DROPPED = Metric(
    "ctr_remote_dropped_values",
    Kind.COUNTER,
    "",
    "Values that were never written to Redis, by cause.",
    (CAUSE,),
)
TRITON_BATCHES = Metric(
    "ctr_triton_batches",
    Kind.COUNTER,
    "",
    "Batches sent to Triton, by target as configured and outcome (ok, cancelled, late, expired, "
    "queue_full, unreachable, moved, model_gone, refused, failed, garbled).",
    (TARGET, OUTCOME),
)
TRITON_RETRIES = Metric(
    "ctr_triton_retries",
    Kind.COUNTER,
    "",
    "Batches sent once more, because a server of the target lost them.",
    (TARGET,),
)
TRITON_SERVERS = Metric(
    "ctr_triton_servers",
    Kind.GAUGE,
    "",
    "Triton servers known, by state (verifying, ready, not_ready, mismatch, resting).",
    (STATE,),
)
FEATURE_IDS = Metric(
    "ctr_feature_ids",
    Kind.COUNTER,
    "",
    "Ids looked up, by entity and outcome: in process (cache), in the store, expired but used "
    "(stale), not answered in time (late).",
    (ENTITY, OUTCOME),
)
FEATURE_ABSENT = Metric(
    "ctr_feature_absent_ids",
    Kind.COUNTER,
    "",
    "Ids of which the store, or what is cached of it, says that it has none.",
    (ENTITY,),
)
FEATURE_CACHE_BYTES = Metric(
    "ctr_feature_cache_bytes", Kind.GAUGE, "bytes", "Size of the feature cache in process."
)
FEATURE_CACHE_ENTRIES = Metric(
    "ctr_feature_cache_entries", Kind.GAUGE, "", "Ids in the feature cache in process."
)
WARM_UP_SECONDS = Metric(
    "ctr_warm_up_seconds", Kind.GAUGE, "seconds", "How long warm-up took; 0 until it is done."
)
LOOP_LAG_SECONDS = Metric(
    "ctr_event_loop_lag_seconds",
    Kind.HISTOGRAM,
    "seconds",
    "How late the event loop ran a timer, ten times a second.",
    (),
    SECONDS_BOUNDS,
)
SERVING = Metric("ctr_serving", Kind.GAUGE, "", "1 while health says SERVING, else 0.")
MODEL = Metric(
    "ctr_model",
    Kind.INFO,
    "",
    "What serves.",
    ("name", "version", "graph", "manifest_sha256"),
)

CATALOGUE: tuple[Metric, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Metric)
)
"""All of the above, in order: what every gateway process has."""

WORKER = "worker"
"""On every sample of a worker; absent where one process is the whole gateway."""
WORKER_UP = Metric(
    "ctr_worker_up", Kind.GAUGE, "", "1 when the worker's metrics are among these.", (WORKER,)
)
WORKER_RESTARTS = Metric(
    "ctr_worker_restarts",
    Kind.COUNTER,
    "",
    "How often the supervisor started the worker again.",
    (WORKER,),
)
SUPERVISOR_CATALOGUE = (WORKER_UP, WORKER_RESTARTS)
"""What the supervisor of several workers adds."""
