"""Batches of rows of like length, so that little padding is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch.utils.data import Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MEGA_BATCH_BATCHES = 50
"""Rows are sorted within shuffled runs of so many batches: like lengths, yet random company."""


def length_batches(
    lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Return batches of row numbers, each row once, in random order.

    Args:
        lengths: int64 [rows], tokens.
        batch_size: rows a batch; one batch may be smaller.
        rng: shuffles.
    """
    order = rng.permutation(len(lengths))
    run = batch_size * MEGA_BATCH_BATCHES
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(order), run):
        rows = order[start : start + run]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[at : at + batch_size] for at in range(0, len(rows), batch_size)]
    return [batches[index] for index in rng.permutation(len(batches))]


class LengthBatchSampler(Sampler[list[int]]):
    """Batches by length, reshuffled each epoch from the seed and the epoch alone.

    So a resumed run sees the batches that the interrupted one would have seen.
    """

    def __init__(self, lengths: NDArray[np.int64], *, batch_size: int, seed: int) -> None:
        self._lengths = lengths
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0
        self._batches = self._draw()

    def set_epoch(self, epoch: int) -> None:
        """Draw the batches of an epoch."""
        self._epoch = epoch
        self._batches = self._draw()

    def __iter__(self) -> Iterator[list[int]]:
        return iter([batch.tolist() for batch in self._batches])

    def __len__(self) -> int:
        return len(self._batches)

    def _draw(self) -> list[NDArray[np.int64]]:
        rng = np.random.default_rng([self._seed, self._epoch])
        return length_batches(self._lengths, self._batch_size, rng)
