"""The generator process: `python -m ctr_rehearsal.traffic.generator FOLDER`, until SIGTERM.

It drives with `ctr_bench`'s open loop, through one channel to a proxy or through a client-side
balancer, and looks into every answer for the model version that made it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import grpc
import uvloop

from ctr.v1 import prediction_pb2 as pb
from ctr_bench.driving import Driver
from ctr_bench.job import RECORDS_FILE, REPORT_FILE, read_job
from ctr_bench.record import write_records
from ctr_client.options import SERVICE, ClientOptions
from ctr_rehearsal.traffic.balancing import RoundRobin, read_list
from ctr_rehearsal.traffic.files import write_json
from ctr_rehearsal.traffic.schedule import EndableTimes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from typing import TypeAlias

    from ctr_bench.calls import Method
    from ctr_bench.schedule import Times

    Call: TypeAlias = Callable[[bytes, float], Awaitable[bytes]]

PREDICT = f"/{SERVICE}/PredictClicks"
STARTED_FILE = "started.json"
LIST_PREFIX = "list:"
"""A target that is a file of addresses to balance over."""
PRIORITY = -10
CONNECT_S = 30.0


class Watched:
    """Calls, and keeps what each answer or failure said."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.answers: list[tuple[int, str]] = []
        self.failures: list[tuple[int, str, str]] = []

    async def __call__(self, message: bytes, *, timeout: float) -> bytes:  # noqa: ASYNC109 -- the deadline of gRPC, passed on
        """Make one call."""
        try:
            raw = await self._call(message, timeout)
        except grpc.aio.AioRpcError as error:
            self.failures.append((time.monotonic_ns(), error.code().name, error.details() or ""))
            raise
        except TimeoutError:
            told = "no endpoint was ready within the deadline"
            self.failures.append((time.monotonic_ns(), "DEADLINE_EXCEEDED", told))
            empty = grpc.aio.Metadata()
            code = grpc.StatusCode.DEADLINE_EXCEEDED
            raise grpc.aio.AioRpcError(code, empty, empty, told, "") from None
        version = pb.PredictClicksResponse.FromString(raw).model_version
        self.answers.append((time.monotonic_ns(), version))
        return raw


@contextlib.asynccontextmanager
async def calling(target: str) -> AsyncIterator[Call]:
    """Connect to a host:port, or balance over `list:FILE`. One attempt a call: failures show."""
    options = ClientOptions(max_attempts=1).channel_options()
    if target.startswith(LIST_PREFIX):
        path = Path(target.removeprefix(LIST_PREFIX))
        async with RoundRobin(lambda: read_list(path), options) as balancer:
            yield lambda message, timeout: balancer.call(PREDICT, message, timeout)
        return
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        await asyncio.wait_for(channel.channel_ready(), CONNECT_S)
        method = channel.unary_unary(PREDICT, None, None)

        async def call(message: bytes, timeout: float) -> bytes:  # noqa: ASYNC109 -- as above
            return bytes(await method(message, timeout=timeout))

        yield call


async def drive(folder: Path) -> None:
    """Run the folder's job until its schedule or SIGTERM ends it, and leave what it found."""
    job, payloads = read_job(folder)
    times = EndableTimes(payloads.schedule_ns)
    # Only `tolist` and `len` are asked of it.
    payloads = dataclasses.replace(payloads, schedule_ns=cast("Times", times))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, times.end)
    async with calling(job.target) as call:
        watched = Watched(call)
        driver = Driver(cast("Method", watched), job, payloads)
        await driver.warm_up()
        watched.answers.clear()
        watched.failures.clear()
        write_json(folder / STARTED_FILE, {"began_ns": time.monotonic_ns()})
        records = await driver.run()
    write_records(records, folder / RECORDS_FILE)
    write_json(folder / REPORT_FILE, {"answers": watched.answers, "failures": watched.failures})


if __name__ == "__main__":
    with contextlib.suppress(PermissionError):  # without the right it may be late, and says so
        os.nice(PRIORITY)
    uvloop.run(drive(Path(sys.argv[1])))
