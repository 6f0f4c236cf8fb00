"""A master that sentinels name: found anew whenever it stops answering as a master."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from ctr_service.remote.base import FailureKind, Read
from ctr_service.remote.link import LinkError, Put
from ctr_service.remote.redis_url import Address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctr_service.remote.redis_node import RedisNode

_MOVED_ON = frozenset({FailureKind.CONNECT, FailureKind.READ_ONLY, FailureKind.UNREADY})
"""Failures after which another server may be the master."""


class SentinelLink:
    """The master of a service. Implements RemoteLink."""

    def __init__(
        self,
        service: str,
        sentinels: Sequence[RedisNode],
        open_node: Callable[[Address], RedisNode],
        *,
        find_s: float,
    ) -> None:
        """Take the sentinels and what opens the master.

        Args:
            service: the master's name.
            sentinels: asked in order until one knows.
            open_node: opens the server at an address, without connecting.
            find_s: limit of one search.
        """
        self._service = service.encode()
        self._sentinels = list(sentinels)
        self._open_node = open_node
        self._find_s = find_s
        self._address: Address | None = None
        self._sure = False
        self._master: RedisNode | None = None
        self._finding: asyncio.Task[RedisNode] | None = None

    async def read(self, keys: Sequence[bytes], into: list[Read]) -> None:
        """Read from the master."""
        node = await self._node()
        try:
            await node.read(keys, into)
        except BaseException as error:
            self._doubt(error)
            raise

    async def write(self, puts: Sequence[Put]) -> None:
        """Write to the master."""
        node = await self._node()
        try:
            await node.write(puts)
        except BaseException as error:
            self._doubt(error)
            raise

    async def delete_prefix(self, prefix: bytes) -> int:
        """Delete on the master."""
        return await (await self._node()).delete_prefix(prefix)

    async def close(self) -> None:
        """Close every connection, the sentinels' too."""
        if self._finding is not None:
            self._finding.cancel()
            await asyncio.gather(self._finding, return_exceptions=True)
        nodes = [*self._sentinels, *([self._master] if self._master else [])]
        await asyncio.gather(*(node.close() for node in nodes))

    async def _node(self) -> RedisNode:
        if self._master is not None and self._sure:
            return self._master
        if self._finding is None or self._finding.done():
            self._finding = asyncio.create_task(self._find())
            # An exception that nobody awaits (all callers gave up) is no news: the next one asks.
            self._finding.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._finding)

    def _doubt(self, error: BaseException) -> None:
        # Cancelled is late: a master that fell silent is no master for long.
        if not isinstance(error, LinkError) or error.kind in _MOVED_ON:
            self._sure = False

    async def _find(self) -> RedisNode:
        async with asyncio.timeout(self._find_s):
            address = await self._ask()
        old = self._master
        if old is None or address != self._address:
            self._master, self._address = self._open_node(address), address
            if old is not None:
                await old.close()
        self._sure = True
        return cast("RedisNode", self._master)

    async def _ask(self) -> Address:
        for index, sentinel in enumerate(self._sentinels):
            try:
                (reply,) = await sentinel.ask(
                    (b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", self._service)
                )
            except LinkError:
                continue
            if isinstance(reply, list) and len(reply) == 2:  # noqa: PLR2004 -- host and port
                # The one that knew is asked first next time.
                self._sentinels.insert(0, self._sentinels.pop(index))
                host, port = reply
                return Address(host.decode(), int(port))
        raise LinkError(FailureKind.CONNECT)
