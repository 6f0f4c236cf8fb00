"""PyTorch's own logits, in float32: what every candidate is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_export.errors import ExportError
from ctr_export.samples import spread_by_length
from ctr_train.collate import RowCollator
from ctr_train.model import uses_token_types
from ctr_train.scorer import TorchScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from ctr_export.samples import Sample

CHECKED_ROWS = 200
ROUNDING = 2e-5
"""Float32 sums in another order; the gate's own limit for float32 is fivefold, in probabilities."""
MAX_MEDIAN_DRIFT = 0.1
"""The trainer may have scored in bfloat16, which moves logits by hundredths; other texts or another
tokenizer move them by tenths and more."""


def reference_logits(model: PreTrainedModel, sample: Sample, *, pad_id: int) -> NDArray[np.float64]:
    """Return the logits of the checkpoint's model in float32, float64 [rows].

    The trainer wrote them down. 200 rows of all lengths are scored again: where those agree, so do
    the others; where they do not, by more than rounding, every row is scored again.

    Raises:
        ExportError: they are far from what the trainer wrote down, so the texts, the tokenizer or
            the model are not the ones of the fit.
    """
    collator = RowCollator(pad_id=pad_id, token_types=uses_token_types(model.config))
    scorer = TorchScorer(model, collator)
    checked = spread_by_length(sample.lengths, CHECKED_ROWS)
    again = scorer.logits([sample.rows[index] for index in checked])
    drift = np.abs(again - sample.stored_logit[checked])
    median = float(np.median(drift))
    if not median <= MAX_MEDIAN_DRIFT:
        raise ExportError(
            f"PyTorch's logits differ from those in the checkpoint by {median:.3g} in the median "
            f"(limit {MAX_MEDIAN_DRIFT}): it was fitted with other code; fit it again"
        )
    return sample.stored_logit if drift.max() <= ROUNDING else scorer.logits(sample.rows)
