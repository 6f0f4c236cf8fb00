"""Metrics of the process, of the model that it serves, and of the workers of a supervisor."""

from __future__ import annotations

from ctr_service.telemetry.names.metric import SECONDS_BOUNDS, Kind, Metric

OUTCOME = "outcome"

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
MODEL_CREATED = Metric(
    "ctr_model_created_timestamp_seconds",
    Kind.GAUGE,
    "seconds",
    "When the bundle that serves was built, in seconds since 1970.",
)
TRACE_SPANS = Metric(
    "ctr_trace_spans",
    Kind.COUNTER,
    "",
    "Spans kept for the Collector (kept), taken by it (sent), refused or not taken in time "
    "(failed). The rest waits, or was dropped because the queue was full.",
    (OUTCOME,),
)

PROCESS_METRICS = (
    Metric("process_virtual_memory_bytes", Kind.GAUGE, "bytes", "Address space of the process."),
    Metric("process_resident_memory_bytes", Kind.GAUGE, "bytes", "Memory that the process holds."),
    Metric("process_start_time_seconds", Kind.GAUGE, "seconds", "When it began, since 1970."),
    Metric("process_cpu_seconds", Kind.COUNTER, "seconds", "CPU time that it took so far."),
    Metric("process_open_fds", Kind.GAUGE, "", "File descriptors that it has open."),
    Metric("process_max_fds", Kind.GAUGE, "", "File descriptors that it may open."),
)
"""Read from the system by prometheus_client, under the names that every exporter uses."""

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
