"""Judging one model, or two, on a split of a click log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ctr_service.bundle.files import PARTIAL_SUFFIX
from ctr_train.assess import assess
from ctr_train.compare import Scored, compare
from ctr_train.held_rows import limit_rows
from ctr_train.scoring import examination_of
from ctr_train.split import split_by_group

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_train.assess import Assessment
    from ctr_train.click_log import ClickLog
    from ctr_train.paired import Difference
    from ctr_train.progress import Reporter
    from ctr_train.scoring import Scores, ScoringModel

ALL = "all"


@dataclass(frozen=True, slots=True)
class SplitSpec:
    """Which rows of a log are meant.

    Attributes:
        part: "test", "validation", "train" or "all".
        most: at most so many rows, whole groups.
    """

    part: str
    seed: int
    validation_share: float
    test_share: float
    most: int

    @classmethod
    def of_training(
        cls, part: str, figures: Mapping[str, float], *, seed: int | None, most: int
    ) -> SplitSpec:
        """Return the split that a model was trained with, as its figures tell."""
        trained_seed = int(figures.get("split.seed", 0))
        return cls(
            part=part,
            seed=trained_seed if seed is None else seed,
            validation_share=figures.get("split.validation_share", 0.1),
            test_share=figures.get("split.test_share", 0.2),
            most=most,
        )

    def rows(self, log: ClickLog) -> NDArray[np.int64]:
        """Return row numbers.

        Raises:
            TrainError: the log cannot be split so.
        """
        rows = np.arange(len(log), dtype=np.int64)
        if self.part != ALL:
            split = split_by_group(
                log.group,
                seed=self.seed,
                validation_share=self.validation_share,
                test_share=self.test_share,
            )
            rows = split.named()[self.part]
        return limit_rows(rows, log.group, most=self.most, seed=self.seed)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        rows: int64, row numbers in the log.
        scores, assessments: one a model, in the order asked for.
        differences: first less second; empty for one model.
    """

    rows: NDArray[np.int64]
    scores: tuple[Scores, ...]
    assessments: tuple[Assessment, ...]
    differences: dict[str, Difference]


def evaluate_models(
    log: ClickLog, models: list[ScoringModel], spec: SplitSpec, reporter: Reporter
) -> Evaluation:
    """Score the rows of a split with one or two models, judge and compare them.

    Raises:
        TrainError: the log cannot be split, or does not fit a model.
    """
    rows = spec.rows(log)
    part = log.take(rows)
    # Both models are judged at the positions' examination that the first of them to know it learnt.
    known = (examination_of(model.figures) for model in models)
    examination = next((found for found in known if found is not None), None)
    scores: list[Scores] = []
    for model in models:
        with reporter.bar(f"scoring with {model.name}", len(rows)) as advance:
            scores.append(model.score(part, advance))
    judged = [Scored(s.probability, assess(part, s.probability, examination)) for s in scores]
    differences: dict[str, Difference] = {}
    if len(judged) > 1:
        differences = compare(part, judged[0], judged[1], np.random.default_rng(spec.seed))
    return Evaluation(rows, tuple(scores), tuple(s.assessment for s in judged), differences)


def write_scores(path: Path, log: ClickLog, evaluation: Evaluation) -> None:
    """Write a Parquet file: `row`, `target`, `weight`, and `logit`, `probability` a model.

    The columns of a second model begin with `against_`.
    """
    part = log.take(evaluation.rows)
    columns = {"row": evaluation.rows, "target": part.target, "weight": part.weight}
    for prefix, scores in zip(("", "against_"), evaluation.scores, strict=False):
        columns[f"{prefix}logit"] = scores.logit
        columns[f"{prefix}probability"] = scores.probability
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}{PARTIAL_SUFFIX}")
    pq.write_table(pa.table(columns), staged)
    staged.replace(path)
