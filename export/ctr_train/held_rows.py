"""Which held-out rows are evaluated when a log holds more than time allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_train.split import hash_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def limit_rows(
    rows: NDArray[np.int64], group: Sequence[str], *, most: int, seed: int
) -> NDArray[np.int64]:
    """Return at most `most` of `rows`, rising, whole groups as long as they fit.

    Groups are taken in the order of a hash, so that a larger limit only adds rows. The first group
    is cut where it alone exceeds the limit.

    Args:
        rows: row numbers of a split.
        group: the group of every row of the log.
        most: the limit.
        seed: keys the hash, apart from the split's own.
    """
    if len(rows) <= most:
        return rows
    order = {name: hash_unit(f"evaluate {name}", seed) for name in {group[row] for row in rows}}
    chosen = sorted(rows.tolist(), key=lambda row: (order[group[row]], group[row], row))
    # The group that the limit would cut is left out, unless it is the only one.
    end = most
    while end > 0 and group[chosen[end - 1]] == group[chosen[most]]:
        end -= 1
    return np.sort(np.array(chosen[: end or most], dtype=np.int64))
