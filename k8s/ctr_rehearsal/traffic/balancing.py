"""Client-side round robin, as a frontend's gRPC does it over a headless Service.

gRPC for Python lets nobody bring a resolver, and its own DNS resolver cannot tell ports apart. So
this stands for it: one channel an endpoint, calls go to READY channels in turn, and the list is
looked at again when a connection ends, and only then: that is when gRPC resolves a name again. What
ends connections is the server's max_connection_age, its GOAWAY at a stop, and its death.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from typing import TYPE_CHECKING

import grpc

from ctr_rehearsal.traffic.files import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path
    from typing import Self

    from ctr_rehearsal.traffic.publishing import Snapshot

RESOLVE_EVERY_S = 0.1
"""Least time between two looks; gRPC's is 30 s by default, and a frontend should lower it."""
LINGER_S = 15.0
"""A channel that left the list is closed after its calls had this long to end."""
READY = grpc.ChannelConnectivity.READY
NEVER_SENT = "failed to connect to all addresses"
"""gRPC's words for a call that found no connection, so that no server has seen it."""


class EndpointList:
    """The published list as a file, which stands for DNS. Implements `Sink`."""

    def __init__(self, path: Path, service: str) -> None:
        self.path = path
        self._service = service

    def publish(self, snapshot: Snapshot) -> None:
        """Write the addresses of the Service."""
        endpoints = snapshot.endpoints.get(self._service, ())
        write_json(self.path, [one.address for one in endpoints])


class RoundRobin:
    """A callable like one method of a channel, over all endpoints. Belongs to one event loop."""

    def __init__(
        self, listed: Callable[[], Sequence[str]], options: Sequence[tuple[str, str | int]]
    ) -> None:
        """Balance over a list.

        Args:
            listed: resolves the name: returns the addresses now.
            options: of each channel.
        """
        self._listed = listed
        self._options = [*options, ("grpc.use_local_subchannel_pool", 1)]
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._ready: set[str] = set()
        self._turns = itertools.count()
        self._changed = asyncio.Event()
        self._asked = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._resolve()
        self._spawn(self._keep_resolving())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(channel.close(None) for channel in self._channels.values()))

    async def call(self, method: str, message: bytes, timeout: float) -> bytes:  # noqa: ASYNC109 -- the deadline of gRPC, passed on
        """Make one call on the next ready channel; wait for one while there is none.

        Raises:
            grpc.aio.AioRpcError: the call failed.
            TimeoutError: no endpoint was ready within the deadline.
        """
        async with asyncio.timeout(timeout):
            while True:
                while not (ready := [a for a in self._channels if a in self._ready]):
                    await self._changed.wait()
                address = ready[next(self._turns) % len(ready)]
                call = self._channels[address].unary_unary(method, None, None)
                try:
                    answer: bytes = await call(message, timeout=timeout)
                except grpc.aio.AioRpcError as error:
                    if not (error.details() or "").startswith(NEVER_SENT):
                        raise
                    # Its connection had just ended. gRPC's own balancer picks another one then.
                    self._ready.discard(address)
                    self._asked.set()
                else:
                    return answer

    def _resolve(self) -> None:
        wanted = self._listed()
        for address in wanted:
            if address not in self._channels:
                channel = grpc.aio.insecure_channel(address, options=self._options)
                self._channels[address] = channel
                self._spawn(self._follow(address, channel))
        for address in self._channels.keys() - set(wanted):
            self._ready.discard(address)
            self._spawn(self._leave(self._channels.pop(address)))

    async def _keep_resolving(self) -> None:
        while True:
            await self._asked.wait()
            await asyncio.sleep(RESOLVE_EVERY_S)
            self._asked.clear()
            self._resolve()
            if not self._ready:
                self._asked.set()  # nobody to call: gRPC goes on asking too

    async def _follow(self, address: str, channel: grpc.aio.Channel) -> None:
        """Keep a channel connected and know whether it is ready."""
        while self._channels.get(address) is channel:
            state = channel.get_state(try_to_connect=True)
            if state is READY:
                self._ready.add(address)
                self._wake()
            elif address in self._ready:
                self._ready.discard(address)
                self._asked.set()
            if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                self._asked.set()
            await channel.wait_for_state_change(state)

    async def _leave(self, channel: grpc.aio.Channel) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await channel.close(grace=LINGER_S)

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def read_list(path: Path) -> list[str]:
    """Return the addresses of a published list; none before the first was written."""
    try:
        return list(json.loads(path.read_text()))
    except FileNotFoundError:
        return []
