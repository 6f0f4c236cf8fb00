"""Batches as the joint graph's inputs, and the shapes that a warm-up runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ctr_service.types import Batch

SHORT_FIRST_LENGTH = 2
"""First-segment length of warm-up rows: `[CLS] [SEP]`."""


def tensors_of(batch: Batch) -> dict[str, NDArray[np.generic]]:
    """Name a batch's arrays as the joint graph's inputs."""
    return {INPUT_IDS: batch.ids, LENGTHS: batch.lengths, FIRST_LENGTHS: batch.first_lengths}


def warm_shapes(buckets_tokens: Sequence[int], max_batch_tokens: int) -> Iterator[tuple[int, int]]:
    """Yield (rows, bucket): one row and a full batch of every bucket."""
    for bucket in buckets_tokens:
        for rows in sorted({1, max(1, max_batch_tokens // bucket)}):
            yield rows, bucket


def warm_tensors(rows: int, bucket_tokens: int) -> dict[str, NDArray[np.generic]]:
    """Return rows of the bucket's full length, as the joint graph's inputs."""
    return {
        INPUT_IDS: np.zeros((rows, bucket_tokens), dtype=np.int32),
        LENGTHS: np.full(rows, bucket_tokens, dtype=np.int32),
        FIRST_LENGTHS: np.full(rows, min(SHORT_FIRST_LENGTH, bucket_tokens), dtype=np.int32),
    }
