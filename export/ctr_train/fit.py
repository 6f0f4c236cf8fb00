"""One fit from end to end: log -> splits -> rows -> training -> figures -> checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ctr_service.bundle.files import staged_directory
from ctr_train.collate import RowCollator
from ctr_train.contrast import draw_contrast, why_no_contrast
from ctr_train.inputs import read_inputs
from ctr_train.judge import judge
from ctr_train.model import load_config, max_positions, uses_token_types
from ctr_train.precision import resolve_precision
from ctr_train.prepare import Preparer
from ctr_train.scorer import TorchScorer
from ctr_train.thinning import rows_worth_reading, take_examples
from ctr_train.trainer import Task
from ctr_train.training import Learner, build_model, class_weight_of
from ctr_train.warm_start import MIN_AUC, Teaching, pairs_for, set_level, warm_start
from ctr_train.workfolder import open_work_folder
from ctr_train.writing import write_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_service.clock import Clock
    from ctr_train.click_log import ClickLog
    from ctr_train.click_model import ClickModel
    from ctr_train.config import TrainConfig
    from ctr_train.examples import Examples
    from ctr_train.inputs import Inputs
    from ctr_train.prepare import Prepared
    from ctr_train.progress import Reporter
    from ctr_train.training import Trained
    from ctr_train.workfolder import WorkFolder
    from ctr_train.writing import Results

VALIDATION_ROWS_A_PASS = 4_000
"""Enough to tell states apart; more would only lengthen every validation pass of a fit."""


class Fitter:
    """Fits click models."""

    def __init__(self, reporter: Reporter, clock: Clock) -> None:
        """Make a fitter.

        Args:
            reporter: told how it goes.
            clock: measures rows a second.
        """
        self._reporter = reporter
        self._clock = clock

    def fit(self, log_path: Path, out: Path, config: TrainConfig, *, resume: bool) -> Results:
        """Train on a click log, write a checkpoint and return its figures.

        Args:
            log_path: CSV or Parquet.
            out: the checkpoint's folder; replaced as a whole when the fit is over.
            config: options.
            resume: go on from where the same fit (same options, log and base model) was stopped.

        Raises:
            TrainError: the log, the options or the base model will not do.
        """
        inputs = read_inputs(log_path, config, self._reporter)
        work = self._open(out, inputs, resume=resume)
        architecture = load_config(inputs.base_model)
        prepared = Preparer(inputs.base_model, work.tokenizer, self._reporter).prepare(
            inputs.log,
            inputs.split.train,
            max_positions=max_positions(architecture),
            extend_vocabulary=config.extend_vocabulary == "auto",
        )
        collator = RowCollator(
            pad_id=prepared.template.pad_id, token_types=uses_token_types(architecture)
        )
        trained = self._train(inputs, prepared, collator, work)
        scorer = TorchScorer(trained.classifier, collator)
        results = judge(inputs, prepared, trained, scorer, self._reporter)
        with staged_directory(out) as staged:
            write_checkpoint(staged, inputs, prepared, trained, results)
        work.remove()
        return results

    def _open(self, out: Path, inputs: Inputs, *, resume: bool) -> WorkFolder:
        work = open_work_folder(out, inputs.record, resume=resume)
        if work.resume_from is not None:
            self._reporter.say(f"going on from {work.resume_from.name}")
        elif resume:
            self._reporter.say("nothing to resume: no whole state of this very fit was found")
        return work

    def _train(
        self, inputs: Inputs, prepared: Prepared, collator: RowCollator, work: WorkFolder
    ) -> Trained:
        config, new_size = inputs.config, prepared.new_vocabulary_size
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        precision = resolve_precision(config.precision, device)
        rows = inputs.part("train")
        examples = inputs.examples(prepared, rows)
        kept = self._thin(examples, config)
        rows, examples = rows[kept], take_examples(examples, kept)
        task = Task(
            train=examples,
            validation=inputs.examples(prepared, inputs.part("validation", VALIDATION_ROWS_A_PASS)),
            collator=collator,
            precision=precision,
            class_weight=class_weight_of(config, examples),
            new_words=new_size is not None,
        )
        model = build_model(inputs.base_model, examples, config, new_size)
        if config.warm_start == "auto" and work.resume_from is None:
            self._warm_start(model, task, prepared, inputs.log.take(rows), config.seed)
        return Learner(config, work, self._reporter, self._clock).train(model, task)

    def _thin(self, examples: Examples, config: TrainConfig) -> NDArray[np.int64]:
        if config.thin_positions == "off":
            return np.arange(len(examples))
        kept = rows_worth_reading(examples, np.random.default_rng(config.seed))
        if len(kept) < len(examples):
            self._reporter.say(
                f"{len(examples) - len(kept):,} of {len(examples):,} training rows left out: "
                "hardly anybody looked at their positions (--thin-positions off keeps them)"
            )
        return kept

    def _warm_start(
        self, model: ClickModel, task: Task, prepared: Prepared, log: ClickLog, seed: int
    ) -> None:
        reason = why_no_contrast(log)
        if reason:
            self._reporter.say(f"no warm start: {reason}")
            return
        rng = np.random.default_rng(seed)
        contrast = draw_contrast(log, pairs_for(float(log.weight @ log.target)), rng)
        rows = prepared.rows(prepared.segments(contrast.log))
        teaching = Teaching(task.collator, task.precision, seed)
        value = warm_start(model, rows, contrast.right, teaching, self._reporter)
        if not value >= MIN_AUC:
            self._reporter.say(
                f"no warm start: clicked pairs cannot be told from random ones (AUC {value:.3f})"
            )
            return
        self._reporter.say(f"warm start: clicked pairs told from random ones, AUC {value:.3f}")
        scorer = TorchScorer(model.classifier, task.collator, precision=task.precision)
        set_level(model, task.train, scorer)
