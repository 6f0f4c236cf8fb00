"""The teacher's network at work: what it says of a student's rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_train.against_teacher import Size
from ctr_train.checkpoint import read_heldout
from ctr_train.collate import RowCollator
from ctr_train.model import load_classifier, uses_token_types
from ctr_train.scorer import TorchScorer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_service.types import Row
    from ctr_train.heldout import HeldOut
    from ctr_train.prepare import Prepared
    from ctr_train.progress import Reporter
    from ctr_train.teacher import Teacher


@dataclass(frozen=True, slots=True)
class Tutor:
    """A teacher that answers.

    Attributes:
        scorer: in float32: bf16 has steps of 1/128 between 1 and 2, where the demo's teacher has
            a quarter of all rows.
        prepared: how rows are rendered and tokenised, the same for the student.
    """

    teacher: Teacher
    scorer: TorchScorer
    collator: RowCollator
    prepared: Prepared
    size: Size
    reporter: Reporter

    @classmethod
    def open(cls, teacher: Teacher, tokenizer_folder: Path, reporter: Reporter) -> Tutor:
        """Load the teacher's network; its tokenizer is copied to `tokenizer_folder`."""
        prepared = teacher.prepared(tokenizer_folder)
        model = load_classifier(teacher.checkpoint.folder)
        collator = RowCollator(
            pad_id=prepared.template.pad_id, token_types=uses_token_types(model.config)
        )
        size = Size.of(model, teacher.layers)
        return cls(teacher, TorchScorer(model, collator), collator, prepared, size, reporter)

    def label(self, rows: list[Row], file: Path, *, resumed: bool) -> NDArray[np.float64]:
        """Return a logit a row, float64 [rows], and keep them in `file` for a resumed run.

        Args:
            rows: the training rows.
            file: in the work folder.
            resumed: the file was written for these very rows.
        """
        if resumed and file.is_file():
            stored: NDArray[np.float64] = np.load(file)
            return stored
        with self.reporter.bar("labelling rows with the teacher", len(rows)) as advance:
            logits = self.scorer.logits(rows, advance)
        aside = file.with_suffix(".part.npy")
        np.save(aside, logits)
        aside.rename(file)
        return logits

    def held_out(self, rows: HeldOut, *, same_log: bool) -> NDArray[np.float64]:
        """Return a logit for each held-out row of the student, float64 [rows].

        Args:
            rows: of the test split.
            same_log: row numbers mean the same as in the teacher's checkpoint, whose stored logits
                are taken where it holds these rows.
        """
        stored = read_heldout(self.teacher.checkpoint, "test")
        if same_log and np.array_equal(stored.row, rows.row):
            return stored.logit
        with self.reporter.bar("scoring test rows with the teacher", len(rows)) as advance:
            return self.scorer.logits(self.prepared.rows(rows.segments), advance)
