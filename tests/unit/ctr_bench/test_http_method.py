"""HTTP as the driver sees it, against a real HTTP server that does what a test says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from typing import TYPE_CHECKING

import grpc
import numpy as np
import pytest
from aiohttp import web

from ctr_bench.driving import Driver
from ctr_bench.http_method import HttpMethod
from ctr_bench.job import HTTP_JSON, Job, Payloads
from ctr_bench.protocols import reader_of
from ctr_bench.record import DEADLINE_EXCEEDED, OK, RESOURCE_EXHAUSTED
from ctr_bench.schedule import constant
from tests.support.redis_server import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from ctr_bench.record import Records
    from ctr_bench.schedule import Times

    Answers = Callable[[web.Request], Awaitable[web.Response]]

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@contextlib.asynccontextmanager
async def http_server(answers: Answers) -> AsyncIterator[str]:
    """Serve POST /inference by a function; yield the target."""
    application = web.Application()
    application.router.add_post("/inference", answers)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}/inference"
    await runner.cleanup()


async def drive(
    answers: Answers, job: Job, messages: list[bytes], schedule_ns: Times | None = None
) -> Records:
    """Run a job, in a thread as its process has it, against a server in this loop."""
    due_ns = np.empty(0, np.int64) if schedule_ns is None else schedule_ns
    payloads = Payloads(messages, np.full(len(messages), 2, np.int32), due_ns)

    def run(target: str) -> Records:
        with HttpMethod(target) as method:
            return Driver([method], job, payloads, read=reader_of(HTTP_JSON)).run()

    async with http_server(answers) as target:
        return await asyncio.to_thread(run, target)


async def test_answers_and_refusals_become_grpc_codes() -> None:
    """200 is OK and read; 429 is RESOURCE_EXHAUSTED, 503 UNAVAILABLE, an unknown one INTERNAL."""

    async def answers(request: web.Request) -> web.Response:
        status = int((await request.json())["status"])
        return web.json_response({"scores": [0.1, 0.2]}, status=status)

    wanted = {
        200: OK,
        429: RESOURCE_EXHAUSTED,
        503: UNAVAILABLE.value[0],
        504: DEADLINE_EXCEEDED,
        422: grpc.StatusCode.INTERNAL.value[0],
    }
    messages = [json.dumps({"status": status}).encode() for status in wanted]
    job = Job("", deadline_s=60, callers=1, max_requests=len(messages))
    records = await drive(answers, job, messages)
    assert records.code.tolist() == list(wanted.values())
    assert records.scored.tolist() == [2, 0, 0, 0, 0]


async def test_the_open_loop_does_not_wait_for_answers() -> None:
    """A server that answers nobody before it has heard all 200 still gets all 200."""
    heard, all_heard = 0, asyncio.Event()

    async def stall(_: web.Request) -> web.Response:
        nonlocal heard
        heard += 1
        if heard == 200:
            all_heard.set()
        await all_heard.wait()
        return web.json_response({"scores": [0.1, 0.2]})

    records = await drive(stall, Job("", deadline_s=60), [b"{}"], constant(2_000, 200))
    assert heard == 200
    assert records.complete.all()


async def test_callers_keep_their_deadline() -> None:
    """A server that never answers is left at the deadline."""

    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    job = Job("", deadline_s=0.05, callers=1, max_requests=2)
    records = await drive(never, job, [b"{}"])
    assert records.code.tolist() == [DEADLINE_EXCEEDED] * 2
    assert (records.latency_ms >= 50).all()


async def test_a_call_that_is_given_up_says_so_and_the_end_waits_for_none() -> None:
    """As gRPC's futures do; what is still open when the method is left ends with it."""
    heard = threading.Event()

    async def never(_: web.Request) -> web.Response:
        heard.set()
        await asyncio.Event().wait()
        return web.Response()

    def run(target: str) -> None:
        ended = threading.Event()
        with HttpMethod(target) as method:
            given_up = method.future(b"{}", timeout=60)
            given_up.add_done_callback(lambda _: ended.set())
            assert heard.wait(30)
            assert given_up.cancel()
            assert ended.wait(30)
            with pytest.raises(grpc.FutureCancelledError):
                given_up.result()
            left = method.future(b"{}", timeout=60)
        with pytest.raises(grpc.FutureCancelledError):
            left.result()

    async with http_server(never) as target:
        await asyncio.to_thread(run, target)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    """As gRPC has it."""
    with (
        HttpMethod(f"http://127.0.0.1:{free_port()}/inference") as method,
        pytest.raises(grpc.RpcError) as failed,
    ):
        method.future(b"{}", timeout=30).result()
    assert failed.value.code() is UNAVAILABLE
