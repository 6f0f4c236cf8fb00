"""Where spans come in, whichever protocol brought them: bounded, and kept in the store's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_monitor.errors import MonitorError
from ctr_monitor.traces.otlp import decode, spans_of

if TYPE_CHECKING:
    from ctr_monitor.instruments import Instruments
    from ctr_monitor.store.thread import StoreThread
    from ctr_monitor.store.traces import TraceStore

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_WAITING_BYTES = 32 * 1024 * 1024


class TooMuchAtOnceError(MonitorError):
    """More spans wait for the disk than fit; the sender may try again."""


class SpanIntake:
    """Takes the bodies of OTLP's export requests."""

    def __init__(self, traces: TraceStore, thread: StoreThread, instruments: Instruments) -> None:
        self._traces = traces
        self._thread = thread
        self._instruments = instruments
        self._waiting_bytes = 0

    async def take(self, body: bytes) -> int:
        """Keep the spans of a request; return how many were rejected.

        Raises:
            BadInputError: no request of OTLP.
            TooMuchAtOnceError: not taken at all.
        """
        if self._waiting_bytes + len(body) > MAX_WAITING_BYTES:
            self._instruments.spans.labels("refused").inc()
            raise TooMuchAtOnceError("too many spans wait to be kept; send again later")
        self._waiting_bytes += len(body)
        try:
            kept, rejected = await self._thread.call(self._keep, body)
        finally:
            self._waiting_bytes -= len(body)
        self._instruments.spans.labels("kept").inc(kept)
        self._instruments.spans.labels("rejected").inc(rejected)
        return rejected

    def _keep(self, body: bytes) -> tuple[int, int]:
        spans, rejected = spans_of(decode(body))
        self._traces.add(spans)
        return len(spans), rejected
