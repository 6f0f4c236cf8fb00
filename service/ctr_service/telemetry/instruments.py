"""The gateway's instruments: they hear what happens and keep the metrics of the catalogue.

One object implements the observers of the edge, the servicer and the batcher; those of the stores
and of Triton are its parts. It holds a registry of its own; nothing global is touched.
"""

from __future__ import annotations

from collections import Counter as Tally
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING

from prometheus_client import Info, ProcessCollector

from ctr_service.limits import NS_PER_S
from ctr_service.telemetry import names
from ctr_service.telemetry.collectors import GenerationsCollector, ScoreCollector
from ctr_service.telemetry.families import Families
from ctr_service.telemetry.store_instruments import StoreInstruments
from ctr_service.telemetry.triton_instruments import TritonInstruments
from ctr_service.types import Prediction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prometheus_client import CollectorRegistry

    from ctr_service.batcher.observer import BatchReport, DropCause
    from ctr_service.errors import Reason
    from ctr_service.scores.cache import ScoreCache
    from ctr_service.scores.flights import Flights
    from ctr_service.telemetry.collectors import Counted
    from ctr_service.types import Answer, Priority, Source, Status

_STATUS_AND_SOURCE = itemgetter(*map(Prediction._fields.index, ("status", "source")))
"""By place, which C does: one is taken of every candidate served."""


class Instruments:
    """Counts and times. Every method returns at once and may be called from the event loop."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        families = Families(registry)
        self.stores = StoreInstruments(families)
        self.triton = TritonInstruments(families)
        self.batches_run = 0
        self._max_batch_tokens = 0
        self._requests = families.counter(names.REQUESTS)
        self._refusals = families.counter(names.REFUSALS)
        self._caller_calls = families.counter(names.CALLER_CALLS)
        self._caller_tokens = families.counter(names.CALLER_TOKENS)
        self._refusal_s = families.histogram(names.REFUSAL_SECONDS)
        self._request_s = families.histogram(names.REQUEST_SECONDS)
        self._in_flight = families.gauge(names.IN_FLIGHT)
        self._slack_s = families.histogram(names.DEADLINE_SLACK_SECONDS)
        self._candidates = families.counter(names.CANDIDATES)
        self._degraded = families.counter(names.DEGRADED)
        self._truncated = families.counter(names.TRUNCATED)
        self._batch_rows = families.histogram(names.BATCH_ROWS)
        self._batches = families.counter(names.BATCHES)
        self._padded_tokens = families.counter(names.PADDED_TOKENS)
        self._row_tokens = families.counter(names.ROW_TOKENS)
        self._queue_s = families.histogram(names.QUEUE_SECONDS)
        self._compute_s = families.histogram(names.COMPUTE_SECONDS)
        self._batch_tokens = families.histogram(names.BATCH_PADDED_TOKENS)
        self._batch_fill = families.histogram(names.BATCH_FILL_RATIO)
        self._cost_error = families.histogram(names.COST_ERROR_RATIO)
        self._failed_rows = families.counter(names.FAILED_ROWS)
        self._admitted_rows = families.counter(names.ADMITTED_ROWS)
        self._shed_rows = families.counter(names.SHED_ROWS)
        self._dropped_rows = families.counter(names.DROPPED_ROWS)
        # Kept as plain numbers, and read when metrics are: they change several times a request.
        self._load = (0, 0, 0)
        families.gauge(names.QUEUED_ROWS).set_function(lambda: self._load[0])
        families.gauge(names.QUEUED_TOKENS).set_function(lambda: self._load[1])
        families.gauge(names.RUNNING_BATCHES).set_function(lambda: self._load[2])
        self._queue_limit = families.gauge(names.QUEUE_LIMIT_TOKENS)
        self._warm_up_s = families.gauge(names.WARM_UP_SECONDS)
        self._loop_lag_s = families.histogram(names.LOOP_LAG_SECONDS)
        self._serving = families.gauge(names.SERVING)
        self._model = Info(names.MODEL.name, names.MODEL.meaning, registry=registry)
        self._model_created_s = families.gauge(names.MODEL_CREATED)
        self._trace_spans = families.counter(names.TRACE_SPANS)
        ProcessCollector(registry=registry)
        # A metric of given labels, for every request: the library takes a lock and makes strings.
        self._in_flight_of = cache(self._in_flight.labels)
        self._requests_of = cache(self._requests.labels)
        self._request_s_of = cache(self._request_s.labels)
        self._candidates_of = cache(self._candidates.labels)
        self._admitted_rows_of = cache(self._admitted_rows.labels)

    # The edge and the servicer.

    def call_started(self, method: str) -> None:
        """A call arrived."""
        self._in_flight_of(method).inc()

    def call_finished(
        self, method: str, *, code: str, reason: Reason | None, seconds: float
    ) -> None:
        """It ended."""
        self._in_flight_of(method).dec()
        self._requests_of(method, code).inc()
        self._request_s_of(method).observe(seconds)
        if reason is not None:
            self._refusals.labels(method, reason.name).inc()
            self._refusal_s.labels(reason.name).observe(seconds)

    def caller_finished(self, caller: str, *, code: str) -> None:
        """It was a call of a caller whom the tokens file names."""
        self._caller_calls.labels(caller, code).inc()

    def caller_charged(self, caller: str, *, tokens: int) -> None:
        """A list of such a caller was answered."""
        self._caller_tokens.labels(caller).inc(tokens)

    def answered(self, answer: Answer, *, slack_ns: int) -> None:
        """A search was answered."""
        self._slack_s.observe(slack_ns / NS_PER_S)
        for (status, source), count in _tally(answer.predictions).items():
            self._candidates_of(status.name, "none" if source is None else source.name).inc(count)
        if answer.degraded:
            self._degraded.inc()
        if answer.truncated_texts:
            self._truncated.inc(answer.truncated_texts)

    # The batcher.

    def admitted(self, *, rows: int, padded_tokens: int, priority: Priority) -> None:  # noqa: ARG002 -- the observer's signature
        """A list entered the queue."""
        self._admitted_rows_of(priority.value).inc(rows)

    def refused(self, *, rows: int, padded_tokens: int, priority: Priority) -> None:  # noqa: ARG002 -- the observer's signature
        """A list was refused before it queued."""
        self._shed_rows.labels(priority.value).inc(rows)

    def dropped(self, *, rows: int, cause: DropCause) -> None:
        """Admitted rows left the queue without a run."""
        self._dropped_rows.labels(cause.value).inc(rows)

    def finished(self, batch: BatchReport) -> None:
        """A run ended, well or not."""
        self.batches_run += 1
        self._batches.inc()
        self._batch_rows.observe(batch.rows)
        self._batch_tokens.observe(batch.computed_tokens)
        if self._max_batch_tokens:
            self._batch_fill.observe(batch.computed_tokens / self._max_batch_tokens)
        if batch.expected_s and batch.cost_s:
            self._cost_error.observe(abs(batch.cost_s / batch.expected_s - 1))
        self._padded_tokens.inc(batch.computed_tokens)
        self._row_tokens.inc(batch.row_tokens)
        self._queue_s.observe(batch.queue_ns / NS_PER_S)
        self._compute_s.observe(batch.compute_ns / NS_PER_S)
        if batch.failed_rows:
            self._failed_rows.inc(batch.failed_rows)

    def load_changed(self, *, waiting_rows: int, waiting_tokens: int, running: int) -> None:
        """The queue or the number of running batches changed."""
        self._load = (waiting_rows, waiting_tokens, running)

    # The process.

    def model_loaded(
        self, *, name: str, version: str, graph: str, manifest_sha256: str, created_s: float
    ) -> None:
        """Say what serves, and when that was built in seconds since 1970."""
        self._model.info(
            {"name": name, "version": version, "graph": graph, "manifest_sha256": manifest_sha256}
        )
        self._model_created_s.set(created_s)

    def limits_set(self, *, max_batch_tokens: int, max_queued_tokens: int) -> None:
        """Say what batches and the queue may hold, in padded tokens."""
        self._max_batch_tokens = max_batch_tokens
        self._queue_limit.set(max_queued_tokens)

    def spans_told(self, outcome: str, count: int) -> None:
        """Something became of exported spans. May be called from any thread."""
        self._trace_spans.labels(outcome).inc(count)

    def warmed_up(self, seconds: float) -> None:
        """Warm-up is done."""
        self._warm_up_s.set(seconds)

    def loop_lagged(self, seconds: float) -> None:
        """The event loop ran a timer this long after its time."""
        self._loop_lag_s.observe(seconds)

    def serving_changed(self, *, serving: bool) -> None:
        """Health changed."""
        self._serving.set(1 if serving else 0)

    def watch_caches(self, tokens: Counted, items: Counted) -> None:
        """Read the caches of token ids and of candidates whenever metrics are read."""
        self.registry.register(GenerationsCollector(tokens, items))

    def watch_scores(self, cache: ScoreCache | None, flights: Flights) -> None:
        """Read the score cache, if there is one, and coalescing whenever metrics are read."""
        self.registry.register(ScoreCollector(cache, flights))


def _tally(predictions: Sequence[Prediction]) -> Mapping[tuple[Status, Source | None], int]:
    """Count the predictions of each status and source."""
    pairs = list(map(_STATUS_AND_SOURCE, predictions))
    # Mostly all are alike, and comparing costs a fraction of hashing each.
    if pairs and pairs.count(pairs[0]) == len(pairs):
        return {pairs[0]: len(pairs)}
    return Tally(pairs)
