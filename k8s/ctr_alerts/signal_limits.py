"""Limits of single signals: what is absent, full, cold, lagging, growing."""

from __future__ import annotations

from pydantic import Field

from ctr_alerts.duration import DurationField
from ctr_alerts.model import Frozen
from ctr_alerts.windows import Severity


class Signal(Frozen):
    """Whom it wakes, and how long it must last before."""

    severity: Severity
    lasts: DurationField = Field(alias="for")


class Above(Signal):
    """A share that is too high."""

    above_ratio: float = Field(gt=0, lt=1)


class LoopLag(Signal):
    """The 99th percentile of the event loop's lag."""

    above_ms: float = Field(gt=0)


class CacheCold(Signal):
    """A hit ratio far below the same cache's own of the day before.

    Attributes:
        below_ratio: of the earlier hit ratio.
        least_hit_ratio: an earlier hit ratio below this is not worth an alert.
        least_lookups_per_s: of keys, now.
    """

    below_ratio: float = Field(gt=0, lt=1)
    least_hit_ratio: float = Field(gt=0, lt=1)
    least_lookups_per_s: float = Field(gt=0)


class MemoryGrowth(Signal):
    """Memory that grows by this much in each of two windows, one after the other."""

    above_percent: float = Field(gt=0)
    over: DurationField


class Signals(Frozen):
    """Every signal, named as its alert is.

    Attributes:
        gateway_gone: no gateway is up and serves.
        instance_gone: one of several is not up, or one worker of it is not.
        span_metrics_absent: requests are served, and no span metrics say so.
        queue_saturated: waiting tokens over the queue's limit.
        remote_breaker_open_read: Redis is left alone: reads.
        remote_breaker_open_write: the same for writes.
        features_late: ids that the feature store did not answer in time.
        cache_cold: a cache in process lost its hits.
        event_loop_lagging: the gateway's own thread is too busy.
        triton_none_ready: no Triton server takes batches.
        triton_some_lost: some do not.
        memory_growing: resident memory.
    """

    gateway_gone: Signal
    instance_gone: Signal
    span_metrics_absent: Signal
    queue_saturated: Above
    remote_breaker_open_read: Signal
    remote_breaker_open_write: Signal
    features_late: Above
    cache_cold: CacheCold
    event_loop_lagging: LoopLag
    triton_none_ready: Signal
    triton_some_lost: Signal
    memory_growing: MemoryGrowth
