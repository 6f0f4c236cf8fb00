"""Concurrent loads of one key are one load, which belongs to nobody and ends by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class SingleFlight(Generic[KeyT, ValueT]):
    """Loads keys in batches. Belongs to one event loop."""

    def __init__(
        self,
        load: Callable[[Sequence[KeyT]], Awaitable[Mapping[KeyT, ValueT]]],
        *,
        max_keys: int,
    ) -> None:
        """Take what loads.

        Args:
            load: must end by itself, soon, and raise nothing; a key may be left out of its answer.
            max_keys: under way at once; further keys are not loaded.
        """
        self._load = load
        self._max_keys = max_keys
        self._flights: dict[KeyT, asyncio.Task[Mapping[KeyT, ValueT]]] = {}
        self._tasks: set[asyncio.Task[Mapping[KeyT, ValueT]]] = set()

    def start(self, keys: Sequence[KeyT]) -> set[asyncio.Task[Mapping[KeyT, ValueT]]]:
        """Load keys, joining loads that are under way, and return the tasks that answer them.

        Whoever waits for the tasks must not cancel them (`asyncio.wait` does not).
        """
        flights = self._flights
        joined = {flights[key] for key in keys if key in flights}
        fresh = [key for key in dict.fromkeys(keys) if key not in flights]
        fresh = fresh[: max(0, self._max_keys - len(flights))]
        if fresh:
            task = asyncio.ensure_future(self._run(fresh))
            flights.update(dict.fromkeys(fresh, task))
            self._tasks.add(task)
            joined.add(task)
        return joined

    async def get(self, keys: Sequence[KeyT], *, timeout_s: float) -> dict[KeyT, ValueT]:
        """Load keys, joining loads that are under way, and return what is known in time.

        A caller that is cancelled or late leaves the loads running.
        """
        tasks = self.start(keys)
        return await answers(tasks, keys, timeout_s=timeout_s) if tasks else {}

    async def close(self) -> None:
        """Cancel what is under way and wait for its end."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, keys: Sequence[KeyT]) -> Mapping[KeyT, ValueT]:
        task = asyncio.current_task()
        try:
            return await self._load(keys)
        finally:
            for key in keys:
                self._flights.pop(key, None)
            if task is not None:
                self._tasks.discard(task)


async def answers(
    tasks: set[asyncio.Task[Mapping[KeyT, ValueT]]], keys: Sequence[KeyT], *, timeout_s: float
) -> dict[KeyT, ValueT]:
    """Wait for loads, not longer than given, and return what they say of the keys."""
    done, _ = await asyncio.wait(tasks, timeout=timeout_s)
    loaded = [task.result() for task in done if not task.cancelled()]
    return {key: found[key] for key in keys for found in loaded if key in found}
