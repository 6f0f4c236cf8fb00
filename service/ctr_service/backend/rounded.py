"""Batches in few shapes, for an engine that works something out for each shape that it meets. Pure.

For graphs that skip their padding: rows of no tokens and columns of padding cost attention alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

ROWS_STEP = 4
LENGTH_STEP = 8


def rounded_up(tensors: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    """Return a batch with more rows of no tokens, and padded further, up to the next steps.

    Args:
        tensors: the joint graph's inputs, int32: ids [rows, length], lengths [rows], first lengths
            [rows].
    """
    ids = tensors[INPUT_IDS]
    rows, length = ids.shape
    more_rows, more_length = -rows % ROWS_STEP, -length % LENGTH_STEP
    if not more_rows and not more_length:
        return dict(tensors)
    wider = np.zeros((rows + more_rows, length + more_length), dtype=ids.dtype)
    wider[:rows, :length] = ids
    rounded: dict[str, NDArray[np.generic]] = {INPUT_IDS: wider}
    for name in (LENGTHS, FIRST_LENGTHS):
        rounded[name] = np.zeros(rows + more_rows, dtype=tensors[name].dtype)
        rounded[name][:rows] = tensors[name]
    return rounded
