"""What ModelStatistics tells: counts since this process started, over both protocols.

An observer that stands between the servers and the instruments, and passes everything on. "An
inference" is one candidate, as Triton counts the elements of a batch; an execution is one batch
that the engine ran; durations are sums over requests.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tritonclient.grpc import service_pb2

from ctr_service.limits import NS_PER_S
from ctr_service.server.edge import CallObserver
from ctr_service.server.servicer import AnswerObserver

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_service.errors import Reason
    from ctr_service.types import Answer

SCORING_METHODS = frozenset({"PredictClicks", "ModelInfer"})
NS_PER_MS = 1_000_000
ONLY_VERSION = "1"
"""A process serves one version of one model."""


class ServerObserver(CallObserver, AnswerObserver, Protocol):
    """What both servicers and their edge tell."""


@dataclass(slots=True)
class _Sum:
    count: int = 0
    ns: int = 0

    def add(self, ns: int) -> None:
        self.count += 1
        self.ns += ns

    def message(self) -> service_pb2.StatisticDuration:
        return service_pb2.StatisticDuration(count=self.count, ns=self.ns)


class StatisticsBoard:
    """Counts answers and failures. Belongs to one event loop."""

    def __init__(
        self,
        inner: ServerObserver,
        count_batches: Callable[[], int],
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Take the parts.

        Args:
            inner: hears everything that this hears.
            count_batches: batches that the engine ran since the start.
            wall_ns: nanoseconds since 1970, which the protocol asks for.
        """
        self._inner = inner
        self._count_batches = count_batches
        self._wall_ns = wall_ns
        self._candidates = 0
        self._last_ns = 0
        self._success, self._fail = _Sum(), _Sum()
        self._queue, self._prepare, self._compute, self._rest = _Sum(), _Sum(), _Sum(), _Sum()

    def call_started(self, method: str) -> None:
        """A call began."""
        self._inner.call_started(method)

    def call_finished(
        self, method: str, *, code: str, reason: Reason | None, seconds: float
    ) -> None:
        """A call ended; a scoring call that failed is counted here."""
        if code != "OK" and method in SCORING_METHODS:
            self._fail.add(round(seconds * NS_PER_S))
        self._inner.call_finished(method, code=code, reason=reason, seconds=seconds)

    def caller_finished(self, caller: str, *, code: str) -> None:
        """It was a call of a named caller."""
        self._inner.caller_finished(caller, code=code)

    def caller_charged(self, caller: str, *, tokens: int) -> None:
        """A named caller was charged."""
        self._inner.caller_charged(caller, tokens=tokens)

    def answered(self, answer: Answer, *, slack_ns: int) -> None:
        """A list was answered."""
        timings = answer.timings
        self._candidates += len(answer.predictions)
        self._last_ns = self._wall_ns()
        self._success.add(timings.total_ns)
        self._queue.add(timings.queue_ns)
        self._prepare.add(timings.features_ns + timings.tokens_ns)
        self._compute.add(timings.compute_ns)
        known_ns = timings.features_ns + timings.tokens_ns + timings.queue_ns + timings.compute_ns
        self._rest.add(max(0, timings.total_ns - known_ns))
        self._inner.answered(answer, slack_ns=slack_ns)

    def message(self, *, name: str, version: str) -> service_pb2.ModelStatisticsResponse:
        """Return the counts now.

        Output is what the other stages leave of the total. There is no response cache, so its
        counts stay 0. A version that is no number is told as 1: perf_analyzer reads an integer.
        """
        model = service_pb2.ModelStatistics(
            name=name,
            version=version if version.isdecimal() else ONLY_VERSION,
            last_inference=self._last_ns // NS_PER_MS,
            inference_count=self._candidates,
            execution_count=self._count_batches(),
            inference_stats=service_pb2.InferStatistics(
                success=self._success.message(),
                fail=self._fail.message(),
                queue=self._queue.message(),
                compute_input=self._prepare.message(),
                compute_infer=self._compute.message(),
                compute_output=self._rest.message(),
            ),
        )
        return service_pb2.ModelStatisticsResponse(model_stats=[model])
