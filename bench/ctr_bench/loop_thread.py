"""An event loop in a thread of its own, for clients that know no other way, behind gRPC's futures.

The thread which sends stays the one that keeps the schedule. Handing a request over takes some
0.1 ms, which is in its latency.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import TYPE_CHECKING, TypeVar

import grpc
import uvloop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

_ResultT = TypeVar("_ResultT")


class LoopCall:
    """A request on its way. Implements `calls.Call`."""

    def __init__(self, future: concurrent.futures.Future[bytes]) -> None:
        self._future = future

    def result(self) -> bytes:
        """See `calls.Call`.

        Raises:
            grpc.RpcError: there is no answer.
            grpc.FutureCancelledError: it was given up.
        """
        try:
            return self._future.result()
        except concurrent.futures.CancelledError:
            raise grpc.FutureCancelledError from None

    def cancel(self) -> bool:
        """See `calls.Call`."""
        return self._future.cancel()

    def add_done_callback(self, fn: Callable[[LoopCall], None], /) -> None:
        """See `calls.Call`; called in the loop's thread, or where `cancel` is."""
        self._future.add_done_callback(lambda _: fn(self))


class LoopThread:
    """The loop; `start` it before anything is asked, and `close` it at the end."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Run the loop."""
        self._thread.start()

    def close(self, last: Coroutine[Any, Any, None] | None = None) -> None:
        """Cancel what is left, do one last thing, and end the thread."""
        self.run(_cancel_all())
        if last is not None:
            self.run(last)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, _ResultT]) -> _ResultT:
        """Do something in the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def call(self, work: Coroutine[Any, Any, bytes]) -> LoopCall:
        """Begin a call; does not block."""
        return LoopCall(asyncio.run_coroutine_threadsafe(work, self._loop))


async def _cancel_all() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
