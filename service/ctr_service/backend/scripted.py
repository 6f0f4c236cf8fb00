"""A backend that follows a script: for tests of faults and timing, and for benches of the gateway.

It runs no model. Its logit is a fixed function of a row's own tokens, so that every caller can
check that it got its own answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS, Cost, Outputs
from ctr_service.errors import BackendFailedError, DeadlineExceededError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from numpy.typing import NDArray

    from ctr_service.clock import Clock

    Logits: TypeAlias = Callable[
        [NDArray[np.integer], NDArray[np.integer], NDArray[np.integer]], NDArray[np.float32]
    ]

MODULUS = 8_191
"""A prime; logits are its residues, spread evenly over -4 to 4."""


@dataclass(frozen=True, slots=True)
class ScriptedRun:
    """One run as the script sees it, before it gives its outputs."""

    number: int
    rows: int
    bucket_tokens: int
    tensors: Mapping[str, NDArray[np.generic]]


Script: TypeAlias = "Callable[[ScriptedRun], Awaitable[None]]"
"""Awaited in every run: it may take its time, wait for a test, or raise BackendFailedError."""


class ScriptedBackend:
    """Implements `Backend` by a script. Belongs to one event loop."""

    def __init__(  # noqa: PLR0913 -- every argument but two has a default and is named
        self,
        *,
        slots: int,
        clock: Clock,
        script: Script | None = None,
        poison_ids: frozenset[int] = frozenset(),
        failing_ids: frozenset[int] = frozenset(),
        graphs: frozenset[str] = frozenset({"joint"}),
        costs: tuple[Cost, ...] = (),
        logits: Logits | None = None,
    ) -> None:
        """Make a scripted backend.

        Args:
            slots: runs side by side; further ones wait.
            clock: deadlines are absolute on it.
            script: what happens in each run; None answers at once.
            poison_ids: a batch with a row that holds one of these tokens fails whole.
            failing_ids: a row that holds one of these tokens fails alone.
            graphs: names it answers to.
            costs: what it says that batches cost.
            logits: the formula of the logits; None is `scripted_logits`.
        """
        self._free = asyncio.Semaphore(slots)
        self._slots = slots
        self._clock = clock
        self._script = script
        self._poison_ids = np.array(sorted(poison_ids), dtype=np.int32)
        self._failing_ids = np.array(sorted(failing_ids), dtype=np.int32)
        self._graphs = graphs
        self._costs = costs
        self._logits = logits or scripted_logits
        self._closed = False
        self.runs = 0
        self.running = 0

    @property
    def slots(self) -> int:
        """Runs side by side."""
        return self._slots

    @property
    def costs(self) -> tuple[Cost, ...]:
        """The costs it was given."""
        return self._costs

    async def run(
        self, graph: str, tensors: Mapping[str, NDArray[np.generic]], deadline_ns: int
    ) -> Outputs:
        """Follow the script for one batch. See `Backend.run`."""
        if self._closed:
            raise BackendFailedError("the scripted backend is closed")
        if graph not in self._graphs:
            raise BackendFailedError(f"the scripted backend holds no graph {graph}")
        async with self._free:
            started_ns = self._clock.now_ns()
            if started_ns >= deadline_ns:
                raise DeadlineExceededError("the deadline passed before the script began")
            self.runs += 1
            self.running += 1
            try:
                if self._script is not None:
                    rows, bucket = tensors[INPUT_IDS].shape
                    await self._script(ScriptedRun(self.runs, rows, bucket, tensors))
            finally:
                self.running -= 1
            return self._outputs(tensors, started_ns)

    async def ready(self) -> bool:
        """Say whether a batch would run now."""
        return not self._closed

    async def close(self) -> None:
        """Let running batches end. Idempotent."""
        self._closed = True
        for _ in range(self._slots):
            await self._free.acquire()
        for _ in range(self._slots):
            self._free.release()

    def _outputs(self, tensors: Mapping[str, NDArray[np.generic]], started_ns: int) -> Outputs:
        ids, lengths, first_lengths = (
            np.asarray(tensors[name], dtype=np.int32)
            for name in (INPUT_IDS, LENGTHS, FIRST_LENGTHS)
        )
        failing: dict[int, str] = {}
        if len(self._poison_ids) and np.isin(ids, self._poison_ids).any():
            raise BackendFailedError("the script fails a batch with such a row")
        if len(self._failing_ids):
            bad = np.isin(ids, self._failing_ids).any(axis=1)
            failing = {int(i): "the script fails such a row" for i in np.flatnonzero(bad)}
        logits = self._logits(ids, lengths, first_lengths)
        return Outputs({LOGITS: logits}, self._clock.now_ns() - started_ns, failing)


def scripted_logits(
    ids: NDArray[np.integer], lengths: NDArray[np.integer], first_lengths: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Return the logit of each row: a checksum of its own tokens and their places.

    Args:
        ids: int32 [rows, bucket]; what lies beyond a row's length does not count.
        lengths: int32 [rows].
        first_lengths: int32 [rows].
    """
    places = np.arange(ids.shape[1])
    own = np.where(places < lengths[:, None], ids + 1, 0).astype(np.int64)
    checksum = (own @ (places * 31 + 7) + 1_009 * first_lengths.astype(np.int64)) % MODULUS
    return (checksum / (MODULUS - 1) * 8 - 4).astype(np.float32)


def lengths_as_logits(
    ids: NDArray[np.integer],  # noqa: ARG001 -- the formula's signature
    lengths: NDArray[np.integer],
    first_lengths: NDArray[np.integer],  # noqa: ARG001 -- the formula's signature
) -> NDArray[np.float32]:
    """Return -2 to about 2 by a row's length: nearly free, where a checksum's cost would count."""
    return (lengths / 16 - 2).astype(np.float32)


def sleeping_script(seconds: Callable[[int, int], float]) -> Script:
    """Return a script in which a run of (rows, bucket_tokens) takes `seconds(...)` of real time."""

    async def sleep(run: ScriptedRun) -> None:
        await asyncio.sleep(seconds(run.rows, run.bucket_tokens))

    return sleep
