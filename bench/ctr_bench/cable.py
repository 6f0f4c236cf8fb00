"""A cable between a client and a server that can be cut, slowed down and made noisy.

For the benches of a failing Redis, and for every test that cuts a real dependency's cable.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHUNK_BYTES = 65_536


class Fault(enum.Enum):
    """What is wrong with the cable."""

    NONE = enum.auto()
    SLOW = enum.auto()
    """Each reply comes `delay_s` late."""
    GARBLED = enum.auto()
    """Bytes of replies are replaced."""
    CUT_SHORT = enum.auto()
    """Half of a reply arrives, then the connection closes."""
    CLOSING = enum.auto()
    """The connection closes as soon as a request arrives."""
    BLACK_HOLE = enum.auto()
    """Requests arrive, replies do not."""


class Cable:
    """An asyncio TCP proxy on a free port.

    Attributes:
        connections, requests: how many were made, and how often bytes came from a client.
    """

    def __init__(self, target_port: int, *, delay_s: float = 0.05) -> None:
        """Make a cable to a port of this machine; it carries nothing before `start`.

        Args:
            target_port: of the server.
            delay_s: how late replies come while the fault is SLOW.
        """
        self.fault = Fault.NONE
        self.delay_s = delay_s
        self.port = 0
        self.connections = 0
        self.requests = 0
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Close every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._writers):
            writer.transport.abort()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def heal(self) -> None:
        """Be a cable again."""
        self.fault = Fault.NONE
        if self._server is None:
            await self.start()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if task is None:  # asyncio runs a coroutine callback in a task
            raise RuntimeError("a connection is served by a task")
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target_port)
            self._writers.add(back)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._requests(reader, back))
                    group.create_task(self._replies(there, writer))
            except* (OSError, _Closed):
                pass
            finally:
                await self._drop(back)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            await self._drop(writer)
            self._tasks.discard(task)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            self.requests += 1
            if self.fault is Fault.CLOSING:
                raise _Closed
            writer.write(data)
            await writer.drain()
        raise _Closed

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            fault = self.fault
            if fault is Fault.BLACK_HOLE:
                continue
            if fault is Fault.SLOW:
                await asyncio.sleep(self.delay_s)
            if fault is Fault.CUT_SHORT:
                writer.write(data[: len(data) // 2])
                await writer.drain()
                raise _Closed
            writer.write(_noise(data) if fault is Fault.GARBLED else data)
            await writer.drain()
        raise _Closed

    async def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


class _Closed(Exception):  # noqa: N818 -- no error: one side hung up
    """One side closed."""


def _noise(data: bytes) -> bytes:
    return bytes(byte ^ 0x15 if index % 3 else byte for index, byte in enumerate(data))


@contextlib.asynccontextmanager
async def cable_to(port: int, *, delay_s: float = 0.05) -> AsyncIterator[Cable]:
    """A cable for the length of a block."""
    cable = Cable(port, delay_s=delay_s)
    await cable.start()
    try:
        yield cable
    finally:
        await cable.cut()
