"""A Redis cluster as one link: keys go to the node of their slot, each node with its own pipeline.

redis-py's cluster client connects, retries and follows redirections inside the call; none of that
fits into a few milliseconds. A cache may do less: a key that moved is a miss, and the map is read
again behind.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from redis.crc import key_slot
from redis.exceptions import MovedError, ResponseError

from ctr_service.remote.base import FailureKind, Read
from ctr_service.remote.link import LinkError, Put, failure_kind
from ctr_service.remote.redis_errors import kind_of
from ctr_service.remote.redis_node import set_command
from ctr_service.remote.redis_url import Address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ctr_service.remote.redis_node import Command, RedisNode

SLOTS = 16_384


class ClusterLink:
    """All masters of a cluster. Implements RemoteLink."""

    def __init__(
        self,
        seeds: Sequence[Address],
        open_node: Callable[[Address], RedisNode],
        *,
        find_s: float,
    ) -> None:
        """Take the first addresses and what opens a node.

        Args:
            seeds: nodes to ask for the map, when no known one answers.
            open_node: opens the server at an address, without connecting.
            find_s: limit of one reading of the map.
        """
        self._seeds = tuple(seeds)
        self._open_node = open_node
        self._find_s = find_s
        self._nodes: dict[Address, RedisNode] = {}
        self._owners: list[Address | None] = []
        self._stale = True
        self._mapping: asyncio.Task[None] | None = None

    async def read(self, keys: Sequence[bytes], into: list[Read]) -> None:
        """Read by GET: MGET would need all keys in one slot."""

        def take(indexes: Sequence[int], place: int, reply: object) -> None:
            if reply is not None and not isinstance(reply, bytes):
                raise LinkError(FailureKind.GARBLED)
            into[indexes[place]] = reply

        await self._spread(keys, [(b"GET", key) for key in keys], take)

    async def write(self, puts: Sequence[Put]) -> None:
        """Write by SET."""
        await self._spread([put.key for put in puts], [set_command(put) for put in puts], None)

    async def delete_prefix(self, prefix: bytes) -> int:
        """Delete on every master."""
        await self._mapped()
        masters = {address for address in self._owners if address is not None}
        return sum([await self._node(address).delete_prefix(prefix) for address in masters])

    async def close(self) -> None:
        """Close every connection."""
        if self._mapping is not None:
            self._mapping.cancel()
            await asyncio.gather(self._mapping, return_exceptions=True)
        await asyncio.gather(*(node.close() for node in self._nodes.values()))

    async def _spread(
        self,
        keys: Sequence[bytes],
        commands: Sequence[Command],
        take: Callable[[Sequence[int], int, object], None] | None,
    ) -> None:
        await self._mapped()
        groups: dict[Address | None, list[int]] = {}
        for index, key in enumerate(keys):
            groups.setdefault(self._owners[key_slot(key)], []).append(index)
        failures: list[FailureKind] = []
        if groups.pop(None, None) is not None:
            failures.append(FailureKind.UNREADY)  # a slot without an owner
            self._stale = True

        def on_reply(indexes: Sequence[int]) -> Callable[[int, object], None]:
            def handle(place: int, reply: object) -> None:
                if isinstance(reply, ResponseError):
                    self._stale = self._stale or isinstance(reply, MovedError)
                    failures.append(kind_of(reply))
                elif take is not None:
                    take(indexes, place, reply)

            return handle

        failures += await self._run_all(
            [
                self._node(address).run([commands[i] for i in indexes], on_reply(indexes))
                for address, indexes in groups.items()
                if address is not None
            ]
        )
        if failures:
            raise LinkError(failures[0])

    async def _run_all(self, runs: Sequence[Awaitable[None]]) -> list[FailureKind]:
        """Run a pipeline a node and return how some failed; a failure makes the map stale."""
        try:
            results = await asyncio.gather(*runs, return_exceptions=True)
        except asyncio.CancelledError:
            self._stale = True  # late: the node that fell silent may be no master for long
            raise
        errors = [result for result in results if isinstance(result, BaseException)]
        self._stale = self._stale or bool(errors)
        return [failure_kind(error) for error in errors if isinstance(error, Exception)]

    async def _mapped(self) -> None:
        """See to it that there is a map; a stale one is used while it is read again."""
        if self._stale and (self._mapping is None or self._mapping.done()):
            self._mapping = asyncio.create_task(self._read_map())
            self._mapping.add_done_callback(lambda task: task.cancelled() or task.exception())
        if not self._owners and self._mapping is not None:
            await asyncio.shield(self._mapping)

    async def _read_map(self) -> None:
        async with asyncio.timeout(self._find_s):
            for address in (*self._nodes, *self._seeds):
                try:
                    (reply,) = await self._node(address).ask((b"CLUSTER", b"SLOTS"))
                    owners = _owners(reply, address)
                except LinkError:
                    continue
                await self._adopt(owners)
                return
        raise LinkError(FailureKind.CONNECT)

    async def _adopt(self, owners: list[Address | None]) -> None:
        self._owners, self._stale = owners, False
        gone = self._nodes.keys() - set(owners)
        await asyncio.gather(*(self._nodes.pop(address).close() for address in gone))

    def _node(self, address: Address) -> RedisNode:
        node = self._nodes.get(address)
        if node is None:
            node = self._nodes[address] = self._open_node(address)
        return node


def _owners(reply: object, asked: Address) -> list[Address | None]:
    """Return the master of each slot from a reply to CLUSTER SLOTS.

    Raises:
        LinkError: the reply is none.
    """
    owners: list[Address | None] = [None] * SLOTS
    if not isinstance(reply, list):
        raise LinkError(FailureKind.GARBLED)
    try:
        for first, last, (host, port, *_), *_ in reply:
            # An empty host means "where you asked".
            owner = Address(host.decode() if host else asked.host, int(port))
            owners[first : last + 1] = [owner] * (last - first + 1)
    except (TypeError, ValueError, AttributeError):
        raise LinkError(FailureKind.GARBLED) from None
    return owners
