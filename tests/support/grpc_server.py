"""A gRPC server inside a test's own event loop, and a channel to it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import TypeAlias

    RawMethod: TypeAlias = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
    RawCall: TypeAlias = grpc.aio.UnaryUnaryCall[bytes, bytes]

PREDICT = "/ctr.v1.PredictionService/PredictClicks"
GET_MODEL = "/ctr.v1.PredictionService/GetModel"


def raw_method(
    channel: grpc.aio.Channel, path: str
) -> grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]:
    """A method that takes and gives bytes, so that a test may send what no message holds."""
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path, None, None)
    return method


@contextlib.asynccontextmanager
async def serving(*handlers: grpc.GenericRpcHandler[bytes, bytes]) -> AsyncIterator[str]:
    """Serve the handlers on a free port and yield the target."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@contextlib.asynccontextmanager
async def channel_to(
    *handlers: grpc.GenericRpcHandler[bytes, bytes],
) -> AsyncIterator[grpc.aio.Channel]:
    """Serve the handlers on a free port and yield a channel to them."""
    async with serving(*handlers) as target, grpc.aio.insecure_channel(target) as channel:
        yield channel
