"""PyTorch's own logits, in float32: what every candidate is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_export.errors import ExportError
from ctr_train.collate import RowCollator
from ctr_train.model import uses_token_types
from ctr_train.scorer import TorchScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from ctr_export.samples import Sample

MAX_MEDIAN_DRIFT = 0.1
"""The trainer may have scored in bfloat16, which moves logits by hundredths; other texts or another
tokenizer move them by tenths and more."""


def reference_logits(model: PreTrainedModel, sample: Sample, *, pad_id: int) -> NDArray[np.float64]:
    """Score the rows with the checkpoint's model, float64 [rows].

    Raises:
        ExportError: they are not the logits that the trainer wrote down, so the texts, the
            tokenizer or the model are not the ones of the fit.
    """
    collator = RowCollator(pad_id=pad_id, token_types=uses_token_types(model.config))
    logits = TorchScorer(model, collator).logits(sample.rows)
    drift = float(np.median(np.abs(logits - sample.stored_logit)))
    if not drift <= MAX_MEDIAN_DRIFT:
        raise ExportError(
            f"PyTorch's logits differ from those in the checkpoint by {drift:.3g} in the median "
            f"(limit {MAX_MEDIAN_DRIFT}): it was fitted with other code; fit it again"
        )
    return logits
