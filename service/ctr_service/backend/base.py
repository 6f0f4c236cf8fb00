"""The whole contract between the batcher and an engine.

What blocks: nothing on the event loop; `run` awaits the engine elsewhere.
What raises: `run` raises BackendFailedError when the whole batch failed, DeadlineExceededError when
the deadline passed before the engine began or answered, BackendBusyError when its own queue
is full; a row that failed alone is in `Outputs.failed_rows`.
What survives: after `run` raised, the backend still serves the next batch, unless `ready` says no.
After `close`, `run` raises BackendFailedError.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

INPUT_IDS = "input_ids"
LENGTHS = "lengths"
FIRST_LENGTHS = "first_lengths"
LOGITS = "logits"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one batch of this shape was measured to take on this backend."""

    bucket_tokens: int
    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a batch gave.

    Attributes:
        tensors: output name -> array, first dimension rows. For the joint graph:
            LOGITS float32 [rows].
        failed_rows: index of a row that failed alone -> a sentence without user data.
        compute_ns: time inside the engine.
    """

    tensors: Mapping[str, NDArray[np.generic]]
    compute_ns: int
    failed_rows: Mapping[int, str] = field(default_factory=dict)


class Backend(Protocol):
    """An engine with a fixed number of slots, each of which runs one batch at a time."""

    @property
    def slots(self) -> int:
        """Batches that run at once without slowing one another on purpose."""
        ...

    @property
    def costs(self) -> tuple[Cost, ...]:
        """Measured costs, the batcher's first guess; may be empty."""
        ...

    async def run(
        self, graph: str, tensors: Mapping[str, NDArray[np.generic]], deadline_ns: int
    ) -> Outputs:
        """Run one batch.

        Args:
            graph: graph name in the bundle, for example "joint".
            tensors: input name -> array, first dimension rows. For the joint graph: INPUT_IDS
                int32 [rows, bucket], LENGTHS int32 [rows], FIRST_LENGTHS int32 [rows].
            deadline_ns: absolute on the injected clock; a run that has begun may finish late.

        Raises:
            BackendFailedError: the whole batch failed.
            BackendBusyError: the engine's own queue, if it has one, is full.
            DeadlineExceededError: it had not begun by the deadline, or an engine elsewhere had not
                answered by it.
        """
        ...

    async def ready(self) -> bool:
        """Say whether a batch would run now."""
        ...

    async def close(self) -> None:
        """Let running batches end, then free everything. Idempotent."""
        ...
