"""The generator process: `python -m ctr_rehearsal.traffic.generator FOLDER`, until SIGTERM.

It drives with `ctr_bench`'s open loop, through one channel to a proxy or through a client-side
balancer, and looks into every answer for the model version that made it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from ctr.v1 import prediction_pb2 as pb
from ctr_bench.answers import read_answer
from ctr_bench.driving import Driver
from ctr_bench.job import RECORDS_FILE, REPORT_FILE, read_job
from ctr_bench.loop_thread import LoopThread
from ctr_bench.record import write_records
from ctr_client.options import SERVICE, ClientOptions
from ctr_rehearsal.traffic.balancing import RoundRobin, read_list
from ctr_rehearsal.traffic.files import write_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from ctr_bench.calls import Metadata
    from ctr_bench.loop_thread import LoopCall

    Call: TypeAlias = Callable[[bytes, float], Awaitable[bytes]]

PREDICT = f"/{SERVICE}/PredictClicks"
STARTED_FILE = "started.json"
LIST_PREFIX = "list:"
"""A target that is a file of addresses to balance over."""
PRIORITY = -10
CONNECT_S = 30.0


class Watched:
    """Calls in an event loop, and keeps what each answer or failure said. Implements `Method`."""

    def __init__(self, loop: LoopThread, call: Call) -> None:
        self._loop = loop
        self._call = call
        self.answers: list[tuple[int, str]] = []
        self.failures: list[tuple[int, str, str]] = []

    def future(self, request: bytes, /, *, timeout: float, metadata: Metadata = None) -> LoopCall:  # noqa: ARG002 -- `Method` has them; no caller here sends any
        """Begin one call."""
        return self._loop.call(self._ask(request, timeout))

    async def _ask(self, message: bytes, timeout: float) -> bytes:  # noqa: ASYNC109 -- the deadline of gRPC, passed on
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


async def connect(target: str, stack: contextlib.AsyncExitStack) -> Call:
    """Connect to a host:port, or balance over `list:FILE`. One attempt a call: failures show."""
    options = ClientOptions(max_attempts=1).channel_options()
    if target.startswith(LIST_PREFIX):
        path = Path(target.removeprefix(LIST_PREFIX))
        balancer = await stack.enter_async_context(RoundRobin(lambda: read_list(path), options))
        return lambda message, timeout: balancer.call(PREDICT, message, timeout)
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(target, options=options))
    await asyncio.wait_for(channel.channel_ready(), CONNECT_S)
    method = channel.unary_unary(PREDICT, None, None)

    async def call(message: bytes, timeout: float) -> bytes:  # noqa: ASYNC109 -- as above
        return bytes(await method(message, timeout=timeout))

    return call


def drive(folder: Path) -> None:
    """Run the folder's job until its schedule or SIGTERM ends it, and leave what it found."""
    job, payloads = read_job(folder)
    loop = LoopThread()
    loop.start()
    stack = contextlib.AsyncExitStack()
    watched = Watched(loop, loop.run(connect(job.target, stack)))
    driver = Driver([watched], job, payloads, read=read_answer)
    driver.warm_up()
    watched.answers.clear()
    watched.failures.clear()
    # By a thread: the handler runs inside whatever this one does, which may hold the very lock.
    stop = threading.Thread(target=driver.stop)
    signal.signal(signal.SIGTERM, lambda *_: stop.start())
    began_ns = time.monotonic_ns()
    write_json(folder / STARTED_FILE, {"began_ns": began_ns})
    records = driver.run(began_ns)
    loop.close(stack.aclose())
    write_records(records, folder / RECORDS_FILE)
    write_json(folder / REPORT_FILE, {"answers": watched.answers, "failures": watched.failures})


if __name__ == "__main__":
    with contextlib.suppress(PermissionError):  # without the right it may be late, and says so
        os.nice(PRIORITY)
    drive(Path(sys.argv[1]))
