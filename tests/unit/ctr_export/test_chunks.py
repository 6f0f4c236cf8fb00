"""Claims about packing rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ctr_export.chunks import full_chunk, sorted_chunks
from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS
from ctr_service.types import Row

BUCKETS = (8, 16, 40)


@given(
    lengths=st.lists(st.integers(3, 40), min_size=1, max_size=80),
    max_batch_tokens=st.integers(40, 400),
)
def test_every_row_is_in_one_batch_within_the_budget(
    lengths: list[int], max_batch_tokens: int
) -> None:
    """Each row is packed once, in the smallest bucket that holds its batch, within the budget."""
    rows = [Row.of(np.full(length, 5, dtype=np.int32), 2) for length in lengths]
    chunks = sorted_chunks(
        rows, buckets_tokens=BUCKETS, max_batch_tokens=max_batch_tokens, pad_id=0
    )
    packed = np.concatenate([chunk.indices for chunk in chunks])
    assert sorted(packed.tolist()) == list(range(len(rows)))
    for chunk in chunks:
        longest = max(lengths[index] for index in chunk.indices)
        assert chunk.bucket_tokens == min(bucket for bucket in BUCKETS if bucket >= longest)
        assert chunk.tensors[INPUT_IDS].size <= max_batch_tokens
        assert chunk.tensors[LENGTHS].tolist() == [lengths[index] for index in chunk.indices]


def test_longest_rows_come_first() -> None:
    """The largest batches start first, so that no core waits for one at the end."""
    rows = [Row.of(np.full(length, 5, dtype=np.int32), 2) for length in (3, 40, 9, 12)]
    chunks = sorted_chunks(rows, buckets_tokens=BUCKETS, max_batch_tokens=40, pad_id=0)
    assert [chunk.bucket_tokens for chunk in chunks] == [40, 16, 8]


def test_a_full_batch_has_no_padding() -> None:
    """The batch that measures a shape fills it."""
    chunk = full_chunk(3, 16)
    assert chunk.tensors[INPUT_IDS].shape == (3, 16)
    assert chunk.tensors[LENGTHS].tolist() == [16, 16, 16]
    assert chunk.tensors[FIRST_LENGTHS].tolist() == [2, 2, 2]
