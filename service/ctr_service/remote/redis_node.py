"""One Redis server: pipelined commands on a connection that is lent for one exchange."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import hiredis
from redis.exceptions import ResponseError

from ctr_service.remote.base import FailureKind, Read
from ctr_service.remote.link import LinkError, Put
from ctr_service.remote.redis_errors import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redis.asyncio.connection import AbstractConnection

    from ctr_service.remote.redis_pool import ConnectionPool

    Command: TypeAlias = tuple[bytes, ...]
    OnReply: TypeAlias = Callable[[int, Any], None]

SCAN_KEYS = b"500"
_SCAN_PARTS = 2
KEYS_A_COMMAND = 64
"""Redis serves nobody else during an MGET; 64 values of 256 bytes take it about 50 us."""


class RedisNode:
    """A server behind one address. Implements RemoteLink."""

    def __init__(self, pool: ConnectionPool) -> None:
        """Take the connections, which it closes in the end."""
        self._pool = pool

    async def run(self, commands: Sequence[Command], on_reply: OnReply) -> None:
        """Send commands in one go and hand over each reply as it is read.

        Args:
            commands: names and arguments.
            on_reply: gets the command's index, and its reply or the error that the server named.

        Raises:
            LinkError: not every reply was read.
        """
        packed = b"".join([_pack(command) for command in commands])
        lent = await self._pool.acquire()
        try:
            await self._exchange(lent.connection, packed, len(commands), on_reply)
        except LinkError as error:
            if not (lent.reused and error.kind is FailureKind.CONNECT):
                raise
            # It was closed while it lay idle. Reads, and writes of whole values, bear repeating.
            self._pool.discard_idle()
            lent = await self._pool.acquire()
            await self._exchange(lent.connection, packed, len(commands), on_reply)

    async def read(self, keys: Sequence[bytes], into: list[Read]) -> None:
        """Read by MGET, in chunks of `KEYS_A_COMMAND`."""
        starts = range(0, len(keys), KEYS_A_COMMAND)
        chunks = [keys[start : start + KEYS_A_COMMAND] for start in starts]

        def take(index: int, reply: object) -> None:
            if isinstance(reply, ResponseError):
                raise reply
            if not isinstance(reply, list) or len(reply) != len(chunks[index]):
                raise LinkError(FailureKind.GARBLED)
            if not all(value is None or isinstance(value, bytes) for value in reply):
                raise LinkError(FailureKind.GARBLED)
            start = starts[index]
            into[start : start + len(reply)] = reply

        await self.run([(b"MGET", *chunk) for chunk in chunks], take)

    async def write(self, puts: Sequence[Put]) -> None:
        """Write by SET, in one pipeline."""
        refused: list[ResponseError] = []

        def take(_: int, reply: object) -> None:
            if isinstance(reply, ResponseError):
                refused.append(reply)

        await self.run([set_command(put) for put in puts], take)
        if refused:
            raise LinkError(kind_of(refused[0]))

    async def delete_prefix(self, prefix: bytes) -> int:
        """Delete by SCAN and UNLINK, which hold up nobody for long."""
        cursor, deleted = b"0", 0
        pattern = re.sub(rb"([\\*?\[\]])", rb"\\\1", prefix) + b"*"
        while True:
            (reply,) = await self.ask((b"SCAN", cursor, b"MATCH", pattern, b"COUNT", SCAN_KEYS))
            if not isinstance(reply, list) or len(reply) != _SCAN_PARTS:
                raise LinkError(FailureKind.GARBLED)
            cursor, keys = reply
            if keys:
                await self.ask(*((b"UNLINK", key) for key in keys))
                deleted += len(keys)
            if cursor == b"0":
                return deleted

    async def ask(self, *commands: Command) -> list[Any]:
        """Return the replies to commands.

        Raises:
            LinkError: one failed, also where the server names an error.
        """
        replies: list[Any] = []
        await self.run(commands, lambda _, reply: replies.append(reply))
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise LinkError(kind_of(reply))
        return replies

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    async def _exchange(
        self, connection: AbstractConnection, packed: bytes, replies: int, on_reply: OnReply
    ) -> None:
        try:
            await connection.send_packed_command(packed, check_health=False)
            for index in range(replies):
                on_reply(index, await _reply(connection))
        except BaseException as error:
            # Replies may be left on the wire: this connection must carry nothing more.
            self._pool.discard(connection)
            if isinstance(error, LinkError) or not isinstance(error, Exception):
                raise
            raise LinkError(kind_of(error)) from None
        self._pool.release(connection)


def set_command(put: Put) -> Command:
    """Return the SET of a value."""
    if put.ttl_ms is None:
        return (b"SET", put.key, put.value)
    return (b"SET", put.key, put.value, b"PX", b"%d" % put.ttl_ms)


_pack: Callable[[tuple[bytes, ...]], bytes] = hiredis.pack_command  # type: ignore[assignment]  # -- its stub takes one-tuples alone


async def _reply(connection: AbstractConnection) -> object:
    """Read one reply; an error that the server names is a reply too."""
    try:
        # `inf` and not None, which would be the connection's own timeout for each read.
        return await connection.read_response(disable_decoding=True, timeout=math.inf)
    except ResponseError as error:
        if not connection.is_connected:
            raise
        return error
