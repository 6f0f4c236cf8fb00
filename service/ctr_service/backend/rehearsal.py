"""The batches that a session runs before it serves, so that no shape of serving is new to it. Pure.

For an engine that works something out for each shape (docs/decisions/0029), of a graph that skips
its padding: a matrix of all rows' tokens behind one another, and attention on the padded rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS
from ctr_service.backend.rounded import LENGTH_STEP, ROWS_STEP
from ctr_service.backend.shapes import SHORT_FIRST_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

MOST_TOTALS = 128
MOST_ROWS = 128
"""Of what a layout allows the smaller batches are run: one that allows 10,000 tokens must not make
a start take minutes."""


def rehearsal(
    buckets_tokens: Sequence[int], max_batch_tokens: int, tokens_step: int
) -> Iterator[dict[str, NDArray[np.generic]]]:
    """Yield batches that have, between them, the usual shapes of serving once they are rounded.

    Args:
        buckets_tokens: the lengths that will be served, rising.
        max_batch_tokens: most tokens of a batch.
        tokens_step: what the engine rounds the sum of tokens to.
    """
    longest = buckets_tokens[-1]
    for total in range(tokens_step, max_batch_tokens + 1, tokens_step)[:MOST_TOTALS]:
        rows = -(-total // longest)
        yield _batch([total // rows + (row < total % rows) for row in range(rows)])
    # More rows than this are short ones alone, which few catalogues have.
    most_rows = min(MOST_ROWS, max(ROWS_STEP, 2 * max_batch_tokens // longest))
    for rows in range(ROWS_STEP, most_rows + 1, ROWS_STEP):
        for length in range(LENGTH_STEP, longest + LENGTH_STEP, LENGTH_STEP):
            yield _batch([min(length, longest), *[1] * (rows - 1)])


def _batch(lengths: Sequence[int]) -> dict[str, NDArray[np.generic]]:
    own = np.array(lengths, dtype=np.int32)
    return {
        INPUT_IDS: np.zeros((len(own), own.max()), dtype=np.int32),
        LENGTHS: own,
        FIRST_LENGTHS: np.minimum(own, SHORT_FIRST_LENGTH).astype(np.int32),
    }
