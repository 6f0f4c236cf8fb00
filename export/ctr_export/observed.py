"""What was seen of the rows that a calibration is fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Observed:
    """Clicks and their circumstances; float64 [rows] each, group int64.

    Attributes:
        target: click rate in [0, 1].
        weight: impressions behind the row.
        examined: P(examined) where the row was shown, in (0, 1].
        group: a code a list; lists stay together in cross-validation.
    """

    target: Floats
    weight: Floats
    examined: Floats
    group: NDArray[np.int64]

    def take(self, where: NDArray[np.bool_]) -> Observed:
        """Return the rows of a mask."""
        return Observed(
            self.target[where], self.weight[where], self.examined[where], self.group[where]
        )
