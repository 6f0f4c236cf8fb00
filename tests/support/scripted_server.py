"""A gRPC server in a thread that ends each call as a test says; for tests of the client."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from ctr.v1 import prediction_pb2 as pb
from ctr_service.server.status import refusal_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Script:
    """How calls end: the first with the first error, and so on; then with an answer.

    Attributes:
        metadata: sent after an error, beside its details.
        attempts: how many calls arrived.
        deadlines_s: what was left of each call's deadline on arrival.
    """

    errors: list[Exception | grpc.StatusCode] = field(default_factory=list)
    metadata: tuple[tuple[str, str | bytes], ...] = ()
    attempts: int = 0
    deadlines_s: list[float] = field(default_factory=list)

    def answer(self, raw: bytes, context: grpc.ServicerContext) -> bytes:
        """End one call."""
        self.attempts += 1
        self.deadlines_s.append(context.time_remaining())
        if self.attempts > len(self.errors):
            request = pb.PredictClicksRequest.FromString(raw)
            return pb.PredictClicksResponse(request_id=request.request_id).SerializeToString()
        error = self.errors[self.attempts - 1]
        if isinstance(error, grpc.StatusCode):
            context.set_trailing_metadata(self.metadata)
            context.abort(error, "as scripted")
        refusal = refusal_of(error)
        context.set_trailing_metadata((*refusal.trailing_metadata, *self.metadata))
        return context.abort(refusal.code, refusal.message)


@contextlib.contextmanager
def scripted_server(script: Script, *, serving: bool = True) -> Iterator[str]:
    """Serve by a script on a free port and yield the target."""
    server = grpc.server(ThreadPoolExecutor(4))
    handler = grpc.unary_unary_rpc_method_handler(script.answer)
    methods = {"PredictClicks": handler, "GetModel": handler}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("ctr.v1.PredictionService", methods),)
    )
    board = health.HealthServicer()
    states = health_pb2.HealthCheckResponse
    board.set("", states.SERVING if serving else states.NOT_SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(board, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
