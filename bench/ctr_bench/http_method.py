"""POST as a method of `Driver`: bytes in, a future of bytes out, gRPC's codes for HTTP's.

aiohttp runs on an event loop in a thread of its own, so that the thread which sends stays the one
that keeps the schedule. Handing a request over takes some 0.1 ms, which is in its latency; the
deadline alone is a timer of that loop, exact to a millisecond.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import TYPE_CHECKING

import aiohttp
import grpc
import uvloop

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from ctr_bench.calls import Metadata

HEADERS = {"Content-Type": "application/json"}
OK = 200
CODES = {
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
"""HTTP's status -> the code of that meaning; every other one but 200 is INTERNAL."""


class HttpError(grpc.RpcError):
    """A request without an answer, told as gRPC tells it."""

    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__(code.name)
        self._code = code

    def code(self) -> grpc.StatusCode:
        """Return gRPC's code."""
        return self._code


class HttpCall:
    """A request on its way. Implements `calls.Call`."""

    def __init__(self, future: concurrent.futures.Future[bytes]) -> None:
        self._future = future

    def result(self) -> bytes:
        """See `calls.Call`.

        Raises:
            HttpError: there is no answer.
            grpc.FutureCancelledError: it was given up.
        """
        try:
            return self._future.result()
        except concurrent.futures.CancelledError:
            raise grpc.FutureCancelledError from None

    def cancel(self) -> bool:
        """See `calls.Call`."""
        return self._future.cancel()

    def add_done_callback(self, fn: Callable[[HttpCall], None], /) -> None:
        """See `calls.Call`; called in the event loop's thread, or where `cancel` is."""
        self._future.add_done_callback(lambda _: fn(self))


class HttpMethod:
    """Posts to one URL over connections that stay open, as many as there are open requests.

    Implements `calls.Method`. Use it as a context manager.
    """

    def __init__(self, url: str) -> None:
        """Take the URL; connects when it is asked."""
        self._url = url
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._session = asyncio.run_coroutine_threadsafe(_open(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def future(self, request: bytes, /, *, timeout: float, metadata: Metadata = None) -> HttpCall:
        """See `calls.Method`; metadata become headers.

        The call's `result` raises HttpError.
        """
        headers = {**HEADERS, **dict(metadata or ())}
        asked = self._post(request, timeout, headers)
        return HttpCall(asyncio.run_coroutine_threadsafe(asked, self._loop))

    async def _post(self, body: bytes, timeout_s: float, headers: dict[str, str]) -> bytes:
        try:
            async with asyncio.timeout(timeout_s):
                async with self._session.post(self._url, data=body, headers=headers) as answer:
                    raw = await answer.read()
        except TimeoutError:
            raise HttpError(grpc.StatusCode.DEADLINE_EXCEEDED) from None
        except aiohttp.ClientError:
            raise HttpError(grpc.StatusCode.UNAVAILABLE) from None
        if answer.status != OK:
            raise HttpError(CODES.get(answer.status, grpc.StatusCode.INTERNAL))
        return raw

    async def _close(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._session.close()


async def _open() -> aiohttp.ClientSession:
    # No limit: an open loop sends whatever the server does. The deadline is `future`'s.
    connector = aiohttp.TCPConnector(limit=0)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
