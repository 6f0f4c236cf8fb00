"""Scoring a log with a checkpoint, in PyTorch and float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_service.bundle.calibration import PlattCalibration
from ctr_train.checkpoint import load_checkpoint
from ctr_train.collate import RowCollator
from ctr_train.model import load_classifier, uses_token_types
from ctr_train.scorer import TorchScorer
from ctr_train.scoring import LogTokeniser, Scores

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ctr_train.click_log import ClickLog


class CheckpointModel:
    """A checkpoint that scores; its probability is the sigmoid of the logit."""

    def __init__(self, folder: Path) -> None:
        """Load a checkpoint.

        Raises:
            CheckpointError: absent, incomplete or tampered with.
        """
        checkpoint = load_checkpoint(folder)
        info = checkpoint.info
        model = load_classifier(folder)
        collator = RowCollator(
            pad_id=info.template.pad_id, token_types=uses_token_types(model.config)
        )
        self._scorer = TorchScorer(model, collator)
        self._tokeniser = LogTokeniser(checkpoint.tokenizer_path, info.template, info.features)
        self.name = f"checkpoint {folder}"
        self.figures: Mapping[str, float] = info.metrics

    def score(self, log: ClickLog, advance: Callable[[int], None]) -> Scores:
        """Score every row.

        Raises:
            TrainError: the log does not fit the model.
        """
        logit = self._scorer.logits(self._tokeniser.rows(log), advance)
        return Scores(logit, PlattCalibration().apply(logit))
