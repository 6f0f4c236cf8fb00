"""A servicer and its edge around a predictor that does what a test says."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, cast

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from structlog.testing import CapturingLogger

from ctr.v1 import prediction_pb2 as pb
from ctr_service.bundle.template import Renderer
from ctr_service.clock import SystemClock
from ctr_service.server.decode import Decoder
from ctr_service.server.edge import Edge
from ctr_service.server.gate import Gate
from ctr_service.server.servicer import Deadlines, PredictionServicer
from ctr_service.types import Answer, Prediction, Source, StageTimings, Status
from tests.support.grpc_server import PREDICT, channel_to, raw_method
from tests.support.tiny_bundle import TINY_SCHEMA, TINY_TEMPLATE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ctr_client.errors import Trailing
    from ctr_service.errors import Reason
    from ctr_service.types import SearchRequest


class FakePredictor:
    """Answers 0.5 for every item, or raises, or hangs until the caller goes."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.hangs = False
        self.requests: list[SearchRequest] = []
        self.arrivals: asyncio.Queue[str] = asyncio.Queue()
        self.cancelled = asyncio.Event()

    async def predict(self, request: SearchRequest) -> Answer:
        """Record the request, then do as told."""
        self.requests.append(request)
        self.arrivals.put_nowait(request.request_id)
        if self.error is not None:
            raise self.error
        if self.hangs:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        scored = tuple(
            Prediction(c.item_id, Status.SCORED, 0.5, Source.MODEL) for c in request.candidates
        )
        return Answer(scored, StageTimings(1, 1, 1, 1, 1), degraded=False)


class Heard:
    """What the edge and the servicer told their observers."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str | None]] = []
        self.callers: list[tuple[str, str]] = []
        self.charged: list[tuple[str, int]] = []
        self.in_flight = 0
        self.answers = 0
        self.ended = asyncio.Event()

    def call_started(self, _: str) -> None:
        """A call began."""
        self.in_flight += 1

    def call_finished(
        self, method: str, *, code: str, reason: Reason | None, seconds: float
    ) -> None:
        """A call ended."""
        assert seconds >= 0
        self.in_flight -= 1
        self.calls.append((method, code, None if reason is None else reason.name))
        self.ended.set()

    def caller_finished(self, caller: str, *, code: str) -> None:
        """It was a named caller's."""
        self.callers.append((caller, code))

    def caller_charged(self, caller: str, *, tokens: int) -> None:
        """A named caller was charged."""
        self.charged.append((caller, tokens))

    def answered(self, _: Answer, *, slack_ns: int) -> None:
        """An answer was made."""
        assert slack_ns > 0
        self.answers += 1


class ServicerWorld:
    """A servicer with everything around it."""

    def __init__(self) -> None:
        clock = SystemClock()
        self.predictor = FakePredictor()
        self.heard = Heard()
        self.log = CapturingLogger()
        self.gate = Gate(max_inside=2, clock=clock)
        self.gate.open()
        self.clock = clock
        self.servicer = PredictionServicer(
            edge=Edge(
                service="ctr.v1.PredictionService",
                gate=self.gate,
                observer=self.heard,
                clock=clock,
                log=self.log,
            ),
            decoder=Decoder(Renderer(TINY_TEMPLATE, TINY_SCHEMA)),
            predictor=self.predictor,
            observer=self.heard,
            model=pb.GetModelResponse(name="tiny", version="t1"),
            deadlines=Deadlines(default_s=1.0, max_s=10.0),
            clock=clock,
            new_request_id=lambda: "made-here",
        )

    @contextlib.asynccontextmanager
    async def channel(self) -> AsyncIterator[grpc.aio.Channel]:
        """A channel to the servicer."""
        async with channel_to(self.servicer.handler()) as channel:
            yield channel


async def predict(
    channel: grpc.aio.Channel, message: pb.PredictClicksRequest, timeout_s: float | None = 30
) -> pb.PredictClicksResponse:
    """Call PredictClicks."""
    call = raw_method(channel, PREDICT)(message.SerializeToString(), timeout=timeout_s)
    return pb.PredictClicksResponse.FromString(await call)


async def failed(channel: grpc.aio.Channel, raw: bytes, method: str = PREDICT) -> tuple[str, str]:
    """Call with bytes; return the code and the ErrorInfo's reason."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await raw_method(channel, method)(raw, timeout=30)
    info = error_details_pb2.ErrorInfo()
    trailing = dict(cast("Trailing", caught.value.trailing_metadata()))
    raw_status = trailing["grpc-status-details-bin"]
    status_pb2.Status.FromString(raw_status).details[0].Unpack(info)
    return caught.value.code().name, info.reason


def a_search(**fields: str) -> pb.PredictClicksRequest:
    """A good request."""
    message = pb.PredictClicksRequest(candidates=[pb.Candidate(item_id=n, title=n) for n in "ba"])
    for name, value in fields.items():
        setattr(message, name, value)
    return message
