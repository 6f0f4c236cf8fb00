"""A Triton backend on given servers, and what it told."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import TYPE_CHECKING

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS
from ctr_service.backend.triton import TritonBackend
from ctr_service.backend.triton_check import Expected
from ctr_service.backend.triton_options import EndpointOptions
from ctr_service.backend.triton_targets import parse_targets, resolve
from ctr_service.breaker import Breaker, BreakerPolicy
from ctr_service.bundle.manifest import JOINT_GRAPH, TensorSpec
from ctr_service.clock import SystemClock
from ctr_service.limits import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from ctr_service.backend.triton_observer import EndpointState
    from ctr_service.backend.triton_targets import Resolve
    from ctr_service.clock import Clock

PARAMETERS = {
    "ctr_model_version": "t1",
    "ctr_graph_sha256": "0" * 64,
    "ctr_precision": "fp32",
    "ctr_engine": "onnxruntime",
}
EXPECTED = Expected(
    graph=JOINT_GRAPH,
    parameters=PARAMETERS,
    inputs=(
        TensorSpec(name=INPUT_IDS, dtype="int32", shape=(-1, -1)),
        TensorSpec(name=LENGTHS, dtype="int32", shape=(-1,)),
        TensorSpec(name=FIRST_LENGTHS, dtype="int32", shape=(-1,)),
    ),
    outputs=(TensorSpec(name=LOGITS, dtype="float32", shape=(-1,)),),
    max_rows=16,
)
QUICK = BreakerPolicy(first_wait_ns=NS_PER_S // 50, longest_wait_ns=NS_PER_S // 10)
"""Waits that a test can wait for."""
PATIENCE_S = 20.0


class Heard:
    """Keeps what a backend told. Implements TritonObserver."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.retries = 0
        self.changes: list[tuple[str, EndpointState, str]] = []
        self.states: Mapping[EndpointState, int] = {}
        self.usable = False

    def triton_called(self, target: str, *, outcome: str) -> None:
        """Count it."""
        assert target
        self.outcomes[outcome] += 1

    def triton_retried(self, target: str) -> None:
        """Count it."""
        assert target
        self.retries += 1

    def triton_endpoint(self, address: str, *, state: EndpointState, reason: str) -> None:
        """Keep the order."""
        self.changes.append((address, state, reason))

    def triton_endpoints(self, states: Mapping[EndpointState, int]) -> None:
        """Keep the last."""
        self.states = states

    def triton_usable(self, *, usable: bool) -> None:
        """Keep the last."""
        self.usable = usable


def make_backend(
    targets: str,
    heard: Heard,
    *,
    expected: Expected = EXPECTED,
    options: EndpointOptions | None = None,
    clock: Clock | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    resolver: Resolve = resolve,
) -> TritonBackend:
    """Return a backend that is not connected."""
    return TritonBackend(
        parse_targets(targets),
        expected=expected,
        options=options or EndpointOptions(),
        new_breaker=lambda: Breaker(QUICK, lambda: 0.5),
        clock=clock or SystemClock(),
        sleep=sleep,
        observer=heard,
        resolve=resolver,
    )


@contextlib.asynccontextmanager
async def connected(backend: TritonBackend) -> AsyncIterator[TritonBackend]:
    """Start a backend for the length of a block."""
    try:
        await backend.start(PATIENCE_S)
        yield backend
    finally:
        await backend.close()
