"""The edge over a real channel: how a call ends, and what metrics and log hear of it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import grpc
import pytest

from ctr_service.errors import BackendFailedError, OverloadedError, RequestInvalidError
from tests.support.grpc_server import PREDICT, raw_method
from tests.support.servicer_world import ServicerWorld, a_search, failed, predict

if TYPE_CHECKING:
    from tests.support.grpc_server import RawCall

CANARY = "canary-7391"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (BackendFailedError("x"), ("UNAVAILABLE", "BACKEND_FAILED")),
        (OverloadedError("x", retry_after_ns=5), ("RESOURCE_EXHAUSTED", "OVERLOADED")),
        (
            RequestInvalidError("x", metadata={"field": "user.segment"}),
            ("INVALID_ARGUMENT", "MALFORMED_REQUEST"),
        ),
        (KeyError(CANARY), ("INTERNAL", "INTERNAL")),
    ],
)
async def test_an_error_of_the_predictor_becomes_a_status(
    error: Exception, outcome: tuple[str, str]
) -> None:
    """Each error of the predictor ends the call with its code, and the observer hears it."""
    world = ServicerWorld()
    world.predictor.error = error
    async with world.channel() as channel:
        assert await failed(channel, a_search().SerializeToString()) == outcome
    assert world.heard.calls == [("PredictClicks", *outcome)]
    assert (world.heard.in_flight, world.heard.answers) == (0, 0)


@pytest.mark.parametrize(
    ("request_id", "logged"), [("", "made-here"), (CANARY, "sha256:")], ids=["made", "callers"]
)
async def test_a_defect_is_logged_without_user_data(request_id: str, logged: str) -> None:
    """The log has the type, the place and the id (a caller's only as digest), never a text."""
    world = ServicerWorld()
    world.predictor.error = KeyError(CANARY)
    message = a_search(request_id=request_id, query=CANARY)
    async with world.channel() as channel:
        await failed(channel, message.SerializeToString())
    (call,) = world.log.calls
    assert call.method_name == "error"
    assert call.kwargs["request_id"].startswith(logged)
    assert call.kwargs["error"] == "KeyError"
    assert any("predict" in place for place in call.kwargs["at"])
    assert CANARY not in repr(call)


async def test_a_caller_that_hangs_up_cancels_its_work() -> None:
    """Cancelling the call cancels the predictor's work and counts as CANCELLED."""
    world = ServicerWorld()
    world.predictor.hangs = True
    async with world.channel() as channel:
        call = raw_method(channel, PREDICT)(a_search().SerializeToString())
        await asyncio.wait_for(world.predictor.arrivals.get(), 5)
        call.cancel()
        await asyncio.wait_for(world.predictor.cancelled.wait(), 5)
    assert world.heard.calls == [("PredictClicks", "CANCELLED", None)]
    assert world.gate.inside == 0


async def test_a_deadline_that_passes_in_the_predictor_counts_as_one() -> None:
    """When the caller's deadline ends the call, the metrics say DEADLINE_EXCEEDED."""
    world = ServicerWorld()
    world.predictor.hangs = True
    async with world.channel() as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await predict(channel, a_search(), timeout_s=0.05)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await asyncio.wait_for(world.heard.ended.wait(), 5)
    assert world.heard.calls == [("PredictClicks", "DEADLINE_EXCEEDED", None)]


async def test_more_requests_than_the_limit_are_refused() -> None:
    """The server holds at most `max_inside` requests; the next one is told to come back."""
    world = ServicerWorld()
    world.predictor.hangs = True
    async with world.channel() as channel:
        raw = a_search().SerializeToString()
        inside = [raw_method(channel, PREDICT)(raw) for _ in range(2)]
        running = [asyncio.ensure_future(_swallow(call)) for call in inside]
        for _ in running:
            await asyncio.wait_for(world.predictor.arrivals.get(), 5)
        assert await failed(channel, raw) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        for call in inside:
            call.cancel()
        await asyncio.gather(*running)


async def _swallow(call: RawCall) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await call
