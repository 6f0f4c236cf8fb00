"""The teacher of a distillation: a checkpoint, with all that its student keeps of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from ctr_service.bundle.template import Renderer
from ctr_service.errors import RequestInvalidError
from ctr_train.checkpoint import (
    TRAIN_CONFIG_FILE,
    Checkpoint,
    TeacherRecord,
    load_checkpoint,
    read_heldout,
)
from ctr_train.config import TrainConfig
from ctr_train.errors import CheckpointError, TrainError
from ctr_train.model import load_config
from ctr_train.prepare import Prepared
from ctr_train.rendering import render_log
from ctr_train.tokenizer_files import take_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_train.checkpoint import SplitName
    from ctr_train.click_log import ClickLog
    from ctr_train.split import Split

HELD_OUT: tuple[SplitName, ...] = ("validation", "test")
TOKEN_FIGURES = (
    "unknown_token_share",
    "unknown_token_share_before",
    "truncated_text_share",
    "mean_row_tokens",
)


@dataclass(frozen=True, slots=True)
class Teacher:
    """A teacher.

    Attributes:
        config: the options that it was trained with.
        log_sha256: digest of the log that it was trained on.
        layers: of its encoder.
    """

    checkpoint: Checkpoint
    config: TrainConfig
    log_sha256: str
    layers: int

    @property
    def ties(self) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
        """The tie of each position and the examination of each tie; None without a position model.

        Neighbouring positions with the same examination are one tie. int64 by `position - 1` from
        0, and float64 [ties], the first 1.
        """
        if self.checkpoint.info.examination is None:
            return None
        curve = np.asarray(self.checkpoint.info.examination, dtype=np.float64)
        first = np.concatenate([[True], np.diff(curve) != 0])
        ties = np.cumsum(first, dtype=np.int64) - 1
        return (ties, curve[first]) if ties[-1] > 0 else None

    def prepared(self, folder: Path) -> Prepared:
        """Return what rows are rendered and tokenised with; its tokenizer is copied to `folder`."""
        info = self.checkpoint.info
        take_tokenizer(self.checkpoint.folder, folder)
        known = {name: info.metrics.get(f"training.{name}") for name in TOKEN_FIGURES}
        figures = {name: value for name, value in known.items() if value is not None}
        return Prepared(info.features, info.template, folder, None, figures)

    def record(self, kept: tuple[int, ...]) -> TeacherRecord:
        """Return what a student writes down of its teacher."""
        info = self.checkpoint.info
        return TeacherRecord(
            model_name=info.model_name,
            weights_sha256=self.checkpoint.weights_sha256,
            layers=self.layers,
            kept=kept,
            metrics=info.metrics,
        )

    def why_not(self, log: Path) -> str:
        """Say why a log that is not the teacher's own is refused."""
        return (
            f"{log.name} is not the log that the teacher was trained on (its sha256 begins with "
            f"{self.log_sha256[:12]}): the student might learn from rows that the teacher is "
            "judged on. Give that log, or say --another-log if this one may be learnt from"
        )

    def check_split(self, log: ClickLog, split: Split, *, same_log: bool) -> None:
        """Prove that nothing is learnt from that the teacher is judged on.

        Args:
            log: the student's.
            split: of it.
            same_log: it is the teacher's own, so that row numbers mean the same.

        Raises:
            TrainError: a held-out row of the teacher is in the training split, the log has no
                positions and the teacher has a position model, or a feature has another type.
        """
        if self.checkpoint.info.examination is not None and log.position is None:
            raise TrainError(
                "the teacher has a position model and the log has no position column: its clicks "
                "cannot be read without"
            )
        if not same_log:
            self._check_features(log)
            return
        for name in HELD_OUT:
            held = read_heldout(self.checkpoint, name)
            learnt = int(np.isin(held.row, split.train).sum())
            if learnt:
                raise TrainError(
                    f"{learnt:,} {name} rows of the teacher are in the student's training split: "
                    "the split is not the teacher's, so nothing was trained"
                )

    def _check_features(self, log: ClickLog) -> None:
        info = self.checkpoint.info
        try:
            render_log(log, Renderer(info.template, info.features))
        except RequestInvalidError as error:
            raise TrainError(f"the log does not fit the teacher: {error}") from error


def load_teacher(folder: Path) -> Teacher:
    """Read a teacher and check every digest.

    Raises:
        CheckpointError: the folder is no checkpoint, or does not say how it was trained.
    """
    checkpoint = load_checkpoint(folder)
    try:
        record = json.loads((folder / TRAIN_CONFIG_FILE).read_text(encoding="utf-8"))
        config = TrainConfig.model_validate(record["config"])
        log_sha256 = str(record["log"]["sha256"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise CheckpointError(
            f"{folder / TRAIN_CONFIG_FILE} does not say how the teacher was trained "
            f"({type(error).__name__}), so its split is not known; fit it with this release"
        ) from error
    layers = int(load_config(folder).num_hidden_layers)
    return Teacher(checkpoint, config, log_sha256, layers)
