"""Scoring the held-out rows of a fit, in float32: what every exported graph is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_service.bundle.calibration import sigmoid
from ctr_train.assess import add_rivals, assess_logits
from ctr_train.heldout import HeldOut
from ctr_train.metrics import base_rate, group_codes
from ctr_train.writing import Results

if TYPE_CHECKING:
    from ctr_train.assess import Assessment
    from ctr_train.inputs import Inputs
    from ctr_train.prepare import Prepared
    from ctr_train.progress import Reporter
    from ctr_train.scorer import TorchScorer
    from ctr_train.training import Trained

BASE_RATE_ROWS = 4_000


def judge(
    inputs: Inputs, prepared: Prepared, trained: Trained, scorer: TorchScorer, reporter: Reporter
) -> Results:
    """Score both held-out splits and judge them; beside the test split stand its rivals."""
    examination = None
    if inputs.ties is not None and trained.examination is not None:
        examination = tuple(float(share) for share in trained.examination[inputs.ties])
    codes = group_codes(inputs.log.group)
    held: dict[str, HeldOut] = {}
    assessments: dict[str, Assessment] = {}
    for name in ("validation", "test"):
        rows = inputs.part(name, inputs.config.eval_rows)
        part = inputs.log.take(rows)
        segments = prepared.segments(part)
        with reporter.bar(f"scoring {name} rows", len(rows)) as advance:
            logits = scorer.logits(prepared.rows(segments), advance)
        held[name] = HeldOut(
            rows, segments, part.target, part.weight, part.position, codes[rows], logits
        )
        assessments[name] = assess_logits(part, logits, examination)
        if name == "test":
            learnt = inputs.log.take(inputs.split.train)
            assessments[name] = add_rivals(assessments[name], part, learnt, seed=inputs.config.seed)
    return Results(held, assessments, examination, _base_rate(inputs, prepared, scorer))


def _base_rate(inputs: Inputs, prepared: Prepared, scorer: TorchScorer) -> float:
    """Return the mean target or, with positions, the mean P(click | examined) of a sample."""
    rows = inputs.split.train
    if inputs.ties is None:
        return base_rate(inputs.log.target[rows], inputs.log.weight[rows])
    rng = np.random.default_rng(inputs.config.seed)
    chosen = np.sort(rng.choice(rows, size=min(len(rows), BASE_RATE_ROWS), replace=False))
    sample = inputs.examples(prepared, chosen)
    return float(np.average(sigmoid(scorer.logits(sample.rows)), weights=sample.weight))
