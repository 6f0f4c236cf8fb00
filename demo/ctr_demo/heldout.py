"""The held-out searches that the demo serves, and the labels of their rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ctr_demo.figures import HeldOutRows
from ctr_demo.searches import rebuild_searches, sample_searches
from ctr_train.checkpoint import load_checkpoint, read_heldout
from ctr_train.log import read_log

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_demo.plan import DemoPlan
    from ctr_demo.searches import Search
    from ctr_train.log import ClickLog

SEARCH_ID = "search_id"
TRUE_ATTRACTION = "true_attraction"
"""Columns that the generated log carries beside what a model may see."""


@dataclass(frozen=True, slots=True)
class HeldOutSearches:
    """Searches of the test split.

    Attributes:
        searches: in serving order.
        log_rows: int64 [rows], the log's row behind each served item, in serving order.
        rows: labels, in serving order.
    """

    searches: list[Search]
    log_rows: NDArray[np.int64]
    rows: HeldOutRows


def read_held_out_searches(plan: DemoPlan) -> HeldOutSearches:
    """Rebuild searches from the rows that the checkpoint held out as its test split."""
    checkpoint = load_checkpoint(plan.checkpoint)
    log = read_log(plan.log, group_column=plan.group_column)
    extra = _own_columns(plan.log) if plan.data is None else {}
    identities = extra.get(SEARCH_ID)
    found = rebuild_searches(
        log,
        read_heldout(checkpoint, "test").row,
        None if identities is None else [str(ident) for ident in identities],
    )
    searches = sample_searches(found, plan.searches, plan.seed)
    log_rows = np.array([item.row for s in searches for item in s.items], dtype=np.int64)
    attraction = extra.get(TRUE_ATTRACTION)
    rows = HeldOutRows(
        target=log.target[log_rows],
        weight=log.weight[log_rows],
        examined=_examined(log, log_rows, checkpoint.info.examination),
        search=np.repeat(np.arange(len(searches)), [len(s.items) for s in searches]),
        attraction=None if attraction is None else attraction[log_rows].astype(np.float64),
    )
    return HeldOutSearches(searches, log_rows, rows)


def _own_columns(log_file: Path) -> dict[str, NDArray[np.generic]]:
    frame = pd.read_csv(log_file, usecols=[SEARCH_ID, TRUE_ATTRACTION])
    return {name: frame[name].to_numpy() for name in frame.columns}


def _examined(
    log: ClickLog, log_rows: NDArray[np.int64], examination: Sequence[float] | None
) -> NDArray[np.float64] | None:
    if log.position is None or examination is None:
        return None
    curve = np.asarray(examination, dtype=np.float64)
    # A position beyond the last one that was learnt takes the last.
    examined: NDArray[np.float64] = curve[np.minimum(log.position[log_rows], len(curve)) - 1]
    return examined
