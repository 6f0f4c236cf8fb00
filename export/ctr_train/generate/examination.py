"""P(a user looks at a position), relative to the top one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEASURED = (1.0, 0.97, 0.66, 0.60, 0.41, 0.28, 0.27, 0.18, 0.19, 0.18)
"""Measured on real result pages, positions 1 to 10, relative to position 1."""

DECAY = 0.5
"""Beyond position 10 nothing was measured. We go on with 0.18 x (10 / position) ** DECAY."""


def examination(position: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return P(examined) for positions counted from 1: measured up to 10, decaying beyond.

    Args:
        position: int [rows], at least 1.
    """
    last = len(MEASURED)
    head = np.array(MEASURED)[np.minimum(position, last) - 1]
    tail = MEASURED[-1] * (last / position) ** DECAY
    return np.where(position <= last, head, tail)
