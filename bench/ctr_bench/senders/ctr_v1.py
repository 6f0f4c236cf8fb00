"""ctr.v1 over gRPC: a target is "host:port"."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import grpc

from ctr_bench.answers import count_answer
from ctr_bench.record import OK
from ctr_client.options import SERVICE, ClientOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import TypeAlias

    from ctr_bench.answers import Counts

    Method: TypeAlias = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]

PREDICT = f"/{SERVICE}/PredictClicks"
CONNECT_S = 30.0


class GrpcSender:
    """Calls a unary method of bytes in, bytes out. Implements `Sender` but for `count`."""

    def __init__(self, method: Method) -> None:
        self._method = method

    async def ask(self, message: bytes, deadline_s: float) -> tuple[int, bytes]:
        """See `Sender`."""
        try:
            return OK, await self._method(message, timeout=deadline_s)
        except grpc.aio.AioRpcError as error:
            code: tuple[int, str] = error.code().value
            return code[0], b""


class CtrV1Sender(GrpcSender):
    """PredictClicks. Implements `Sender`."""

    def count(self, answer: bytes) -> Counts:
        """See `Sender`."""
        return count_answer(answer)


@contextlib.asynccontextmanager
async def open_method(address: str, path: str) -> AsyncIterator[Method]:
    """Connect and give a method of bytes.

    Raises:
        TimeoutError: nothing listens at the address.
    """
    # One attempt: a retry would hide a failure from the figures.
    options = ClientOptions(max_attempts=1).channel_options()
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        await asyncio.wait_for(channel.channel_ready(), CONNECT_S)
        yield channel.unary_unary(path, None, None)


@contextlib.asynccontextmanager
async def open_ctr_v1(target: str) -> AsyncIterator[CtrV1Sender]:
    """Connect to "host:port".

    Raises:
        TimeoutError: nothing listens there.
    """
    async with open_method(target, PREDICT) as method:
        yield CtrV1Sender(method)
