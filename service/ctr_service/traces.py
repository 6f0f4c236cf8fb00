"""What a call and a batch remember for their spans: ids and moments, free of any SDK.

Spans are built from this after the call, and only for the few calls that are exported. So the way
of a request notes a moment here and there, and nothing else. Whoever works for a call finds its
memory in a context variable, as every RPC runs in a task of its own.
"""

from __future__ import annotations

import random
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_TRACEPARENT = re.compile(r"^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$")
TRACE_ID_BITS, SPAN_ID_BITS = 128, 64
MAX_BATCHES = 64
"""Runs of one call that are kept, the last one among them; a list of 1,000 has more."""


class CallEnd(NamedTuple):
    """How a call ended; nothing of what the caller sent.

    Attributes:
        code: name of the gRPC code.
        reason: name of the ErrorReason; empty where the call was answered, or its caller left.
        candidates: length of the list; None where there is none, or none was read.
        degraded: whether an item of the answer fell back; None without an answer.
        caller: name in the tokens file; empty for everyone else.
        ended_ns: on the injected clock.
    """

    code: str
    reason: str
    candidates: int | None
    degraded: bool | None
    caller: str
    ended_ns: int


class CallTrace:
    """The memory of one call. Moments are on the injected clock; 0 is a moment that never came.

    Attributes:
        trace_id, span_id: of its server span.
        sampled: chosen at its begin, by the caller or by the ratio.
        name: full name of the method.
        parent_id: span id of the caller's span; None begins a trace.
        began_ns: the call arrived.
        scoring_ns: the predictor began.
        rendered_ns: features were there, rows were text.
        tokenised_ns: rows were tokens, and queued.
        scored_ns: no row was waited for any more.
        batches: runs that rows of the call were in, oldest first.
        late: set when the call has ended and is exported: told of each run that ends after it.
    """

    __slots__ = (
        "batches",
        "began_ns",
        "ended",
        "late",
        "name",
        "parent_id",
        "rendered_ns",
        "sampled",
        "scored_ns",
        "scoring_ns",
        "span_id",
        "tokenised_ns",
        "trace_id",
    )

    def __init__(  # noqa: PLR0913 -- one a call, made in one place
        self,
        trace_id: int,
        span_id: int,
        *,
        sampled: bool,
        name: str = "",
        parent_id: int | None = None,
        began_ns: int = 0,
    ) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.sampled = sampled
        self.name = name
        self.parent_id = parent_id
        self.began_ns = began_ns
        self.scoring_ns = self.rendered_ns = self.tokenised_ns = self.scored_ns = 0
        self.batches: list[BatchTrace] = []
        self.ended = False
        self.late: Callable[[BatchTrace], None] | None = None

    def ran_in(self, batch: BatchTrace) -> None:
        """Remember a run."""
        if self.ended:
            return
        if len(self.batches) < MAX_BATCHES:
            self.batches.append(batch)
        else:
            self.batches[-1] = batch

    def end(self, late: Callable[[BatchTrace], None] | None) -> None:
        """Forget the runs, which remember this call: a ring would wait for the collector."""
        self.ended = True
        self.late = late
        self.batches = []


class _NoTrace(CallTrace):
    """The memory of work that no traced call asked for. Shared, so it keeps nothing."""

    __slots__ = ()

    def ran_in(self, batch: BatchTrace) -> None:
        """Forget it."""


NO_TRACE = _NoTrace(0, 0, sampled=False)
CALL_TRACE: ContextVar[CallTrace] = ContextVar("ctr_call_trace", default=NO_TRACE)
current_trace = CALL_TRACE.get


class BatchTrace:
    """The memory of one run of the engine, the root of a trace of its own.

    Attributes:
        calls: whose rows it runs; those that joined while it ran are added at its end.
        began_ns, ended_ns: on the injected clock; `ended_ns` is 0 while it runs.
        rows, row_tokens, bucket_tokens, failed_rows: of the run.
        exported: its span was built; several calls may ask for it.
    """

    __slots__ = (
        "_ids",
        "began_ns",
        "bucket_tokens",
        "calls",
        "ended_ns",
        "exported",
        "failed_rows",
        "row_tokens",
        "rows",
    )

    def __init__(
        self, calls: Iterable[CallTrace], *, began_ns: int, rows: int, bucket_tokens: int
    ) -> None:
        """Begin a run, and let the calls know."""
        self.calls: list[CallTrace] = []
        self.began_ns = began_ns
        self.ended_ns = 0
        self.rows = rows
        self.row_tokens = 0
        self.bucket_tokens = bucket_tokens
        self.failed_rows = 0
        self.exported = False
        self._ids: tuple[int, int] | None = None
        self._join(calls)

    def end(
        self, calls: Iterable[CallTrace], *, ended_ns: int, row_tokens: int, failed_rows: int
    ) -> None:
        """End the run; `calls` are those of the begin and those that joined since."""
        self.ended_ns = ended_ns
        self.row_tokens = row_tokens
        self.failed_rows = failed_rows
        self._join(calls)
        for call in self.calls:
            if call.late is not None:
                call.late(self)

    @property
    def ids(self) -> tuple[int, int]:
        """Trace id and span id, drawn when they are first asked for."""
        if self._ids is None:
            self._ids = (new_id(TRACE_ID_BITS), new_id(SPAN_ID_BITS))
        return self._ids

    @property
    def traceparent(self) -> str:
        """The W3C header by which a server elsewhere continues this run's trace."""
        trace_id, span_id = self.ids
        sampled = any(call.sampled for call in self.calls)
        return f"00-{trace_id:032x}-{span_id:016x}-{int(sampled):02x}"

    def _join(self, calls: Iterable[CallTrace]) -> None:
        for call in calls:
            if call is not NO_TRACE and call not in self.calls:
                self.calls.append(call)
                call.ran_in(self)


class Parent(NamedTuple):
    """What a W3C `traceparent` header says."""

    trace_id: int
    span_id: int
    sampled: bool


def parse_traceparent(header: str) -> Parent | None:
    """Read a header as https://www.w3.org/TR/trace-context/ has it; None where it is not valid."""
    found = _TRACEPARENT.match(header)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    parent = Parent(int(trace_id, 16), int(span_id, 16), bool(int(flags, 16) & 1))
    forbidden = version == "ff" or (version == "00" and more)
    return None if forbidden or not parent.trace_id or not parent.span_id else parent


BATCH_TRACE: ContextVar[BatchTrace | None] = ContextVar("ctr_batch_trace", default=None)


def outgoing_metadata() -> tuple[tuple[str, str], ...] | None:
    """Return the metadata of a call that this run makes elsewhere; None where nobody traces."""
    batch = BATCH_TRACE.get()
    if batch is None or not batch.calls:
        return None
    return (("traceparent", batch.traceparent),)


def new_id(bits: int) -> int:
    """Draw an id of so many bits; 0 means none, so it is drawn again."""
    while not (drawn := random.getrandbits(bits)):
        continue
    return drawn
