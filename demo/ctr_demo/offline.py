"""Reading back what the offline steps computed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from ctr_demo.errors import DemoError
from ctr_train.checkpoint import METRICS_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def read_offline_scores(path: Path, log_rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the bundle's probabilities of these rows of the log, float64 [rows].

    Raises:
        DemoError: the file lacks a row.
    """
    table = pq.read_table(path, columns=["row", "probability"])
    known = np.asarray(table["row"].to_numpy(), dtype=np.int64)
    probability = np.asarray(table["probability"].to_numpy(), dtype=np.float64)
    order = np.argsort(known)
    places = np.searchsorted(known, log_rows, sorter=order).clip(max=len(known) - 1)
    chosen = order[places]
    if not np.array_equal(known[chosen], log_rows):
        raise DemoError(f"{path} holds other rows; remove it and run the demo again")
    scores: NDArray[np.float64] = probability[chosen]
    return scores


def read_metrics(checkpoint: Path) -> dict[str, float]:
    """Return the figures that training left beside the weights."""
    content = json.loads((checkpoint / METRICS_FILE).read_text(encoding="utf-8"))
    return {name: value for name, value in content.items() if isinstance(value, int | float)}
