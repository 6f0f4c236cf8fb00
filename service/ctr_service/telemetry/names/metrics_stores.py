"""Metrics of what stands outside the process: Redis, the feature store, Triton."""

from __future__ import annotations

from ctr_service.telemetry.names.metric import Kind, Metric

REMOTE_BOUNDS = (0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Around the few milliseconds that a read from Redis may take."""
LAYER, OUTCOME, SIDE, KIND, ENTITY = "layer", "outcome", "side", "kind", "entity"
CAUSE, TARGET, STATE = "cause", "target", "state"

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
