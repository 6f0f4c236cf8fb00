"""The Triton servers behind the configured targets: which are there, and which gets the next batch.

Names are resolved again and again, so that pods come and go. The next batch goes to the verified
server with the fewest batches for its width, in turn where several are alike.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import TYPE_CHECKING

from ctr_service.backend.triton_observer import EndpointState
from ctr_service.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ctr_service.backend.triton_endpoint import Endpoint
    from ctr_service.backend.triton_observer import TritonObserver
    from ctr_service.backend.triton_targets import Resolve, Target

LOOK_S = 1.0
"""Between two looks at the fleet as a whole."""
RESOLVE_LOOKS = 5
"""Looks between two resolutions of the names, while all is well."""
_UNUSABLE = {
    EndpointState.VERIFYING: "being verified",
    EndpointState.NOT_READY: "not reachable or without the model",
    EndpointState.MISMATCH: "serving another model than the bundle's",
    EndpointState.RESTING: "failing calls and left alone for a while",
}


class Fleet:
    """All servers. Belongs to one event loop."""

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        resolve: Resolve,
        make: Callable[[Target, str, Callable[[Endpoint], None]], Endpoint],
        sleep: Callable[[float], Awaitable[None]],
        observer: TritonObserver,
    ) -> None:
        """Make a fleet without servers.

        Args:
            targets: as configured.
            resolve: target -> addresses.
            make: (target, address, told when its state changed) -> a server, watched from then on.
            sleep: between two looks.
            observer: hears what changes.
        """
        self._targets = targets
        self._resolve = resolve
        self._make = make
        self._sleep = sleep
        self._observer = observer
        self._endpoints: dict[str, Endpoint] = {}
        self._order: dict[Endpoint, int] = {}
        self._given = 0
        self._unresolved: dict[Target, str] = {}
        self._changed = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def usable(self) -> tuple[Endpoint, ...]:
        """Servers that may get a batch."""
        return tuple(endpoint for endpoint in self._endpoints.values() if endpoint.usable)

    @property
    def why_not(self) -> str:
        """For people: what is wrong with those that are not usable."""
        reasons = [f"{target}: {reason}" for target, reason in self._unresolved.items()]
        reasons += [
            f"{endpoint.address}: {endpoint.reason or endpoint.state.value}"
            for endpoint in self._endpoints.values()
            if not endpoint.usable
        ]
        return "; ".join(reasons)

    @property
    def why_none(self) -> str:
        """For callers, so without addresses: how many servers are in which unusable state."""
        states = Counter(endpoint.state for endpoint in self._endpoints.values())
        counted = [
            f"{states[state]} {words}" for state, words in _UNUSABLE.items() if states[state]
        ]
        return ", ".join(counted) or "no address is known"

    async def start(self, patience_s: float) -> None:
        """Resolve the names, watch from now on, and wait until a server is verified.

        Args:
            patience_s: how long servers may take to come up.

        Raises:
            SettingsError: all that came up serve something else, or none came up.
        """
        await self._refresh()
        self._looking = asyncio.create_task(self._look())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self._is_undecided:
                    await self._changed.wait()
        if self.usable:
            return
        if self._in_state(EndpointState.MISMATCH):
            raise SettingsError(f"Triton does not serve this bundle: {self.why_not}")
        raise SettingsError(
            f"no Triton server came up within {patience_s:g} s ({self.why_not}); "
            "start it, or allow more time with --triton-wait-s"
        )

    async def close(self) -> None:
        """Let go of every server. Idempotent."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        await asyncio.gather(*self._leaving)
        await asyncio.gather(*(endpoint.close() for endpoint in self._endpoints.values()))
        self._endpoints.clear()

    def pick(self, but: Endpoint | None = None) -> Endpoint | None:
        """Choose the server for a batch; None when there is none but `but`."""
        found = [endpoint for endpoint in self.usable if endpoint is not but]
        if not found:
            return None

        def load(endpoint: Endpoint) -> tuple[float, int]:
            return len(endpoint.turns) / endpoint.slots, self._order.get(endpoint, 0)

        chosen = min(found, key=load)
        self._given += 1
        self._order[chosen] = self._given
        return chosen

    async def settled(self, seconds: float) -> None:
        """Wait, so long at most, until a server is usable or all are known not to be."""
        try:
            async with asyncio.timeout(seconds):
                while not self.usable and self._in_state(EndpointState.VERIFYING):
                    await self._changed.wait()
        except TimeoutError:
            return

    @property
    def _is_undecided(self) -> bool:
        decided = self.usable or self._in_state(EndpointState.MISMATCH)
        return not decided or self._in_state(EndpointState.VERIFYING)

    def _in_state(self, state: EndpointState) -> bool:
        return any(endpoint.state is state for endpoint in self._endpoints.values())

    async def _look(self) -> None:
        looks = 0
        while True:
            await self._sleep(LOOK_S)
            looks += 1
            if looks % RESOLVE_LOOKS == 0 or not self.usable:
                await self._refresh()
            self._observer.triton_usable(usable=bool(self.usable))

    async def _refresh(self) -> None:
        wanted: dict[str, Target] = {}
        for target in self._targets:
            try:
                found = await self._resolve(target)
            except OSError as error:
                # A resolver that fails says nothing about servers that are known.
                self._unresolved[target] = f"the name cannot be resolved ({error})"
                found = tuple(a for a, e in self._endpoints.items() if e.target == target)
            else:
                self._unresolved.pop(target, None)
            wanted.update(dict.fromkeys(found, target))
        for address in self._endpoints.keys() - wanted.keys():
            self._let_go(address)
        for address, target in wanted.items():
            if address not in self._endpoints:
                self._endpoints[address] = self._make(target, address, self._tell)
        self._tell_states()

    def _let_go(self, address: str) -> None:
        endpoint = self._endpoints.pop(address)
        self._order.pop(endpoint, None)
        leaving = asyncio.create_task(_leave(endpoint))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def _tell(self, endpoint: Endpoint) -> None:
        self._observer.triton_endpoint(
            endpoint.address, state=endpoint.state, reason=endpoint.reason
        )
        self._tell_states()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _tell_states(self) -> None:
        states = Counter(endpoint.state for endpoint in self._endpoints.values())
        self._observer.triton_endpoints({state: states[state] for state in EndpointState})
        self._observer.triton_usable(usable=bool(self.usable))


async def _leave(endpoint: Endpoint) -> None:
    """Break a server's connections once its last batch has ended; each has a deadline."""
    await endpoint.idle.wait()
    await endpoint.close()
