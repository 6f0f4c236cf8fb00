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
LIST_ROWS = 16
PADDED_ROWS, UNPADDED_ROWS = 4, 8
"""Rows a batch, of lists of 16 with lengths from 10 to 45 tokens, as the gateway forms them:
measured in simulated time at 58 % load (3.6 to 4.8, and 7.6)."""


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


@dataclass(frozen=True, slots=True)
class TimedChunks:
    """The same rows as a gateway packs them while its queue is short: list by list.

    A deep queue is packed better, but a gateway that keeps its SLO mostly has a short one.

    Attributes:
        padded: for graphs that compute their padding: a list's rows by length, a few a batch, as
            many as the start of another batch would cost.
        unpadded: for graphs that skip it: a list in two halves, one for each of two slots.
    """

    padded: Sequence[Chunk]
    unpadded: Sequence[Chunk]

    def of(self, *, skips_padding: bool) -> Sequence[Chunk]:
        """Return those for a graph of either kind."""
        return self.unpadded if skips_padding else self.padded


def timed_chunks(
    rows: Sequence[Row], *, buckets_tokens: Sequence[int], pad_id: int, seed: int
) -> TimedChunks:
    """Deal rows out to lists at random and pack each list.

    Args:
        rows: none longer than the last bucket.
        buckets_tokens: rising.
        pad_id: the tokenizer's padding id.
        seed: of the lists.
    """
    order = np.random.default_rng(seed).permutation(len(rows))
    lists = [order[begin : begin + LIST_ROWS] for begin in range(0, len(order), LIST_ROWS)]

    def packed(rows_a_chunk: int) -> list[Chunk]:
        chunks: list[Chunk] = []
        for one in lists:
            by_length = sorted(one.tolist(), key=lambda index: rows[index].length)
            for begin in range(0, len(by_length), rows_a_chunk):
                chosen = by_length[begin : begin + rows_a_chunk]
                longest = rows[chosen[-1]].length
                bucket = int(buckets_tokens[np.searchsorted(buckets_tokens, longest)])
                chunks.append(make_chunk(rows, chosen, bucket, pad_id=pad_id))
        return chunks

    return TimedChunks(packed(PADDED_ROWS), packed(UNPADDED_ROWS))


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
