"""Metrics of the queue and of the batches that leave it."""

from __future__ import annotations

from ctr_service.telemetry.names.metric import SECONDS_BOUNDS, Kind, Metric

ROWS_BOUNDS = (1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 64.0, 128.0)
TOKENS_BOUNDS = (32.0, 64.0, 128.0, 192.0, 256.0, 384.0, 512.0, 768.0, 1_024.0, 2_048.0, 4_096.0)
RATIO_BOUNDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
ERROR_BOUNDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0)
CAUSE, PRIORITY = "cause", "priority"

BATCH_ROWS = Metric("ctr_batch_rows", Kind.HISTOGRAM, "", "Rows of a batch.", (), ROWS_BOUNDS)
BATCHES = Metric("ctr_batches", Kind.COUNTER, "", "Batches run, retries of single rows included.")
PADDED_TOKENS = Metric(
    "ctr_padded_tokens",
    Kind.COUNTER,
    "",
    "Tokens computed, padding included: rows x bucket, or where the graph skips padding each row's "
    "own bucket.",
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
BATCH_PADDED_TOKENS = Metric(
    "ctr_batch_padded_tokens",
    Kind.HISTOGRAM,
    "",
    "Tokens that a batch computed, counted as in ctr_padded_tokens.",
    (),
    TOKENS_BOUNDS,
)
BATCH_FILL_RATIO = Metric(
    "ctr_batch_fill_ratio",
    Kind.HISTOGRAM,
    "ratio",
    "Tokens that a batch computed over the layout's largest batch.",
    (),
    RATIO_BOUNDS,
)
COST_ERROR_RATIO = Metric(
    "ctr_cost_error_ratio",
    Kind.HISTOGRAM,
    "ratio",
    "How far the cost model was off for a batch: |real / expected - 1|.",
    (),
    ERROR_BOUNDS,
)
QUEUE_LIMIT_TOKENS = Metric(
    "ctr_queue_limit_tokens",
    Kind.GAUGE,
    "tokens",
    "Padded tokens that may wait for a session (`--max-queued-tokens`).",
)
