"""Connections to one Redis server, made in the background and lent one exchange at a time.

redis-py's own pool connects inside the call that needs the connection, so a deadline of a few
milliseconds would cut off every TLS handshake and no connection would ever come about. Here a
connect outlives whoever asked first, and serves whoever waits when it is done.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from ctr_service.remote.base import FailureKind
from ctr_service.remote.link import LinkError
from ctr_service.remote.redis_errors import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio.connection import AbstractConnection


class Lent(NamedTuple):
    """A connection in use. `reused` is True when it carried an exchange before."""

    connection: AbstractConnection
    reused: bool


class ConnectionPool:
    """At most `max_connections` connections, the most recently used one first."""

    def __init__(
        self,
        new_connection: Callable[[], AbstractConnection],
        *,
        max_connections: int,
        max_waiting: int,
        connect_s: float,
    ) -> None:
        """Take what makes an unconnected connection, and the bounds.

        Args:
            new_connection: makes one; it must not retry by itself.
            max_connections: open or being opened.
            max_waiting: exchanges that may wait for one.
            connect_s: limit of TCP, TLS and AUTH together.
        """
        self._new_connection = new_connection
        self._max_connections = max_connections
        self._max_waiting = max_waiting
        self._connect_s = connect_s
        self._idle: list[AbstractConnection] = []
        self._waiters: deque[asyncio.Future[Lent]] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._open = 0
        self._closed = False

    @property
    def open_connections(self) -> int:
        """Idle, lent and being opened."""
        return self._open

    async def acquire(self) -> Lent:
        """Return a connection that nobody else uses; give it back by `release` or `discard`.

        Raises:
            LinkError: it cannot be had: closed, too many wait, or the connect failed.
        """
        if self._idle:
            return Lent(self._idle.pop(), reused=True)
        if self._closed:
            raise LinkError(FailureKind.CONNECT)
        if len(self._waiters) >= self._max_waiting:
            raise LinkError(FailureKind.BUSY)
        waiter: asyncio.Future[Lent] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        if self._open < self._max_connections:
            self._begin_connect()
        try:
            return await waiter
        except asyncio.CancelledError:
            with contextlib.suppress(ValueError):
                self._waiters.remove(waiter)
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release(waiter.result().connection)  # handed over as the caller left
            raise

    def release(self, connection: AbstractConnection, *, reused: bool = True) -> None:
        """Take back a connection on which every answer was read."""
        if self._closed:
            self._forget(connection)
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(Lent(connection, reused))
                return
        self._idle.append(connection)

    def discard(self, connection: AbstractConnection) -> None:
        """Drop a connection in an unknown state."""
        self._forget(connection)
        if self._waiters and not self._closed and self._open < self._max_connections:
            self._begin_connect()

    def discard_idle(self) -> None:
        """Drop what lies idle: the server closed one of them, so it likely closed all."""
        while self._idle:
            self._forget(self._idle.pop())

    async def close(self) -> None:
        """Drop everything; whoever waits gets CONNECT."""
        self._closed = True
        self._fail_waiters(FailureKind.CONNECT)
        for task in tuple(self._connecting):
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        while self._idle:
            connection = self._idle.pop()
            self._open -= 1
            with contextlib.suppress(Exception):
                await connection.disconnect()

    def _begin_connect(self) -> None:
        self._open += 1
        task = asyncio.create_task(self._connect())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self) -> None:
        connection = self._new_connection()
        try:
            async with asyncio.timeout(self._connect_s):
                await connection.connect()  # type: ignore[no-untyped-call]  # -- redis-py leaves it so
        except Exception as error:  # noqa: BLE001 -- whatever it is, there is no connection
            self._forget(connection)
            self._fail_waiters(kind_of(error))
        except BaseException:
            self._forget(connection)
            raise
        else:
            self.release(connection, reused=False)

    def _fail_waiters(self, kind: FailureKind) -> None:
        # All of them: the server that refuses one connection will hardly take the next.
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(LinkError(kind))

    def _forget(self, connection: AbstractConnection) -> None:
        self._open -= 1
        # `disconnect` is a coroutine that, told not to wait, never suspends; running it by hand
        # keeps this callable from a cancelled task and from a callback.
        closing = connection.disconnect(nowait=True)
        with contextlib.suppress(StopIteration, Exception):
            closing.send(None)
        closing.close()
