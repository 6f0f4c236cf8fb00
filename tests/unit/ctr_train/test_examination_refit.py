"""Claims about fitting the position model once more, given the classifier's ranks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr_service.bundle.calibration import sigmoid
from ctr_train.examination_refit import refit_examination
from ctr_train.position import first_guess

TRUE_EXAMINATION = np.array([1.0, 0.66, 0.4, 0.2])


@pytest.mark.parametrize("squeeze", [0.3, 1.0, 4.0])
def test_examination_is_found_where_better_items_stand_higher(squeeze: float) -> None:
    """However badly scaled the logits are, their order frees examination from the ranker's work."""
    rng = np.random.default_rng(0)
    tie = rng.integers(0, 4, 60_000)
    logit = rng.normal(size=len(tie)) * 2 - tie * 0.8
    target = (rng.random(len(tie)) < TRUE_EXAMINATION[tie] * sigmoid(logit)).astype(np.float64)
    weight = np.ones(len(tie))
    counted = first_guess(tie, target, weight)
    refitted = refit_examination(squeeze * logit, tie, target, weight, counted)
    assert counted[3] < 0.6 * TRUE_EXAMINATION[3]
    np.testing.assert_allclose(refitted, TRUE_EXAMINATION, rtol=0.15)


def test_weights_count_as_repeated_rows() -> None:
    """A row of two impressions says what two rows say."""
    rng = np.random.default_rng(1)
    tie, logit = rng.integers(0, 4, 3_000), rng.normal(size=3_000)
    target = (rng.random(3_000) < 0.4 * TRUE_EXAMINATION[tie]).astype(np.float64)
    twice = np.repeat(np.arange(3_000), 2)
    learnt = TRUE_EXAMINATION
    weighted = refit_examination(logit, tie, target, np.full(3_000, 2.0), learnt)
    repeated = refit_examination(logit[twice], tie[twice], target[twice], np.ones(6_000), learnt)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-3)


@given(st.lists(st.tuples(st.floats(-9, 9), st.integers(0, 3), st.booleans()), min_size=1))
def test_examination_stays_a_probability(rows: list[tuple[float, int, bool]]) -> None:
    """Whatever was clicked, each tie lies in (0, 1], the first is 1, and no row means no change."""
    logit, tie, target = (np.array(column) for column in zip(*rows, strict=True))
    found = refit_examination(
        logit.astype(np.float64),
        tie.astype(np.int64),
        target.astype(np.float64),
        np.ones(len(rows)),
        TRUE_EXAMINATION,
    )
    assert found[0] == 1.0
    assert ((found > 0) & (found <= 1)).all()


def test_a_log_without_clicks_in_a_tie_keeps_it_above_zero() -> None:
    """Five clicks' worth of what was learnt stand against a handful of rows without any."""
    tie = np.array([0] * 50 + [1] * 5)
    target = np.array([1.0, 0.0] * 25 + [0.0] * 5)
    found = refit_examination(
        np.zeros(55), tie.astype(np.int64), target, np.ones(55), np.array([1.0, 0.5])
    )
    assert 0.2 < found[1] < 0.5
