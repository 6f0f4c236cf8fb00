"""Numbers that must not be served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_service.backend.base import LOGITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def rows_without_number(outputs: Mapping[str, NDArray[np.generic]]) -> dict[int, str]:
    """Find the rows whose logit is NaN or infinite; return why each failed."""
    logits = outputs.get(LOGITS)
    if logits is None or np.isfinite(logits.sum(dtype=np.float64)):
        return {}
    return {
        int(index): "the model gave no finite number for this row"
        for index in np.flatnonzero(~np.isfinite(logits))
    }
