"""Writing a checkpoint folder: model, tokenizer, held-out rows, figures, plots, and info last."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctr_service.bundle.calibration import sigmoid
from ctr_service.bundle.files import write_text_aside
from ctr_train.checkpoint import (
    HELDOUT_FILE,
    METRICS_FILE,
    PLOTS_FOLDER,
    TRAIN_CONFIG_FILE,
    CheckpointInfo,
    digest_files,
    write_info,
)
from ctr_train.heldout import write_heldout_file
from ctr_train.plots import plot_calibration, plot_loss, plot_roc
from ctr_train.scoring import examination_figures

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ctr_train.assess import Assessment
    from ctr_train.checkpoint import TeacherRecord
    from ctr_train.config import TrainConfig
    from ctr_train.heldout import HeldOut
    from ctr_train.inputs import Inputs
    from ctr_train.prepare import Prepared
    from ctr_train.training import Trained


@dataclass(frozen=True, slots=True)
class Results:
    """What a trained model showed on held-out rows.

    Attributes:
        held: "validation" and "test" -> rows with logits.
        assessments: "validation" and "test" -> figures.
        examination: P(examined) by position; None without a position model.
        base_rate: click rate of the training split, with positions of the rows looked at.
        teacher: what the model was distilled from, if it was.
        against_teacher: figures of the student beside its teacher's, written among the metrics.
    """

    held: dict[str, HeldOut]
    assessments: dict[str, Assessment]
    examination: tuple[float, ...] | None
    base_rate: float
    teacher: TeacherRecord | None = None
    against_teacher: Mapping[str, float] = field(default_factory=dict)


def write_checkpoint(
    folder: Path,
    inputs: Inputs,
    prepared: Prepared,
    trained: Trained,
    results: Results,
) -> None:
    """Fill a staged folder.

    Args:
        folder: empty; it takes its final name when all is written.
        inputs: the exact config, and the record for `train_config.json`.
        prepared: template, schema and tokenizer.
        trained: the best state.
        results: held-out rows and figures.
    """
    config = inputs.config
    trained.classifier.save_pretrained(folder)
    for file in sorted(prepared.tokenizer_folder.iterdir()):
        shutil.copyfile(file, folder / file.name)
    write_heldout_file(
        folder / HELDOUT_FILE,
        [("validation", results.held["validation"]), ("test", results.held["test"])],
    )
    metrics = _metrics(config, prepared, trained, results)
    notes = [note for part in results.assessments.values() for note in part.notes]
    _write_json(folder / METRICS_FILE, {**metrics, "notes": notes})
    _write_json(folder / TRAIN_CONFIG_FILE, inputs.record)
    _draw(folder / PLOTS_FOLDER, trained, results)
    info = CheckpointInfo(
        model_name=config.model_name,
        template=prepared.template,
        features=prepared.schema,
        base_rate=results.base_rate,
        target=_target(config, results),
        examination=results.examination,
        metrics=metrics,
        files=digest_files(folder),
        tools=inputs.tools,
        teacher=results.teacher,
    )
    write_info(folder, info)


def _metrics(
    config: TrainConfig, prepared: Prepared, trained: Trained, results: Results
) -> dict[str, float]:
    figures = {
        f"{split}.{name}": value
        for split, assessment in results.assessments.items()
        for name, value in assessment.figures.items()
    }
    figures |= {f"training.{name}": value for name, value in prepared.figures.items()}
    if results.examination is not None:
        figures |= examination_figures(results.examination)
    figures |= results.against_teacher
    # The split in numbers, so that a bundle, which keeps these figures, can be judged on it too.
    return figures | {
        "training.rows_per_second": trained.rows_per_second,
        "split.seed": float(config.seed),
        "split.validation_share": float(config.validation_share),
        "split.test_share": config.test_share,
    }


def _target(config: TrainConfig, results: Results) -> str:
    if config.target is not None:
        return config.target
    if results.examination is not None:
        return "P(click | examined)"
    counted = (results.held["test"].weight != 1).any()
    return "P(click)" if counted else "P(label)"


def _draw(folder: Path, trained: Trained, results: Results) -> None:
    folder.mkdir()
    test = results.held["test"]
    plot_roc(folder / "roc.png", test.target, test.weight, {"model": sigmoid(test.logit)})
    click = results.assessments["test"].click
    plot_calibration(folder / "calibration.png", test.target, test.weight, click)
    plot_loss(folder / "loss.png", trained.history)


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    write_text_aside(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
