"""One distillation from end to end: teacher -> fewer layers -> training -> checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from ctr_service.bundle.files import sha256_of, staged_directory
from ctr_train.against_teacher import Contender, Size, compare_with_teacher
from ctr_train.click_model import ClickModel, freeze, keep_layers, set_dropout
from ctr_train.errors import TrainError
from ctr_train.fit import VALIDATION_ROWS_A_PASS
from ctr_train.inputs import read_inputs
from ctr_train.judge import assess_held_out, score_held_out
from ctr_train.model import load_classifier
from ctr_train.position import ExaminationModel
from ctr_train.scorer import TorchScorer
from ctr_train.soft_targets import SoftTargets
from ctr_train.teacher import load_teacher
from ctr_train.trainer import Task
from ctr_train.training import Learner, class_weight_of
from ctr_train.tutor import Tutor
from ctr_train.workfolder import open_work_folder
from ctr_train.writing import write_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_service.clock import Clock
    from ctr_train.against_teacher import AgainstTeacher
    from ctr_train.distill_config import DistillConfig
    from ctr_train.inputs import Inputs
    from ctr_train.progress import Reporter
    from ctr_train.teacher import Teacher
    from ctr_train.training import Trained
    from ctr_train.workfolder import WorkFolder
    from ctr_train.writing import Results

LABELS_FILE = "teacher_logits.npy"
OPEN_SHARE = 1e-4
"""A learnt examination may be 1 at a lower place; a logit is finite only inside (0, 1)."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a student is to become, checked before anything is written.

    Attributes:
        kept: the teacher's layers that the student begins with, rising.
        inputs: log, split and training options.
        same_log: the log is the teacher's own.
    """

    teacher: Teacher
    kept: tuple[int, ...]
    config: DistillConfig
    inputs: Inputs
    same_log: bool


class Distiller:
    """Makes students of fewer layers."""

    def __init__(self, reporter: Reporter, clock: Clock) -> None:
        """Make a distiller.

        Args:
            reporter: told how it goes.
            clock: measures rows a second.
        """
        self._reporter = reporter
        self._clock = clock

    def distill(  # noqa: PLR0913 -- the last two are options by keyword
        self,
        teacher: Path,
        log: Path,
        out: Path,
        config: DistillConfig,
        *,
        resume: bool,
        another_log: bool,
    ) -> AgainstTeacher:
        """Train a student, write it as a checkpoint and return it beside its teacher.

        Args:
            teacher: a checkpoint of `ctr-train fit`, or of an earlier distillation.
            log: what the teacher was trained on.
            out: the student's folder; replaced as a whole when the training is over.
            config: options.
            resume: go on from where the same distillation was stopped.
            another_log: learn from a log that the teacher was not trained on.

        Raises:
            TrainError: teacher, log and options do not fit together; nothing was written.
        """
        for source in (teacher, log):
            _check_out(out, source)
        assignment = self._read(teacher, log, config, another_log=another_log)
        inputs = assignment.inputs
        work = open_work_folder(out, inputs.record, resume=resume)
        self._say_resumed(work, asked=resume)
        tutor = Tutor.open(assignment.teacher, work.tokenizer, self._reporter)
        trained = self._train(assignment, tutor, work)
        scorer = TorchScorer(trained.classifier, tutor.collator)
        held = score_held_out(inputs, tutor.prepared, scorer, self._reporter)
        examination = assignment.teacher.checkpoint.info.examination
        results = assess_held_out(inputs, held, examination)
        against = self._compare(assignment, tutor, trained, results)
        results = replace(
            results,
            teacher=assignment.teacher.record(assignment.kept),
            against_teacher=against.metrics(),
        )
        with staged_directory(out) as staged:
            write_checkpoint(staged, inputs, tutor.prepared, trained, results)
        work.remove()
        return against

    def _read(
        self, folder: Path, log: Path, config: DistillConfig, *, another_log: bool
    ) -> Assignment:
        """Read everything and check that it fits together."""
        teacher = load_teacher(folder)
        kept = config.kept(teacher.layers)
        if not log.is_file():
            raise TrainError(f"{log} is no file; --data names the log of the teacher")
        same_log = sha256_of(log) == teacher.log_sha256
        if not same_log and not another_log:
            raise TrainError(teacher.why_not(log))
        inputs = read_inputs(log, config.training(teacher.config, folder), self._reporter)
        teacher.check_split(inputs.log, inputs.split, same_log=same_log)
        if not same_log:
            self._reporter.warn(
                "this is not the teacher's log: a held-out row of the teacher may be learnt from "
                "where its group has another name here"
            )
        ties = None if teacher.ties is None else teacher.ties[0]
        record = {
            **inputs.record,
            "teacher": {
                "weights_sha256": teacher.checkpoint.weights_sha256,
                "layers": teacher.layers,
                "kept": list(kept),
            },
            "distill": config.model_dump(mode="json"),
        }
        inputs = replace(inputs, ties=ties, record=record)
        return Assignment(teacher, kept, config, inputs, same_log)

    def _say_resumed(self, work: WorkFolder, *, asked: bool) -> None:
        if work.resume_from is not None:
            self._reporter.say(f"going on from {work.resume_from.name}")
        elif asked:
            self._reporter.say("nothing to resume: no whole state of this distillation was found")

    def _train(self, assignment: Assignment, tutor: Tutor, work: WorkFolder) -> Trained:
        inputs, config = assignment.inputs, assignment.config
        train = inputs.examples(tutor.prepared, inputs.part("train"))
        resumed = work.resume_from is not None
        labels = tutor.label(train.rows, work.folder / LABELS_FILE, resumed=resumed)
        train = replace(train, teacher=labels)
        validation = inputs.part("validation", VALIDATION_ROWS_A_PASS)
        task = Task(
            train=train,
            validation=inputs.examples(tutor.prepared, validation),
            collator=tutor.collator,
            precision=str(inputs.config.precision),
            class_weight=class_weight_of(inputs.config, train),
            new_words=False,
            soft_targets=SoftTargets(config.temperature, config.click_share),
        )
        kept, total = ", ".join(map(str, assignment.kept)), assignment.teacher.layers
        self._reporter.say(f"the student begins with layers {kept} of the teacher's {total}")
        student = make_student(assignment.teacher, assignment.kept, seed=inputs.config.seed)
        return Learner(inputs.config, work, self._reporter, self._clock).train(student, task)

    def _compare(
        self, assignment: Assignment, tutor: Tutor, trained: Trained, results: Results
    ) -> AgainstTeacher:
        test = results.held["test"]
        return compare_with_teacher(
            assignment.inputs.log.take(test.row),
            Contender(test.logit, Size.of(trained.classifier, len(assignment.kept))),
            Contender(tutor.held_out(test, same_log=assignment.same_log), tutor.size),
            examination=results.examination,
            seed=assignment.inputs.config.seed,
        )


def make_student(teacher: Teacher, kept: tuple[int, ...], *, seed: int) -> ClickModel:
    """Return the teacher without the other layers; its embeddings and position model stay.

    The embeddings are the teacher's already. Their gradient is as large as the vocabulary, about a
    fourth of a step of three MiniLM layers, and what they could still learn is little.

    Args:
        teacher: whose weights the student begins with.
        kept: layers that stay.
        seed: of torch's global generator.

    Raises:
        TrainError: the model's layers cannot be told apart.
    """
    torch.manual_seed(seed)
    classifier = load_classifier(teacher.checkpoint.folder)
    keep_layers(classifier, kept)
    set_dropout(classifier, 0.0)
    freeze(classifier, 0, keep_words=False)
    if teacher.ties is None:
        return ClickModel(classifier, None)
    examination = ExaminationModel(np.clip(teacher.ties[1], OPEN_SHARE, 1 - OPEN_SHARE))
    examination.requires_grad_(requires_grad=False)
    return ClickModel(classifier, examination)


def _check_out(out: Path, source: Path) -> None:
    """Refuse to write over what is read, into it, or over a folder that holds it."""
    here, there = out.resolve(), source.resolve()
    if here == there or there in here.parents or here in there.parents:
        raise TrainError(f"--out {out} would change or replace {source}; choose another folder")
