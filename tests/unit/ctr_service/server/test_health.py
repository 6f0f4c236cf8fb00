"""Health over a real channel."""

from __future__ import annotations

import asyncio
from typing import cast

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ctr_service.server.health import LIVENESS, HealthBoard
from tests.support.grpc_server import channel_to

SERVICES = ("", "ctr.v1.PredictionService")
SERVING, NOT_SERVING, UNKNOWN = 1, 2, 3


def ask(service: str) -> health_pb2.HealthCheckRequest:
    """A question about one service."""
    return health_pb2.HealthCheckRequest(service=service)


@pytest.mark.parametrize("service", SERVICES)
async def test_health_follows_the_board(service: str) -> None:
    """Each service is NOT_SERVING from the start, and what the board says later."""
    board = HealthBoard(SERVICES)
    async with channel_to(board.handler()) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        assert (await stub.Check(ask(service))).status == NOT_SERVING
        board.set_serving(serving=True)
        assert (await stub.Check(ask(service))).status == SERVING


async def test_an_unknown_service_is_not_found() -> None:
    """Check answers NOT_FOUND, Watch SERVICE_UNKNOWN, as the protocol says."""
    board = HealthBoard(SERVICES)
    async with channel_to(board.handler()) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Check(ask("nobody"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        assert (await stub.Watch(ask("nobody")).read()).status == UNKNOWN


async def test_liveness_does_not_follow_the_board() -> None:
    """The liveness service is SERVING before, while and after the board is."""
    board = HealthBoard(SERVICES)
    async with channel_to(board.handler()) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        heard = [(await stub.Check(ask(LIVENESS))).status]
        for serving in (True, False):
            board.set_serving(serving=serving)
            heard.append((await stub.Check(ask(LIVENESS))).status)
        watch = stub.Watch(ask(LIVENESS))
        heard.append(await status(watch))
        board.close()
        assert heard == [SERVING] * 4


async def test_every_watcher_hears_every_change_and_the_end() -> None:
    """A watcher that leaves does not deafen the others, and closing ends the watch."""
    board = HealthBoard(SERVICES)
    async with channel_to(board.handler()) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        first, second = stub.Watch(ask("")), stub.Watch(ask(""))
        assert [await status(first), await status(second)] == [NOT_SERVING, NOT_SERVING]
        first.cancel()
        board.set_serving(serving=True)
        assert await status(second) == SERVING
        board.set_serving(serving=False)
        board.close()
        assert await status(second) == NOT_SERVING
        assert not isinstance(await second.read(), health_pb2.HealthCheckResponse)


async def status(watch: grpc.aio.UnaryStreamCall[object, health_pb2.HealthCheckResponse]) -> int:
    """The next status that a watcher hears."""
    answer = await asyncio.wait_for(watch.read(), timeout=5)
    return int(cast("health_pb2.HealthCheckResponse", answer).status)
