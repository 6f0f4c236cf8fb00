"""The rows that a checkpoint was fitted on, found again in the log by the split that it wrote down.

A checkpoint holds no training rows; its config says how the log was split, and the keyed hash puts
every group back on its side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from ctr_service.bundle.files import sha256_of
from ctr_service.bundle.template import Renderer
from ctr_service.errors import RequestInvalidError
from ctr_train.checkpoint import TRAIN_CONFIG_FILE
from ctr_train.errors import CheckpointError, TrainError
from ctr_train.log import read_log
from ctr_train.rendering import render_log
from ctr_train.split import split_by_group

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_service.bundle.template import Segments
    from ctr_train.checkpoint import Checkpoint


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    group: str
    seed: int
    validation_share: float
    test_share: float


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    sha256: str


class _Record(BaseModel):
    """What `train_config.json` says of the log and its split."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    config: _Options
    log: _File


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """The training split of a log, as the model reads it.

    Attributes:
        segments: the rendered texts of each row, in the template's order.
        same_log: whether the file is the very one of the fit.
    """

    segments: list[Segments]
    same_log: bool


def read_training_rows(checkpoint: Checkpoint, log_path: Path) -> TrainingRows:
    """Read a log and return the rows that the checkpoint's split puts on the training side.

    Another log will do, a newer one for example: no group that was held out comes back.

    Args:
        checkpoint: a verified one.
        log_path: CSV or Parquet.

    Raises:
        CheckpointError: the checkpoint does not say how its log was split.
        LogError: the log cannot be read.
        TrainError: the log does not fit the model.
    """
    path = checkpoint.folder / TRAIN_CONFIG_FILE
    try:
        record = _Record.model_validate_json(path.read_bytes())
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise CheckpointError(
            f"{TRAIN_CONFIG_FILE} does not say how the log was split ({where}); fit the model "
            "again with this release"
        ) from error
    options = record.config
    log = read_log(log_path, group_column=options.group)
    split = split_by_group(
        log.group,
        seed=options.seed,
        validation_share=options.validation_share,
        test_share=options.test_share,
    )
    info = checkpoint.info
    try:
        segments = render_log(log.take(split.train), Renderer(info.template, info.features))
    except RequestInvalidError as error:
        raise TrainError(f"the log does not fit the model: {error}") from error
    return TrainingRows(segments, sha256_of(log_path) == record.log.sha256)
