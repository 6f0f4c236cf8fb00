"""Rows -> padded batches, sorted by length, as the gateway's batcher packs a deep queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.backend.base import INPUT_IDS, LENGTHS
from ctr_service.backend.shapes import tensors_of
from ctr_service.bundle.tokens import pad_rows
from ctr_service.types import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ctr_service.types import Row

SHORT_FIRST_LENGTH = 2
"""`[CLS] [SEP]`."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """One batch.

    Attributes:
        indices: int64 [rows], which rows of the sample it holds, in its order.
        bucket_tokens: the padded length.
        tensors: the graph's inputs.
    """

    indices: NDArray[np.int64]
    bucket_tokens: int
    tensors: Mapping[str, NDArray[np.generic]]


def make_chunk(
    rows: Sequence[Row], indices: Sequence[int], bucket_tokens: int, *, pad_id: int
) -> Chunk:
    """Pad the rows at `indices` to `bucket_tokens`."""
    batch = pad_rows([rows[index] for index in indices], bucket_tokens, pad_id)
    return Chunk(np.asarray(indices, dtype=np.int64), bucket_tokens, tensors_of(batch))


def full_chunk(rows: int, bucket_tokens: int) -> Chunk:
    """Return a batch without padding, of any tokens: for measuring what its shape costs."""
    ids = np.zeros((rows, bucket_tokens), dtype=np.int32)
    lengths = np.full(rows, bucket_tokens, dtype=np.int32)
    first_lengths = np.full(rows, min(SHORT_FIRST_LENGTH, bucket_tokens), dtype=np.int32)
    return Chunk(np.arange(rows), bucket_tokens, tensors_of(Batch(ids, lengths, first_lengths)))


def unpadded(chunks: Iterable[Chunk]) -> Iterator[dict[str, NDArray[np.generic]]]:
    """Yield each row of the chunks as the graph's inputs, alone and without its padding."""
    for chunk in chunks:
        for at, length in enumerate(chunk.tensors[LENGTHS].tolist()):
            row = {name: array[at : at + 1] for name, array in chunk.tensors.items()}
            yield row | {INPUT_IDS: row[INPUT_IDS][:, :length].copy()}


def sorted_chunks(
    rows: Sequence[Row], *, buckets_tokens: Sequence[int], max_batch_tokens: int, pad_id: int
) -> list[Chunk]:
    """Pack rows, the longest first; each chunk is padded to the bucket of its longest row.

    Args:
        rows: none longer than the last bucket.
        buckets_tokens: rising.
        max_batch_tokens: most `rows * bucket` of a chunk; one row is always taken.
        pad_id: the tokenizer's padding id.
    """
    lengths = np.array([row.length for row in rows], dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    buckets = np.asarray(buckets_tokens)
    chunks: list[Chunk] = []
    start = 0
    while start < len(order):
        bucket = int(buckets[np.searchsorted(buckets, lengths[order[start]])])
        count = max(1, max_batch_tokens // bucket)
        chosen = order[start : start + count].tolist()
        chunks.append(make_chunk(rows, chosen, bucket, pad_id=pad_id))
        start += count
    return chunks
