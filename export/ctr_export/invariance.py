"""The same row with other batch-mates and other padding: its probability must not move.

A score that depends on strangers' requests cannot be cached, compared or debugged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_export.chunks import Chunk, make_chunk
from ctr_export.samples import spread_by_length

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ctr_service.bundle.calibration import Calibration
    from ctr_service.types import Row

MATES = 16
"""Rows of a shuffled batch."""
MOST_ALONE = 192
MOST_PADDED = 64
MOST_SHUFFLED = 384


@dataclass(frozen=True, slots=True)
class Moved:
    """How far probabilities moved between a row's own batch and others; 0 is perfect.

    Attributes:
        max: of all rows.
        p99: 99th percentile over rows, each with its worst batch.
    """

    max: float
    p99: float


def compositions(
    rows: Sequence[Row], *, longest_tokens: int, pad_id: int, seed: int
) -> dict[str, list[Chunk]]:
    """Return other ways to batch a subset of the rows, by name.

    "alone": one row, no padding. "padded": random mates, all padded to the longest bucket.
    "shuffled": random mates of all lengths, padded to the longest of them.
    """
    rng = np.random.default_rng(seed)
    lengths = np.array([row.length for row in rows], dtype=np.int64)

    def subset(most: int) -> list[int]:
        return [int(index) for index in rng.permutation(spread_by_length(lengths, most))]

    def batches(indices: list[int], bucket: int | None) -> list[Chunk]:
        parts = [indices[start : start + MATES] for start in range(0, len(indices), MATES)]
        return [
            make_chunk(rows, part, bucket or int(lengths[part].max()), pad_id=pad_id)
            for part in parts
        ]

    return {
        "alone": [
            make_chunk(rows, [index], int(lengths[index]), pad_id=pad_id)
            for index in subset(MOST_ALONE)
        ],
        "padded": batches(subset(MOST_PADDED), longest_tokens),
        "shuffled": batches(subset(MOST_SHUFFLED), None),
    }


def moved(
    home: NDArray[np.float64],
    others: Mapping[str, NDArray[np.float64]],
    calibration: Calibration,
) -> Moved:
    """Compare probabilities.

    Args:
        home: logits of all rows in their own batches, sorted by length, float64 [rows].
        others: logits of the same rows by composition; NaN where a composition left a row out.
        calibration: logits -> probabilities.
    """
    here = calibration.apply(home)
    worst = np.full(len(home), -1.0)
    for logits in others.values():
        held = ~np.isnan(logits)
        gap = np.abs(calibration.apply(logits[held]) - here[held])
        worst[held] = np.maximum(worst[held], gap)
    worst = worst[worst >= 0]
    if not len(worst):
        return Moved(0.0, 0.0)
    return Moved(float(worst.max()), float(np.quantile(worst, 0.99)))
