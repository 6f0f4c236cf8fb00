"""The typed catalogue of telemetry: every span, attribute, metric and log key, with its meaning.

Nothing else names one. `docs/telemetry.md` is generated from it, and tests compare it with what
runs.
"""

from ctr_service.telemetry.names import (
    metrics_batches,
    metrics_caches,
    metrics_calls,
    metrics_process,
    metrics_stores,
)
from ctr_service.telemetry.names.metric import Kind, Metric
from ctr_service.telemetry.names.metrics_batches import *
from ctr_service.telemetry.names.metrics_caches import *
from ctr_service.telemetry.names.metrics_calls import *
from ctr_service.telemetry.names.metrics_process import *
from ctr_service.telemetry.names.metrics_stores import *

__all__ = ["AREAS", "CATALOGUE", "Kind", "Metric"]

AREAS = {
    "Calls": metrics_calls,
    "Queue and batches": metrics_batches,
    "Caches in process": metrics_caches,
    "Redis, feature store, Triton": metrics_stores,
    "Process": metrics_process,
}
CATALOGUE: tuple[Metric, ...] = tuple(
    value
    for area in AREAS.values()
    for value in vars(area).values()
    if isinstance(value, Metric) and value not in metrics_process.SUPERVISOR_CATALOGUE
)
"""All metrics of ours that every gateway process has."""
