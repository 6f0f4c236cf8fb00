"""Logits of rows from the PyTorch model: the reference that every exported graph is held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ctr_train.parallel import Workers
from ctr_train.precision import FP32, autocast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ctr_service.types import Row
    from ctr_train.collate import RowCollator

CHUNK_ROWS = 16
"""Chunks of 8 to 16 rows of like length beat larger ones on a CPU (facts.md)."""


def _no_progress(rows: int) -> None:
    """Tell nobody."""


class TorchScorer:
    """Scores rows sorted by length, so that little padding is computed."""

    def __init__(
        self, model: torch.nn.Module, collator: RowCollator, *, precision: str = FP32
    ) -> None:
        """Make a scorer.

        Args:
            model: a Hugging Face classifier with one logit.
            collator: pads rows to tensors.
            precision: "fp32" or "bf16".
        """
        self._model = model
        self._collator = collator
        self._precision = precision

    def logits(
        self, rows: Sequence[Row], progress: Callable[[int], None] = _no_progress
    ) -> NDArray[np.float64]:
        """Return one logit a row, float64 [rows], in the order of `rows`.

        Args:
            rows: may be empty.
            progress: called with the number of rows of each finished chunk.
        """
        logits = np.empty(len(rows), dtype=np.float64)
        order = np.argsort([row.length for row in rows], kind="stable")
        device = next(self._model.parameters()).device
        self._model.train(mode=False)

        def score(start: int) -> None:
            chunk = order[start : start + CHUNK_ROWS]
            inputs = self._collator.inputs([rows[index] for index in chunk])
            moved = {name: tensor.to(device) for name, tensor in inputs.items()}
            # Both modes belong to the thread that enters them.
            with torch.inference_mode(), autocast(self._precision, device):
                logits[chunk] = self._model(**moved).logits[:, 0].double().cpu().numpy()
            progress(len(chunk))

        Workers.for_device(device).map(score, range(0, len(rows), CHUNK_ROWS))
        return logits
