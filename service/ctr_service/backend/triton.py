"""Triton over gRPC: the graph runs in another process, on another machine, on a GPU.

The gateway is the batcher: it sends whole batches, as many at once as the servers have instances.
Each carries its deadline twice, as gRPC's, which ends the wait, and as Triton's `timeout`, which
takes the batch out of Triton's queue. A batch that a server loses is sent once more, to another
server or to the same one verified anew; it is answered once, whatever arrives.
"""

from __future__ import annotations

import asyncio
import statistics
from typing import TYPE_CHECKING

from ctr_service.backend.base import Cost, Outputs
from ctr_service.backend.finite import rows_without_number
from ctr_service.backend.shapes import warm_shapes, warm_tensors
from ctr_service.backend.triton_endpoint import Endpoint
from ctr_service.backend.triton_faults import ELSEWHERE, TritonFault
from ctr_service.backend.triton_fleet import Fleet
from ctr_service.backend.triton_observer import CANCELLED, OK
from ctr_service.backend.triton_targets import resolve as system_resolve
from ctr_service.errors import BackendFailedError, DeadlineExceededError
from ctr_service.limits import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ctr_service.backend.triton_check import Expected
    from ctr_service.backend.triton_observer import TritonObserver
    from ctr_service.backend.triton_options import EndpointOptions
    from ctr_service.backend.triton_targets import Resolve, Target
    from ctr_service.breaker import Breaker
    from ctr_service.clock import Clock

WARM_UP_REPEATS = 3
"""Runs a shape; the median is its cost, so that the first run's allocations do not count."""
WARM_UP_DEADLINE_NS = 120 * NS_PER_S
"""Limit of one run of the warm-up: the first run of a shape may tune kernels on a GPU."""
SETTLE_S = 0.25
"""How long a batch waits for a server that is being verified: the connection was lost a moment ago,
and is mostly back in milliseconds."""


class TritonBackend:
    """Implements `Backend`. Belongs to one event loop."""

    def __init__(  # noqa: PLR0913 -- built once, in triton_engine.py; every argument is named there
        self,
        targets: Sequence[Target],
        *,
        expected: Expected,
        options: EndpointOptions,
        new_breaker: Callable[[], Breaker],
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
        observer: TritonObserver,
        resolve: Resolve = system_resolve,
        probe_tokens: int = 8,
    ) -> None:
        """Make a backend that is not connected; `start` connects it.

        Args:
            targets: where servers are.
            expected: what they must serve.
            options: how they are used.
            new_breaker: one for each server.
            clock: deadlines are absolute on it.
            sleep: between two looks at the servers.
            observer: hears what happens.
            resolve: target -> addresses.
            probe_tokens: length of the row by which a server that failed calls is tried.
        """
        probe = warm_tensors(1, probe_tokens)

        def make(target: Target, address: str, changed: Callable[[Endpoint], None]) -> Endpoint:
            return Endpoint(
                target,
                address,
                expected=expected,
                options=options,
                breaker=new_breaker(),
                clock=clock,
                sleep=sleep,
                probe=probe,
                changed=changed,
            )

        self._fleet = Fleet(targets, resolve=resolve, make=make, sleep=sleep, observer=observer)
        self._graph = expected.graph
        self._options = options
        self._clock = clock
        self._observer = observer
        self._costs: tuple[Cost, ...] = ()
        self._last_slots = max(1, options.slots)
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    @property
    def slots(self) -> int:
        """Batches that the servers run at once; while none is there, what the last ones did."""
        slots = sum(endpoint.slots for endpoint in self._fleet.usable)
        self._last_slots = slots or self._last_slots
        return self._last_slots

    @property
    def costs(self) -> tuple[Cost, ...]:
        """What `warm_up` measured."""
        return self._costs

    async def start(self, patience_s: float) -> None:
        """Connect, and wait until a server is verified.

        Args:
            patience_s: how long servers may take to come up.

        Raises:
            SettingsError: all that came up serve something else, or none came up.
        """
        await self._fleet.start(patience_s)

    async def run(
        self, graph: str, tensors: Mapping[str, NDArray[np.generic]], deadline_ns: int
    ) -> Outputs:
        """Run one batch on a server. See `Backend.run`.

        More batches than slots wait in the servers' own queues, which are bounded.

        Raises:
            BackendBusyError: the servers' queues are full.
            BackendFailedError, DeadlineExceededError: as the protocol says.
        """
        if self._closed:
            raise BackendFailedError("the backend is closed")
        if graph != self._graph:
            raise BackendFailedError(f"the backend holds no graph {graph}")
        self._in_flight += 1
        self._idle.clear()
        try:
            return await self._run(tensors, deadline_ns)
        except TritonFault as fault:
            raise fault.error() from None
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def warm_up(
        self, graph: str, buckets_tokens: Sequence[int], max_batch_tokens: int
    ) -> tuple[Cost, ...]:
        """Run one row and a full batch of every bucket over the wire, in all slots at once.

        Args:
            graph: which graph.
            buckets_tokens: the lengths that will be served.
            max_batch_tokens: most `rows * bucket` of a batch.

        Raises:
            BackendFailedError: a shape failed; the backend must not serve.
        """
        costs: list[Cost] = []
        for rows, bucket in warm_shapes(buckets_tokens, max_batch_tokens):
            seconds: list[float] = []
            for _ in range(WARM_UP_REPEATS):
                deadline_ns = self._clock.now_ns() + WARM_UP_DEADLINE_NS
                runs = [
                    self.run(graph, warm_tensors(rows, bucket), deadline_ns)
                    for _ in range(self.slots)
                ]
                seconds += [done.compute_ns / NS_PER_S for done in await asyncio.gather(*runs)]
            costs.append(Cost(bucket, rows, statistics.median(seconds)))
        self._costs = tuple(costs)
        return self._costs

    async def ready(self) -> bool:
        """Say whether a batch would run now."""
        return not self._closed and bool(self._fleet.usable)

    async def close(self) -> None:
        """Let running batches end, then break all connections. Idempotent."""
        self._closed = True
        await self._idle.wait()
        await self._fleet.close()

    async def _run(self, tensors: Mapping[str, NDArray[np.generic]], deadline_ns: int) -> Outputs:
        endpoint = await self._next(None, deadline_ns)
        try:
            return await self._run_on(endpoint, tensors, deadline_ns)
        except TritonFault as fault:
            if fault.kind not in ELSEWHERE:
                raise
            first = fault
        try:
            other = await self._next(endpoint, deadline_ns)
        except (BackendFailedError, DeadlineExceededError):
            raise first from None
        self._observer.triton_retried(str(endpoint.target))
        return await self._run_on(other, tensors, deadline_ns)

    async def _next(self, but: Endpoint | None, deadline_ns: int) -> Endpoint:
        """Choose a server; wait for one that is being verified, but not long.

        Args:
            but: the one that just lost the batch. It is chosen again only when it was verified
                anew since.
            deadline_ns: of the batch.

        Raises:
            BackendFailedError: there is none.
            DeadlineExceededError: the deadline has come.
        """
        found = self._fleet.pick(but)
        if found is None and (but is None or not but.usable):
            left_s = (deadline_ns - self._clock.now_ns()) / NS_PER_S
            await self._fleet.settled(min(SETTLE_S, max(0.0, left_s)))
            found = self._fleet.pick()
        if found is None:
            raise BackendFailedError(f"no Triton server is ready ({self._fleet.why_none})")
        if self._clock.now_ns() >= deadline_ns:
            raise DeadlineExceededError("the deadline passed before the batch was sent")
        return found

    async def _run_on(
        self, endpoint: Endpoint, tensors: Mapping[str, NDArray[np.generic]], deadline_ns: int
    ) -> Outputs:
        target, outcome = str(endpoint.target), CANCELLED
        try:
            outputs, compute_ns = await endpoint.infer(tensors, deadline_ns)
            outcome = OK
        except TritonFault as fault:
            outcome = fault.kind.value
            raise
        finally:
            self._observer.triton_called(target, outcome=outcome)
        return Outputs(outputs, compute_ns, rows_without_number(outputs))
