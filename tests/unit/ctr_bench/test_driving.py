"""The generator's two loops against servers that do what a test says."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest
from google.protobuf.message import DecodeError

from ctr.v1 import prediction_pb2
from ctr_bench.answers import read_answer
from ctr_bench.driving import Driver
from ctr_bench.job import Job, Payloads
from ctr_bench.record import OK, UNREAD
from ctr_bench.schedule import constant
from tests.support.grpc_server import PREDICT, serving

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
    """Run a job, in a thread as its process has it, against a server in this loop."""
    handler = grpc.method_handlers_generic_handler(
        "ctr.v1.PredictionService",
        {"PredictClicks": grpc.unary_unary_rpc_method_handler(answers)},
    )
    payloads = Payloads([b"a", b"b"], np.array([2, 2], np.int32), schedule_ns)

    def run(target: str) -> Records:
        with grpc.insecure_channel(target) as channel:
            driver = Driver(
                [channel.unary_unary(PREDICT, None, None)], job, payloads, read=read_answer
            )
            driver.warm_up()
            return driver.run()

    async with serving(handler) as target:
        return await asyncio.to_thread(run, target)


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


async def test_a_share_of_a_run_sends_each_nth_request_of_the_schedule() -> None:
    """The second of three generators sends requests 1, 4 and 7, with the messages of those."""
    sent: list[bytes] = []

    async def answer(raw: bytes, _: object) -> bytes:
        sent.append(raw)
        return BOTH

    schedule_ns = constant(1_000, 9)
    records = await drive(answer, Job("", deadline_s=60, first=1, step=3), schedule_ns)
    assert records.scheduled_ns.tolist() == schedule_ns[1::3].tolist()
    assert sent == [b"b", b"a", b"b"]


async def test_an_answer_leaves_its_stages_its_model_and_whether_it_was_degraded() -> None:
    """The row holds what the server said of itself; a degraded answer is not complete."""
    timings = prediction_pb2.StageTimings(features_ns=1, queue_ns=2, compute_ns=3)
    answer = prediction_pb2.PredictClicksResponse(
        predictions=[SCORED, SCORED], model_version="v7", degraded=True, timings=timings
    )

    async def say(_: bytes, __: object) -> bytes:
        return answer.SerializeToString()

    records = await drive(say, Job("", deadline_s=60, callers=2, max_requests=2))
    assert records.versions[records.version].tolist() == ["v7", "v7"]
    stages = (records.features_ns[0], records.queue_ns[0], records.model_ns[0])
    assert stages == (1, 2, 3)
    assert records.degraded.all()
    assert not records.complete.any()
    assert sorted(records.caller.tolist()) == [0, 1]


async def test_a_stopped_run_keeps_what_was_answered_and_waits_for_nobody() -> None:
    """What was answered stays; what was unanswered at the stop does not, of an hour of schedule."""
    payloads = Payloads([b"a"], np.array([2], np.int32), constant(1, 3_600))
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()
    calls = 0

    async def one_then_none(_: bytes, __: object) -> bytes:
        nonlocal calls
        calls += 1
        if calls > 1:
            heard.set()
            await asyncio.Event().wait()
        return BOTH

    handler = grpc.method_handlers_generic_handler(
        "ctr.v1.PredictionService",
        {"PredictClicks": grpc.unary_unary_rpc_method_handler(one_then_none)},
    )
    async with serving(handler) as target:
        with grpc.insecure_channel(target) as channel:
            method = channel.unary_unary(PREDICT, None, None)
            job = Job("", deadline_s=60)
            driver = Driver([method], job, payloads, read=read_answer)
            running = loop.run_in_executor(None, driver.run, time.monotonic_ns() - 2_000_000_000)
            await heard.wait()
            driver.stop()
            records = await running
    assert len(records) == 1
    assert records.code.tolist() == [OK]


async def test_an_answer_that_is_no_message_ends_the_run_with_its_error() -> None:
    """What cannot be looked into is raised, rather than counted as an answer."""

    async def garbage(_: bytes, __: object) -> bytes:
        return b"\xff\xff"

    with pytest.raises(DecodeError):
        await drive(garbage, Job("", deadline_s=60, callers=1, max_requests=1))


async def test_a_trial_that_is_lost_sends_no_more() -> None:
    """Every answer is short: after the third one the rest of 1,000 requests stays unsent."""

    async def answer(_: bytes, __: object) -> bytes:
        return BOTH

    job = Job("", deadline_s=60, late_s=60.0, lost_by=(0, 0, 1_000))
    records = await drive(answer, job, constant(500, 1_000))
    assert 3 <= len(records) < 1_000
    assert records.scheduled_ns.tolist() == constant(500, 1_000).tolist()[: len(records)]
    assert (records.fallback == 1).all()
