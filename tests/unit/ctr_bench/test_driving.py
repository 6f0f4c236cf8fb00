"""The generator's two loops against servers that do what a test says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import numpy as np

from ctr.v1 import prediction_pb2
from ctr_bench.driving import Driver
from ctr_bench.job import Job, Payloads
from ctr_bench.record import OK, UNREAD
from ctr_bench.schedule import constant
from ctr_bench.senders.ctr_v1 import CtrV1Sender
from tests.support.grpc_server import PREDICT, channel_to, raw_method

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ctr_bench.record import Records
    from ctr_bench.schedule import Times

    Answers = Callable[[bytes, grpc.aio.ServicerContext[bytes, bytes]], Awaitable[bytes]]

SCORED = prediction_pb2.Prediction(status=prediction_pb2.PREDICTION_STATUS_SCORED)
FALLEN = prediction_pb2.Prediction(status=prediction_pb2.PREDICTION_STATUS_FALLBACK)
BOTH = prediction_pb2.PredictClicksResponse(predictions=[SCORED, FALLEN]).SerializeToString()
NONE_DUE = np.empty(0, dtype=np.int64)


async def drive(answers: Answers, job: Job, schedule_ns: Times = NONE_DUE) -> Records:
    """Run a job against a server in this loop."""
    handler = grpc.method_handlers_generic_handler(
        "ctr.v1.PredictionService",
        {"PredictClicks": grpc.unary_unary_rpc_method_handler(answers)},
    )
    payloads = Payloads([b"a", b"b"], np.array([2, 2], np.int32), schedule_ns)
    async with channel_to(handler) as channel:
        driver = Driver(CtrV1Sender(raw_method(channel, PREDICT)), job, payloads)
        await driver.warm_up()
        return await driver.run()


async def test_the_open_loop_does_not_wait_for_answers() -> None:
    """A server that answers nobody before it has heard all 20 still gets all 20."""
    heard, all_heard = 0, asyncio.Event()

    async def stall(_: bytes, __: object) -> bytes:
        nonlocal heard
        heard += 1
        if heard == 20:
            all_heard.set()
        await all_heard.wait()
        return BOTH

    records = await drive(stall, Job("", deadline_s=60), constant(2_000, 20))
    assert heard == len(records) == 20
    assert records.scheduled_ns.tolist() == constant(2_000, 20).tolist()


async def test_nothing_is_sent_before_it_is_due_and_latency_shows_a_stall() -> None:
    """While the server stalls, each request's latency reaches from its own due time to the end."""
    heard, all_heard = 0, asyncio.Event()

    async def stall(_: bytes, __: object) -> bytes:
        nonlocal heard
        heard += 1
        if heard == 5:
            all_heard.set()
        await all_heard.wait()
        return BOTH

    records = await drive(stall, Job("", deadline_s=60), constant(100, 5))
    assert (records.sent_ns >= records.scheduled_ns).all()
    assert records.latency_ms[0] >= 40  # due 40 ms before the last one, which freed it


async def test_the_closed_loop_keeps_its_callers_busy_one_request_each() -> None:
    """Three callers never have more than three requests open, and all of them are used."""
    inside, most = 0, 0

    async def answer(_: bytes, __: object) -> bytes:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        for _turn in range(5):
            await asyncio.sleep(0)
        inside -= 1
        return BOTH

    records = await drive(answer, Job("", deadline_s=60, callers=3, max_requests=30))
    assert len(records) == 30
    assert most <= 3
    assert (records.scheduled_ns == records.sent_ns).all()


async def test_answers_are_counted_by_status_and_refusals_by_code() -> None:
    """Every second call is refused: it has its code and no items; the others have both statuses."""
    calls = 0

    async def every_other(_: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        nonlocal calls
        calls += 1
        if calls % 2 == 0:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
        return BOTH

    records = await drive(every_other, Job("", deadline_s=60, callers=1, max_requests=4))
    assert records.code.tolist() == [OK, 8, OK, 8]
    assert records.scored.tolist() == [1, 0, 1, 0]
    assert records.fallback.tolist() == [1, 0, 1, 0]
    assert not records.complete.any()


async def test_messages_are_sent_in_turn_and_warm_up_is_not_recorded() -> None:
    """After three warm-up requests the run goes on with the fourth message."""
    sent: list[bytes] = []

    async def answer(raw: bytes, _: object) -> bytes:
        sent.append(raw)
        return BOTH

    job = Job("", deadline_s=60, callers=1, max_requests=2, warm_up=3, read_every=100)
    records = await drive(answer, job)
    assert sent == [b"a", b"b", b"a", b"b", b"a"]
    assert len(records) == 2
    assert records.scored.tolist() == [UNREAD, UNREAD]


async def test_a_call_that_outlives_its_deadline_is_recorded_as_such() -> None:
    """Nobody answers: the code is DEADLINE_EXCEEDED and the request is not complete."""

    async def never(_: bytes, __: object) -> bytes:
        await asyncio.Event().wait()
        return b""

    records = await drive(never, Job("", deadline_s=0.05, callers=1, max_requests=1))
    assert records.code.tolist() == [grpc.StatusCode.DEADLINE_EXCEEDED.value[0]]
    assert not records.complete.any()
