"""Claims about batches by length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ctr_train.sampler import LengthBatchSampler, length_batches

if TYPE_CHECKING:
    from numpy.typing import NDArray


@given(
    lengths=st.lists(st.integers(3, 200), min_size=1, max_size=300),
    batch_size=st.integers(1, 40),
    seed=st.integers(0, 2**31),
)
def test_every_row_is_in_exactly_one_batch(lengths: list[int], batch_size: int, seed: int) -> None:
    """No row is lost, none comes twice, and no batch is too large."""
    rng = np.random.default_rng(seed)
    batches = length_batches(np.array(lengths, dtype=np.int64), batch_size, rng)

    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert max(len(batch) for batch in batches) <= batch_size


def test_batches_hold_like_lengths() -> None:
    """Padding shrinks to a fraction of what random batches need."""
    lengths = np.random.default_rng(0).integers(5, 100, size=3200)
    sorted_batches = length_batches(lengths, 32, np.random.default_rng(1))
    random_batches = list(np.random.default_rng(2).permutation(3200).reshape(-1, 32))

    assert _padding(lengths, sorted_batches) < 0.1 * _padding(lengths, random_batches)


def test_an_epoch_is_the_same_again_and_another_epoch_is_not() -> None:
    """A resumed run sees the batches of the interrupted one."""
    lengths = np.arange(100, dtype=np.int64)
    first, second = (LengthBatchSampler(lengths, batch_size=7, seed=3) for _ in range(2))
    first.set_epoch(1)
    second.set_epoch(1)
    again = list(second)
    second.set_epoch(2)

    assert list(first) == again
    assert list(first) != list(second)
    assert len(first) == 15


def _padding(lengths: NDArray[np.int64], batches: list[NDArray[np.int64]]) -> int:
    return int(sum(np.sum(lengths[rows].max() - lengths[rows]) for rows in batches))
