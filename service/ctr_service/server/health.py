"""grpc.health.v1: what probes and balancers ask.

Not the servicer of grpcio-health-checking: its asyncio one says SERVING from the start, forgets
all watchers of a service when one of them leaves, and its endless watches hold up a graceful stop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    Context: TypeAlias = grpc.aio.ServicerContext[
        health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
    ]
    Handler: TypeAlias = grpc.GenericRpcHandler[
        health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
    ]

SERVICE_NAME = "grpc.health.v1.Health"
LIVENESS = "liveness"
"""The service that is SERVING whenever the event loop answers: warming up, draining, its Triton
gone. A restart mends none of these, so a liveness probe must not hear of them."""
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class HealthBoard:
    """One status for all services of the process; NOT_SERVING until told otherwise.

    `LIVENESS` alone has a status of its own.
    """

    def __init__(self, services: Iterable[str]) -> None:
        """Answer for these service names; the empty name is the whole server."""
        self._services = frozenset(services)
        self._serving = False
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def serving(self) -> bool:
        """What probes hear now."""
        return self._serving

    def set_serving(self, *, serving: bool) -> None:
        """Change what probes hear, and tell the watchers."""
        self._serving = serving
        self._wake()

    def close(self) -> None:
        """End all watches, after they heard the last status."""
        self._closed = True
        self._wake()

    def handler(self) -> Handler:
        """Return what `server.add_generic_rpc_handlers` takes."""
        parse = health_pb2.HealthCheckRequest.FromString
        write = health_pb2.HealthCheckResponse.SerializeToString
        return grpc.method_handlers_generic_handler(
            SERVICE_NAME,
            {
                "Check": grpc.unary_unary_rpc_method_handler(self.check, parse, write),
                "Watch": grpc.unary_stream_rpc_method_handler(self.watch, parse, write),
            },
        )

    async def check(
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        """Answer the status now; NOT_FOUND for a service that is not here."""
        status = self._status_of(request.service)
        if status == _UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service on this server")
        return health_pb2.HealthCheckResponse(status=status)

    async def watch(self, request: health_pb2.HealthCheckRequest, context: Context) -> None:
        """Send the status now and after every change, until the server stops."""
        last = None
        while True:
            closed, changed = self._closed, self._changed
            status = self._status_of(request.service)
            if status != last:
                await context.write(health_pb2.HealthCheckResponse(status=status))
                last = status
            if closed:
                return
            await changed.wait()

    def _status_of(self, service: str) -> int:
        if service == LIVENESS:
            return int(_SERVING)
        if service not in self._services:
            return int(_UNKNOWN)
        return int(_SERVING if self._serving else _NOT_SERVING)

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
