"""POST as a method of `Driver`: bytes in, a future of bytes out, gRPC's codes for HTTP's.

The deadline is a timer of the loop's: never early, a millisecond or two late.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import grpc

from ctr_bench.loop_thread import LoopThread

if TYPE_CHECKING:
    from typing import Self

    from ctr_bench.calls import Metadata
    from ctr_bench.loop_thread import LoopCall

HEADERS = {"Content-Type": "application/json"}
LOOP_TICK_S = 0.001
"""uvloop's timers count milliseconds from a time that it reads once a turn: without one more of
them a call of 50 ms was given up after 49.987."""
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


class HttpMethod:
    """Posts to one URL over connections that stay open, as many as there are open requests.

    Implements `calls.Method`. Use it as a context manager.
    """

    def __init__(self, url: str) -> None:
        """Take the URL; connects when it is asked."""
        self._url = url
        self._loop = LoopThread()

    def __enter__(self) -> Self:
        self._loop.start()
        self._session = self._loop.run(_open())
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.close(self._session.close())

    def future(self, request: bytes, /, *, timeout: float, metadata: Metadata = None) -> LoopCall:
        """See `calls.Method`; metadata become headers.

        The call's `result` raises HttpError.
        """
        headers = {**HEADERS, **dict(metadata or ())}
        return self._loop.call(self._post(request, timeout, headers))

    async def _post(self, body: bytes, timeout_s: float, headers: dict[str, str]) -> bytes:
        try:
            async with asyncio.timeout(timeout_s + LOOP_TICK_S):
                async with self._session.post(self._url, data=body, headers=headers) as answer:
                    raw = await answer.read()
        except TimeoutError:
            raise HttpError(grpc.StatusCode.DEADLINE_EXCEEDED) from None
        except aiohttp.ClientError:
            raise HttpError(grpc.StatusCode.UNAVAILABLE) from None
        if answer.status != OK:
            raise HttpError(CODES.get(answer.status, grpc.StatusCode.INTERNAL))
        return raw


async def _open() -> aiohttp.ClientSession:
    # No limit: an open loop sends whatever the server does. The deadline is `future`'s.
    connector = aiohttp.TCPConnector(limit=0)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
