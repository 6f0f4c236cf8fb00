"""KServe v2 / Open Inference beside ctr.v1, on the same port, through the same edge and predictor.

The messages are those that tritonclient ships: a second generated copy of package `inference` in
one process fails. Importing them takes about 40 ms, so `server.assembly` does it only when the
service is asked for. Like ctr.v1's, the methods parse their own bytes, so that malformed ones get
INVALID_ARGUMENT.

Methods that are not here (streams, shared memory, model repository) are UNIMPLEMENTED.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import grpc
from tritonclient.grpc import service_pb2

from ctr_service.errors import RequestInvalidError
from ctr_service.server.decode import parse_message
from ctr_service.server.open_inference_decode import budget_ns, check_model, decode_infer
from ctr_service.server.open_inference_encode import (
    encode_infer,
    model_config,
    model_metadata,
    server_metadata,
)
from ctr_service.server.status import refusal_of
from ctr_service.server.violations import at_wire_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

    from ctr.v1 import prediction_pb2
    from ctr_service.clock import Clock
    from ctr_service.server.callers import Bill
    from ctr_service.server.decode import Decoder
    from ctr_service.server.edge import Call, Context, Edge
    from ctr_service.server.open_inference_statistics import StatisticsBoard
    from ctr_service.server.servicer import Deadlines, Predicts

    _MessageT = TypeVar("_MessageT", bound=Message)
    _AsksModel: TypeAlias = (
        service_pb2.ModelMetadataRequest
        | service_pb2.ModelConfigRequest
        | service_pb2.ModelStatisticsRequest
    )

SERVICE_NAME = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name


@dataclass(frozen=True, slots=True)
class Served:
    """What this server says of itself.

    Attributes:
        model: as GetModel tells it.
        server_version: of this program.
        ready: says what health says now.
    """

    model: prediction_pb2.GetModelResponse
    server_version: str
    ready: Callable[[], bool]


class OpenInferenceServicer:
    """Serves one model."""

    def __init__(  # noqa: PLR0913 -- collaborators arrive by constructor
        self,
        *,
        edge: Edge,
        decoder: Decoder,
        predictor: Predicts,
        statistics: StatisticsBoard,
        served: Served,
        deadlines: Deadlines,
        clock: Clock,
        new_request_id: Callable[[], str],
    ) -> None:
        self._edge = edge
        self._decoder = decoder
        self._predictor = predictor
        self._statistics = statistics
        self._served = served
        self._deadlines = deadlines
        self._clock = clock
        self._new_request_id = new_request_id

    def handler(self) -> grpc.GenericRpcHandler[bytes, bytes]:
        """Return what `server.add_generic_rpc_handlers` takes."""
        methods = {
            "ServerLive": self.server_live,
            "ServerReady": self.server_ready,
            "ModelReady": self.model_ready,
            "ServerMetadata": self.server_metadata,
            "ModelMetadata": self.model_metadata,
            "ModelConfig": self.model_config,
            "ModelStatistics": self.model_statistics,
            "ModelInfer": self.model_infer,
        }
        return grpc.method_handlers_generic_handler(
            SERVICE_NAME,
            {name: grpc.unary_unary_rpc_method_handler(serve) for name, serve in methods.items()},
        )

    # Open to everyone and at any time, as health is.

    async def server_live(self, raw: bytes, context: Context) -> bytes:
        """Say that the process answers."""
        await _parsed(raw, service_pb2.ServerLiveRequest, context)
        return bytes(service_pb2.ServerLiveResponse(live=True).SerializeToString())

    async def server_ready(self, raw: bytes, context: Context) -> bytes:
        """Say whether requests are served."""
        await _parsed(raw, service_pb2.ServerReadyRequest, context)
        answer = service_pb2.ServerReadyResponse(ready=self._served.ready())
        return bytes(answer.SerializeToString())

    async def model_ready(self, raw: bytes, context: Context) -> bytes:
        """Say whether this model serves; a model that is not here is not ready."""
        asked = await _parsed(raw, service_pb2.ModelReadyRequest, context)
        model = self._served.model
        here = asked.name == model.name and asked.version in ("", model.version)
        answer = service_pb2.ModelReadyResponse(ready=here and self._served.ready())
        return bytes(answer.SerializeToString())

    # Behind the edge: callers are known, and the server is open.

    async def server_metadata(self, raw: bytes, context: Context) -> bytes:
        """Describe the server."""

        async def body(_: Call) -> bytes:
            parse_message(raw, service_pb2.ServerMetadataRequest)
            return bytes(server_metadata(self._served.server_version).SerializeToString())

        return await self._edge.run("ServerMetadata", context, body)

    async def model_metadata(self, raw: bytes, context: Context) -> bytes:
        """Describe the model's tensors."""
        return await self._describe(
            "ModelMetadata",
            raw,
            context,
            service_pb2.ModelMetadataRequest,
            lambda: model_metadata(self._served.model),
        )

    async def model_config(self, raw: bytes, context: Context) -> bytes:
        """Describe the model as Triton's configuration does."""
        return await self._describe(
            "ModelConfig",
            raw,
            context,
            service_pb2.ModelConfigRequest,
            lambda: model_config(self._served.model),
        )

    async def model_statistics(self, raw: bytes, context: Context) -> bytes:
        """Tell the counts since the start."""
        model = self._served.model
        return await self._describe(
            "ModelStatistics",
            raw,
            context,
            service_pb2.ModelStatisticsRequest,
            lambda: self._statistics.message(name=model.name, version=model.version),
        )

    async def model_infer(self, raw: bytes, context: Context) -> bytes:
        """Score one list."""

        async def body(call: Call) -> bytes:
            arrival_ns = self._clock.now_ns()
            budget_ns = self._deadlines.budget_ns(context.time_remaining())
            with call.caller.list() as bill:
                answer = await self._infer(raw, call, bill, arrival_ns, budget_ns)
            if call.caller.name:
                self._statistics.caller_charged(call.caller.name, tokens=bill.tokens)
            return answer

        return await self._edge.run("ModelInfer", context, body)

    async def _infer(
        self, raw: bytes, call: Call, bill: Bill, arrival_ns: int, call_budget_ns: int
    ) -> bytes:
        message = parse_message(raw, service_pb2.ModelInferRequest)
        call.made_here = not message.id
        call.request_id = message.id or self._new_request_id()
        model = self._served.model
        check_model(message.model_name, message.model_version, model)
        asked = decode_infer(
            message,
            self._decoder,
            request_id=call.request_id,
            deadline_ns=arrival_ns + budget_ns(message, call_budget_ns),
        )
        call.candidates = len(asked.search.candidates)
        bill.expect(call.candidates)
        try:
            answer = await self._predictor.predict(asked.search)
        except RequestInvalidError as error:
            raise at_wire_path(error) from None
        call.degraded = answer.degraded
        bill.settle(answer.row_tokens)
        response = encode_infer(
            answer,
            asked.outputs,
            request_id=call.request_id,
            name=model.name,
            version=model.version,
        )
        raw_response = bytes(response.SerializeToString())
        slack_ns = asked.search.deadline_ns - self._clock.now_ns()
        self._statistics.answered(answer, slack_ns=slack_ns)
        return raw_response

    async def _describe(
        self,
        method: str,
        raw: bytes,
        context: Context,
        kind: type[_AsksModel],
        answer: Callable[[], Message],
    ) -> bytes:
        async def body(_: Call) -> bytes:
            asked = parse_message(raw, kind)
            check_model(asked.name, asked.version, self._served.model)
            return answer().SerializeToString()

        return await self._edge.run(method, context, body)


async def _parsed(raw: bytes, kind: type[_MessageT], context: Context) -> _MessageT:
    try:
        return parse_message(raw, kind)
    except RequestInvalidError as error:
        refusal = refusal_of(error)
        return await context.abort(refusal.code, refusal.message, refusal.trailing_metadata)
