"""What the cache outside the process and the feature store tell, as metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.breaker import BreakerState
from ctr_service.telemetry import names

if TYPE_CHECKING:
    from ctr_service.bundle.features import Entity
    from ctr_service.features.store import FetchReport
    from ctr_service.remote.base import DropCause, FailureKind, Side
    from ctr_service.telemetry.families import Families

_BREAKER_LEVELS = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


class StoreInstruments:
    """Implements `RemoteObserver` and `FeatureObserver`. Every method returns at once."""

    def __init__(self, families: Families) -> None:
        self._remote_keys = families.counter(names.REMOTE_KEYS)
        self._remote_s = families.histogram(names.REMOTE_SECONDS)
        self._remote_corrupt = families.counter(names.REMOTE_CORRUPT)
        self._remote_failures = families.counter(names.REMOTE_FAILURES)
        self._remote_breaker = families.gauge(names.REMOTE_BREAKER)
        self._remote_written = families.counter(names.REMOTE_WRITTEN)
        self._remote_dropped = families.counter(names.REMOTE_DROPPED)
        self._feature_ids = families.counter(names.FEATURE_IDS)
        self._feature_absent = families.counter(names.FEATURE_ABSENT)
        self._feature_bytes = families.gauge(names.FEATURE_CACHE_BYTES)
        self._feature_entries = families.gauge(names.FEATURE_CACHE_ENTRIES)

    def remote_read(
        self, layer: str, *, hits: int, misses: int, unanswered: int, seconds: float
    ) -> None:
        """Keys were asked for."""
        outcomes = (("hit", hits), ("miss", misses), ("unanswered", unanswered))
        for outcome, count in outcomes:
            if count:
                self._remote_keys.labels(layer, outcome).inc(count)
        self._remote_s.labels(layer).observe(seconds)

    def remote_corrupt(self, layer: str, values: int) -> None:
        """Values were garbage or another key's."""
        self._remote_corrupt.labels(layer).inc(values)

    def remote_failed(self, side: Side, kind: FailureKind) -> None:
        """An exchange with the server failed."""
        self._remote_failures.labels(side.value, kind.value).inc()

    def remote_breaker(self, side: Side, state: BreakerState) -> None:
        """A breaker changed its state."""
        self._remote_breaker.labels(side.value).set(_BREAKER_LEVELS[state])

    def remote_written(self, values: int) -> None:
        """The server took values."""
        self._remote_written.inc(values)

    def remote_dropped(self, values: int, cause: DropCause) -> None:
        """Values will never be written."""
        self._remote_dropped.labels(cause.value).inc(values)

    def features_fetched(self, entity: Entity, report: FetchReport) -> None:
        """Ids were asked for."""
        for outcome, count in (
            ("cache", report.cached),
            ("store", report.stored),
            ("stale", report.stale),
            ("late", report.late),
        ):
            if count:
                self._feature_ids.labels(entity.value, outcome).inc(count)
        if report.absent:
            self._feature_absent.labels(entity.value).inc(report.absent)

    def feature_cache_changed(self, *, size_bytes: int, entries: int) -> None:
        """The cache in process changed."""
        self._feature_bytes.set(size_bytes)
        self._feature_entries.set(entries)
