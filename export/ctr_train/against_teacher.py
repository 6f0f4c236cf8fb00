"""A student beside its teacher on the same held-out rows: what the lost layers cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.bundle.calibration import sigmoid
from ctr_train.assess import assess_logits
from ctr_train.compare import Scored, compare
from ctr_train.metrics import lift_kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from numpy.typing import NDArray

    from ctr_train.click_log import ClickLog
    from ctr_train.paired import Difference


@dataclass(frozen=True, slots=True)
class Size:
    """How large a model is."""

    layers: int
    parameters: int

    @classmethod
    def of(cls, model: torch.nn.Module, layers: int) -> Size:
        """Count a model's parameters."""
        return cls(layers, sum(parameter.numel() for parameter in model.parameters()))


@dataclass(frozen=True, slots=True)
class Contender:
    """One of the two models.

    Attributes:
        logit: float64 [rows], of P(click | examined).
    """

    logit: NDArray[np.float64]
    size: Size


@dataclass(frozen=True, slots=True)
class AgainstTeacher:
    """Student and teacher on the test rows.

    Attributes:
        student, teacher: figures, as `ctr_train.assess` makes them, both at the teacher's
            examination of each position, before any calibration.
        student_size, teacher_size: of both.
        differences: "auc" and "log_loss", the student's less the teacher's.
    """

    student: Mapping[str, float]
    teacher: Mapping[str, float]
    student_size: Size
    teacher_size: Size
    differences: Mapping[str, Difference]

    @property
    def lift_kept(self) -> float | None:
        """Share of the teacher's AUC above 0.5 that the student keeps; None where it has none."""
        ours, theirs = self.student.get("auc"), self.teacher.get("auc")
        return None if ours is None or theirs is None else lift_kept(ours, theirs)

    def metrics(self) -> dict[str, float]:
        """Return what the student's checkpoint keeps of it; all finite."""
        kept = self.lift_kept
        figures = {
            "teacher.layers": float(self.teacher_size.layers),
            "teacher.parameters": float(self.teacher_size.parameters),
            "student.layers": float(self.student_size.layers),
            "student.parameters": float(self.student_size.parameters),
            **({} if kept is None else {"student.lift_kept": kept}),
        }
        for name in ("auc", "log_loss", "ece"):
            if name in self.teacher:
                figures[f"teacher.{name}"] = self.teacher[name]
        for name, gap in self.differences.items():
            figures |= {
                f"student.{name}_less_teacher": gap.value,
                f"student.{name}_less_teacher_low": gap.low,
                f"student.{name}_less_teacher_high": gap.high,
            }
        return {name: value for name, value in figures.items() if np.isfinite(value)}


def compare_with_teacher(
    rows: ClickLog,
    student: Contender,
    teacher: Contender,
    *,
    examination: tuple[float, ...] | None,
    seed: int,
) -> AgainstTeacher:
    """Judge both on the same rows; differences come with a paired bootstrap interval over groups.

    Args:
        rows: held-out rows.
        student: with a logit for each of them.
        teacher: the same.
        examination: P(examined) by position, the teacher's.
        seed: of the bootstrap.
    """
    first, second = (
        Scored(sigmoid(one.logit), assess_logits(rows, one.logit, examination))
        for one in (student, teacher)
    )
    return AgainstTeacher(
        first.assessment.figures,
        second.assessment.figures,
        student.size,
        teacher.size,
        compare(rows, first, second, np.random.default_rng(seed)),
    )
