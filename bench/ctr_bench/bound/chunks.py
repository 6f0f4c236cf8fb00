"""Rows of several lists sorted by length and cut into padded batches, as the bound runs them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from ctr_service.backend.shapes import tensors_of
from ctr_service.bundle.tokens import pad_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    from ctr_service.types import Row

    Tensors: TypeAlias = Mapping[str, NDArray[np.generic]]

CHUNKS_ROWS = (4, 8, 16, 32)
LISTS_A_WINDOW = 8


def sorted_chunks(
    lists: Sequence[Sequence[Row]],
    chunk_rows: int,
    pad_id: int,
    lists_a_window: int = LISTS_A_WINDOW,
) -> list[Tensors]:
    """Sort rows by length within each window of lists, and cut them into padded batches."""
    batches: list[Tensors] = []
    for begin in range(0, len(lists), lists_a_window):
        window = itertools.chain.from_iterable(lists[begin : begin + lists_a_window])
        rows = sorted(window, key=lambda row: row.length)
        batches += [
            tensors_of(pad_rows(chunk, chunk[-1].length, pad_id))
            for chunk in (rows[i : i + chunk_rows] for i in range(0, len(rows), chunk_rows))
        ]
    return batches
