"""Scoring the held-out rows of a fit, in float32: what every exported graph is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_train.assess import add_rivals, assess_logits
from ctr_train.examination_refit import refit_examination
from ctr_train.heldout import HeldOut
from ctr_train.metrics import base_rate, group_codes
from ctr_train.position import examination_at
from ctr_train.thinning import rows_worth_reading, take_examples
from ctr_train.writing import Results

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctr_train.assess import Assessment
    from ctr_train.inputs import Inputs
    from ctr_train.prepare import Prepared
    from ctr_train.progress import Reporter
    from ctr_train.scorer import TorchScorer
    from ctr_train.training import Trained

REFIT_ROWS = 12_000
"""Training rows that the position model is fitted on once more, beside all validation rows."""


def judge(
    inputs: Inputs, prepared: Prepared, trained: Trained, scorer: TorchScorer, reporter: Reporter
) -> Results:
    """Score both held-out splits and judge them; beside the test split stand its rivals."""
    held = score_held_out(inputs, prepared, scorer, reporter)
    examination = None
    if inputs.ties is not None and trained.examination is not None:
        by_tie = _refit(inputs, prepared, scorer, trained.examination, held["validation"])
        examination = tuple(float(share) for share in by_tie[inputs.ties])
    return assess_held_out(inputs, held, examination)


def score_held_out(
    inputs: Inputs, prepared: Prepared, scorer: TorchScorer, reporter: Reporter
) -> dict[str, HeldOut]:
    """Return the rows of "validation" and "test" with the scorer's logits."""
    codes = group_codes(inputs.log.group)
    held: dict[str, HeldOut] = {}
    for name in ("validation", "test"):
        rows = inputs.part(name, inputs.config.eval_rows)
        part = inputs.log.take(rows)
        segments = prepared.segments(part)
        with reporter.bar(f"scoring {name} rows", len(rows)) as advance:
            logits = scorer.logits(prepared.rows(segments), advance)
        held[name] = HeldOut(
            rows, segments, part.target, part.weight, part.position, codes[rows], logits
        )
    return held


def assess_held_out(
    inputs: Inputs, held: dict[str, HeldOut], examination: tuple[float, ...] | None
) -> Results:
    """Judge scored rows at the examination of their positions; beside test stand its rivals."""
    assessments: dict[str, Assessment] = {}
    for name, rows_held in held.items():
        part = inputs.log.take(rows_held.row)
        assessments[name] = assess_logits(part, rows_held.logit, examination)
        if name == "test":
            learnt = inputs.log.take(inputs.split.train)
            assessments[name] = add_rivals(assessments[name], part, learnt, seed=inputs.config.seed)
    return Results(held, assessments, examination, _base_rate(inputs, examination))


def _refit(
    inputs: Inputs,
    prepared: Prepared,
    scorer: TorchScorer,
    learnt: NDArray[np.float64],
    validation: HeldOut,
) -> NDArray[np.float64]:
    """Return the examination of each tie; the test split has no say in it."""
    rng = np.random.default_rng(inputs.config.seed)
    rows = inputs.split.train
    seen = inputs.examples(prepared, rows)
    kept = rng.permutation(rows_worth_reading(seen, rng))[:REFIT_ROWS]
    sample = take_examples(seen, kept)
    ties, position = inputs.ties, validation.position
    if ties is None or position is None or sample.tie is None:
        return learnt
    return refit_examination(
        np.concatenate([scorer.logits(sample.rows), validation.logit]),
        np.concatenate([sample.tie, ties[np.minimum(position, len(ties)) - 1]]),
        np.concatenate([sample.target, validation.target]),
        np.concatenate([sample.weight, validation.weight]),
        learnt,
    )


def _base_rate(inputs: Inputs, examination: tuple[float, ...] | None) -> float:
    """Return the click rate of the training split; with positions, of the rows looked at."""
    train = inputs.log.take(inputs.split.train)
    if examination is None or train.position is None:
        return base_rate(train.target, train.weight)
    looked_at = float(train.weight @ examination_at(train.position, examination))
    return min(1.0, float(train.weight @ train.target) / looked_at)
