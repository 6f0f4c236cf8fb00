"""Claims about batches in few shapes: the rows come first and are as they were."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS
from ctr_service.backend.rounded import LENGTH_STEP, ROWS_STEP, rounded_up
from tests.support.rows import make_row, padded


@given(st.integers(1, 3 * ROWS_STEP), st.integers(3, 3 * LENGTH_STEP))
def test_what_is_added_is_rows_of_no_tokens_and_padding(rows: int, length: int) -> None:
    """Both dimensions are multiples of their steps, less than a step larger, and zero there."""
    rng = np.random.default_rng(rows * 100 + length)
    tensors = padded([make_row(rng, length) for _ in range(rows)], length)
    rounded = rounded_up(tensors)
    wide = rounded[INPUT_IDS]
    assert wide.shape == (
        -(-rows // ROWS_STEP) * ROWS_STEP,
        -(-length // LENGTH_STEP) * LENGTH_STEP,
    )
    np.testing.assert_array_equal(wide[:rows, :length], tensors[INPUT_IDS])
    assert not wide[rows:].any()
    assert not wide[:, length:].any()
    for name in (LENGTHS, FIRST_LENGTHS):
        np.testing.assert_array_equal(rounded[name][:rows], tensors[name])
        assert not rounded[name][rows:].any()
        assert len(rounded[name]) == len(wide)
    assert {name: array.dtype for name, array in rounded.items()} == {
        name: array.dtype for name, array in tensors.items()
    }
