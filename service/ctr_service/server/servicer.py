"""ctr.v1.PredictionService: bytes in, bytes out; the predictor decides, this file translates.

Both methods are registered without gRPC's own deserialiser. It would answer UNKNOWN to bytes that
do not parse; parsed here they get INVALID_ARGUMENT with a reason, like every other bad request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import grpc

from ctr.v1 import prediction_pb2
from ctr_service.errors import ModelNotFoundError, RequestInvalidError
from ctr_service.limits import NS_PER_S
from ctr_service.server.decode import check_model_ref, parse_message
from ctr_service.server.encode import encode_answer
from ctr_service.server.envelope import ENVELOPE
from ctr_service.server.violations import at_wire_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctr_service.clock import Clock
    from ctr_service.server.callers import Bill
    from ctr_service.server.decode import Decoder
    from ctr_service.server.edge import Call, Context, Edge
    from ctr_service.types import Answer, SearchRequest

SERVICE_NAME = prediction_pb2.DESCRIPTOR.services_by_name["PredictionService"].full_name


class Predicts(Protocol):
    """What the servicer asks of the predictor."""

    async def predict(self, request: SearchRequest) -> Answer:
        """Score a search; see `ctr_service.predictor.Predictor.predict`."""
        ...


class AnswerObserver(Protocol):
    """Receives each answer. Must return at once and not raise."""

    def answered(self, answer: Answer, *, slack_ns: int) -> None:
        """A search was answered, with so much left of its deadline."""
        ...

    def caller_charged(self, caller: str, *, tokens: int) -> None:
        """The answer was one for a caller that the tokens file names."""
        ...


@dataclass(frozen=True, slots=True)
class Deadlines:
    """What a call's deadline becomes: `default_s` when it has none, at most `max_s`."""

    default_s: float
    max_s: float

    def budget_ns(self, remaining_s: float | None) -> int:
        """Return the nanoseconds that a request may take from now on."""
        budget_s = self.default_s if remaining_s is None else min(remaining_s, self.max_s)
        return round(budget_s * NS_PER_S)


class PredictionServicer:
    """Serves one model."""

    def __init__(  # noqa: PLR0913 -- collaborators arrive by constructor
        self,
        *,
        edge: Edge,
        decoder: Decoder,
        predictor: Predicts,
        observer: AnswerObserver,
        model: prediction_pb2.GetModelResponse,
        deadlines: Deadlines,
        clock: Clock,
        new_request_id: Callable[[], str],
    ) -> None:
        self._edge = edge
        self._decoder = decoder
        self._predictor = predictor
        self._observer = observer
        self._model = model
        self._deadlines = deadlines
        self._clock = clock
        self._new_request_id = new_request_id

    def handler(self) -> grpc.GenericRpcHandler[bytes, bytes]:
        """Return what `server.add_generic_rpc_handlers` takes."""
        return grpc.method_handlers_generic_handler(
            SERVICE_NAME,
            {
                "PredictClicks": grpc.unary_unary_rpc_method_handler(self.predict_clicks),
                "GetModel": grpc.unary_unary_rpc_method_handler(self.get_model),
            },
        )

    async def predict_clicks(self, raw: bytes, context: Context) -> bytes:
        """Serve PredictClicks."""

        async def body(call: Call) -> bytes:
            return await self._predict(raw, context, call)

        return await self._edge.run("PredictClicks", context, body)

    async def get_model(self, raw: bytes, context: Context) -> bytes:
        """Serve GetModel."""

        async def body(_: Call) -> bytes:
            request = parse_message(raw, prediction_pb2.GetModelRequest)
            check_model_ref(request.model)
            self._check_model(request.model)
            return self._model.SerializeToString()

        return await self._edge.run("GetModel", context, body)

    async def _predict(self, raw: bytes, context: Context, call: Call) -> bytes:
        deadline_ns = self._clock.now_ns() + self._deadlines.budget_ns(context.time_remaining())
        with call.caller.list() as bill:
            response = await self._answer(raw, call, bill, deadline_ns)
        if call.caller.name:
            self._observer.caller_charged(call.caller.name, tokens=bill.tokens)
        return response

    async def _answer(self, raw: bytes, call: Call, bill: Bill, deadline_ns: int) -> bytes:
        message = parse_message(raw, ENVELOPE)
        call.made_here = not message.request_id
        call.request_id = message.request_id or self._new_request_id()
        request = self._decoder.decode(message, request_id=call.request_id, deadline_ns=deadline_ns)
        self._check_model(message.model)
        call.candidates = len(request.candidates)
        bill.expect(call.candidates)
        try:
            answer = await self._predictor.predict(request)
        except RequestInvalidError as error:
            raise at_wire_path(error) from None
        call.degraded = answer.degraded
        bill.settle(answer.row_tokens)
        response = encode_answer(
            answer,
            request_id=call.request_id,
            model_name=self._model.name,
            model_version=self._model.version,
        )
        raw_response = response.SerializeToString()
        self._observer.answered(answer, slack_ns=deadline_ns - self._clock.now_ns())
        return raw_response

    def _check_model(self, asked: prediction_pb2.ModelRef) -> None:
        for field, wanted, served in (
            ("model.name", asked.name, self._model.name),
            ("model.version", asked.version, self._model.version),
        ):
            if wanted and wanted != served:
                raise ModelNotFoundError(
                    f"{field} is not the one served here: this server has model "
                    f"{self._model.name}, version {self._model.version}",
                    metadata={"field": field},
                )
