"""What every RPC shares: who calls, the gate, metrics, spans, errors as status, defects logged."""

from __future__ import annotations

import asyncio
import hashlib
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import grpc

from ctr_service.limits import NS_PER_S
from ctr_service.server.auth import Everyone
from ctr_service.server.status import refusal_of
from ctr_service.traces import CALL_TRACE, NO_TRACE, CallEnd

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import TypeAlias

    from structlog.typing import FilteringBoundLogger

    from ctr_service.clock import Clock
    from ctr_service.errors import Reason
    from ctr_service.server.auth import IdentifiesCallers
    from ctr_service.server.callers import Caller
    from ctr_service.server.gate import Gate
    from ctr_service.server.status import Refusal
    from ctr_service.traces import CallTrace

    Metadata: TypeAlias = Iterable[tuple[str, str | bytes]]
    Context: TypeAlias = grpc.aio.ServicerContext[bytes, bytes]

MAX_HOLD_S = 1.0
"""A refusal at the closing gate is held at most this long, and at most half the caller's time."""


class CallObserver(Protocol):
    """Receives the begin and the end of each call. Must return at once and not raise."""

    def call_started(self, method: str) -> None:
        """A call of `method` arrived."""
        ...

    def call_finished(
        self, method: str, *, code: str, reason: Reason | None, seconds: float
    ) -> None:
        """It ended with a gRPC code (its name) and, when refused, a reason."""
        ...

    def caller_finished(self, caller: str, *, code: str) -> None:
        """The call was one of a caller that the tokens file names."""
        ...


class TracesCalls(Protocol):
    """Makes a call's span. Must return at once and not raise."""

    def begin(self, name: str, metadata: Callable[[], Metadata | None], began_ns: int) -> CallTrace:
        """A call of the method with this full name arrived."""
        ...

    def end(self, trace: CallTrace, end: CallEnd) -> None:
        """It ended."""
        ...


class NoTraces:
    """Makes no spans."""

    def begin(self, name: str, metadata: Callable[[], Metadata | None], began_ns: int) -> CallTrace:  # noqa: ARG002 -- the protocol's signature
        """Return a memory that keeps nothing."""
        return NO_TRACE

    def end(self, trace: CallTrace, end: CallEnd) -> None:
        """Ignore it."""


@dataclass(slots=True)
class Call:
    """One call in progress.

    Attributes:
        caller: who calls.
        request_id: set once the request is parsed.
        made_here: the server made the id, so that it may be logged as it is.
        candidates: length of the list, once it is decoded.
        degraded: whether an item of the answer fell back, once there is one.
    """

    caller: Caller
    request_id: str = ""
    made_here: bool = False
    candidates: int | None = None
    degraded: bool | None = None

    @property
    def log_id(self) -> str:
        """The id for logs: a caller's own id only as a digest's beginning."""
        if self.made_here or not self.request_id:
            return self.request_id
        return f"sha256:{hashlib.sha256(self.request_id.encode()).hexdigest()[:16]}"


class Edge:
    """Runs the body of a call and ends the call in the one way that its outcome asks for."""

    def __init__(  # noqa: PLR0913 -- collaborators arrive by constructor
        self,
        *,
        service: str,
        gate: Gate,
        observer: CallObserver,
        clock: Clock,
        log: FilteringBoundLogger,
        callers: IdentifiesCallers | None = None,
        traces: TracesCalls | None = None,
    ) -> None:
        """Take the service's full name and the parts; without `callers` everyone may call."""
        self._service = service
        self._traces = traces or NoTraces()
        self._callers = callers or Everyone(clock)
        self._gate = gate
        self._observer = observer
        self._clock = clock
        self._log = log

    async def run(
        self, method: str, context: Context, body: Callable[[Call], Awaitable[bytes]]
    ) -> bytes:
        """Run `body` inside the gate and return its answer, or abort the call.

        Raises:
            grpc.aio.AbortError: the call was refused or failed; the status is set.
            asyncio.CancelledError: the caller went away.
        """
        call: Call | None = None
        started_ns = self._clock.now_ns()
        self._observer.call_started(method)
        trace = self._traces.begin(
            f"{self._service}/{method}", context.invocation_metadata, started_ns
        )
        CALL_TRACE.set(trace)  # for this task alone: gRPC gives each call one of its own
        code, reason = grpc.StatusCode.OK, None
        try:
            call = Call(self._callers.identify(method, context.invocation_metadata))
            async with self._gate.admit(patience_s=_patience_s(context)):
                return await body(call)
        except asyncio.CancelledError:
            code = _code_of_cancellation(context)
            raise
        except Exception as error:  # noqa: BLE001 -- the edge: every error becomes a status here
            refusal = refusal_of(error)
            code, reason = refusal.code, refusal.reason
            self._tell(method, call, error, refusal)
        finally:
            ended_ns = self._clock.now_ns()
            self._observer.call_finished(
                method, code=code.name, reason=reason, seconds=(ended_ns - started_ns) / NS_PER_S
            )
            caller = "" if call is None else call.caller.name
            if caller:
                self._observer.caller_finished(caller, code=code.name)
            self._traces.end(trace, _end_of(call, code, reason, ended_ns))
        return await context.abort(refusal.code, refusal.message, refusal.trailing_metadata)

    def _tell(self, method: str, call: Call | None, error: Exception, refusal: Refusal) -> None:
        request_id = "" if call is None else call.log_id
        if not refusal.is_defect:
            self._log.debug(
                "call_refused",
                method=method,
                code=refusal.code.name,
                reason=refusal.reason.name,
                request_id=request_id,
            )
            return
        # The error's own text may quote a request, so only its type and its place are told.
        self._log.error(
            "call_failed",
            method=method,
            request_id=request_id,
            error=type(error).__qualname__,
            at=[
                f"{f.filename}:{f.lineno} {f.name}"
                for f in traceback.extract_tb(error.__traceback__)
            ],
        )


def _end_of(
    call: Call | None, code: grpc.StatusCode, reason: Reason | None, ended_ns: int
) -> CallEnd:
    why = "" if reason is None else reason.name
    if call is None:
        return CallEnd(code.name, why, None, None, "", ended_ns)
    return CallEnd(code.name, why, call.candidates, call.degraded, call.caller.name, ended_ns)


def _patience_s(context: Context) -> float:
    remaining_s = context.time_remaining()
    return MAX_HOLD_S if remaining_s is None else min(MAX_HOLD_S, remaining_s / 2)


def _code_of_cancellation(context: Context) -> grpc.StatusCode:
    """Tell a caller whose deadline passed from one that hung up: both cancel the handler."""
    remaining_s = context.time_remaining()
    passed = remaining_s is not None and remaining_s <= 0
    return grpc.StatusCode.DEADLINE_EXCEEDED if passed else grpc.StatusCode.CANCELLED
