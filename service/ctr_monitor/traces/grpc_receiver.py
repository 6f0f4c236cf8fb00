"""OTLP over gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import grpc.aio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from ctr_monitor.errors import BadInputError, SettingsError
from ctr_monitor.traces.intake import MAX_BODY_BYTES, TooMuchAtOnceError

if TYPE_CHECKING:
    from ctr_monitor.instruments import Instruments
    from ctr_monitor.traces.intake import SpanIntake

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
NOT_KEPT = "spans without valid trace and span ids were not kept"


def response(rejected: int) -> ExportTraceServiceResponse:
    """Return the answer to a request of which so many spans were rejected."""
    if not rejected:
        return ExportTraceServiceResponse()
    return ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=rejected, error_message=NOT_KEPT)
    )


class GrpcReceiver:
    """Serves `TraceService/Export`. The message's bytes go on as they are."""

    def __init__(self, intake: SpanIntake, instruments: Instruments) -> None:
        self._intake = intake
        self._instruments = instruments
        self._server: grpc.aio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; return the port.

        Raises:
            SettingsError: the address cannot be listened on.
        """
        server = grpc.aio.server(
            options=(
                ("grpc.max_receive_message_length", MAX_BODY_BYTES),
                ("grpc.so_reuseport", 0),  # two monitors on one port would share the spans
            )
        )
        handler = grpc.unary_unary_rpc_method_handler(
            self._export,
            response_serializer=ExportTraceServiceResponse.SerializeToString,
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, {"Export": handler}),)
        )
        try:
            bound = server.add_insecure_port(f"{host}:{port}")
        except RuntimeError:
            raise SettingsError(
                f"OTLP cannot listen on {host}:{port}; choose another --otlp-grpc"
            ) from None
        await server.start()
        self._server = server
        return bound

    async def stop(self, grace_s: float) -> None:
        """Let requests under way finish."""
        if self._server is not None:
            await self._server.stop(grace_s)

    async def _export(
        self, body: bytes, context: grpc.aio.ServicerContext[bytes, ExportTraceServiceResponse]
    ) -> ExportTraceServiceResponse:
        try:
            return response(await self._intake.take(body))
        except BadInputError as error:
            self._instruments.bad_input.labels("otlp").inc()
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except TooMuchAtOnceError as error:
            # The one code that exporters try again after.
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        raise AssertionError("abort does not return")
