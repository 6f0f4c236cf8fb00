"""Claims about the gate: a plan's faults are found, whatever the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_export.errors import PlanRefusedError
from ctr_export.gate import GateLimits
from ctr_export.samples import Sample
from ctr_export.tensorrt.gate import PlanGate
from ctr_export.triton.shapes import gpu_layout
from ctr_service.backend.base import INPUT_IDS, LENGTHS
from ctr_service.bundle.calibration import PlattCalibration
from ctr_service.types import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Tensors = Mapping[str, NDArray[np.generic]]

ROWS, LONGEST = 300, 20
LAYOUT = gpu_layout(LONGEST, max_batch_tokens=64)


def _gate() -> PlanGate:
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(ROWS):
        ids = rng.integers(1, 9, rng.integers(4, LONGEST + 1)).astype(np.int32)
        rows.append(Row.of(ids, 3))
    logits = np.array([_mean(row.ids) for row in rows])
    sample = Sample(
        rows=rows,
        target=(rng.random(ROWS) < 1 / (1 + np.exp(-logits))).astype(np.float64),
        weight=np.ones(ROWS),
        examined=np.ones(ROWS),
        group=np.zeros(ROWS, dtype=np.int64),
        stored_logit=logits,
    )
    calibration = PlattCalibration(slope=1.0, intercept=0.0)
    return PlanGate(sample, LAYOUT, calibration, GateLimits(), 0)


def _mean(ids: NDArray[np.generic]) -> float:
    return float(ids.sum(dtype=np.float64)) / max(1, len(ids)) - 4


def _exact(tensors: Tensors) -> NDArray[np.float32]:
    pairs = zip(tensors[INPUT_IDS], tensors[LENGTHS], strict=True)
    return np.array([_mean(ids[:length]) for ids, length in pairs], dtype=np.float32)


def _spoilt(change: Callable[[NDArray[np.float32], Tensors], None]) -> object:
    def run(tensors: Tensors) -> NDArray[np.float32]:
        logits = _exact(tensors)
        change(logits, tensors)
        return logits

    return run


def _rounded(logits: NDArray[np.float32], _: Tensors) -> None:
    logits[:] = logits.astype(np.float16)


def _overflown(logits: NDArray[np.float32], _: Tensors) -> None:
    logits[logits > 0.5] = np.inf


def _shifted(logits: NDArray[np.float32], _: Tensors) -> None:
    logits += 0.5


def _one_saturates(logits: NDArray[np.float32], tensors: Tensors) -> None:
    """One clicked row of 300 overflows inside and comes out as a finite number."""
    starts = (tensors[INPUT_IDS][:, :3] == 1).all(axis=1)
    logits[starts] = 3


def _dependent(logits: NDArray[np.float32], tensors: Tensors) -> None:
    if tensors[INPUT_IDS].shape[1] == LONGEST:
        logits += 0.1


def _padding_nan(logits: NDArray[np.float32], tensors: Tensors) -> None:
    logits[tensors[LENGTHS] == 0] = np.nan


def _padding_harms(logits: NDArray[np.float32], tensors: Tensors) -> None:
    if (tensors[LENGTHS] == 0).any():
        logits[:] += 1


def test_an_fp16_plan_passes() -> None:
    """Rounding to FP16 is within every limit, and the figures say how far it is."""
    figures = _gate().judge(_exact, _spoilt(_rounded))  # type: ignore[arg-type]  # -- a function
    assert figures.pairs == ROWS
    assert 0 < figures.max_delta < 1e-3
    assert figures.moved_max == 0
    assert figures.auc_drop is not None
    assert abs(figures.auc_drop) <= 0.002


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_overflown, "FP16 overflows"),
        (_shifted, "99th percentile of a probability's change is"),
        (_one_saturates, "largest change of a probability is 0.857, above 0.1"),
        (_dependent, "other batch-mates"),
        (_padding_nan, "an all-padding row of length 0 gives no finite number"),
        (_padding_harms, "an all-padding row of length 0 moves its neighbours by"),
    ],
    ids=["overflow", "shift", "one row", "batch-mates", "padding is NaN", "padding harms"],
)
def test_a_faulty_plan_is_refused(
    change: Callable[[NDArray[np.float32], Tensors], None], sentence: str
) -> None:
    """Overflow, a shift, one wrong row, dependence on the batch, padding: each is named."""
    with pytest.raises(PlanRefusedError) as caught:
        _gate().judge(_exact, _spoilt(change))  # type: ignore[arg-type]  # -- a function
    assert sentence in str(caught.value)
