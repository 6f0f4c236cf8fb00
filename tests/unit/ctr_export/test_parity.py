"""Claims about the figures of a comparison."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ctr_export.invariance import Moved
from ctr_export.parity import calibration_error, parity_figures, rank_correlation
from ctr_service.bundle.calibration import PlattCalibration, sigmoid
from ctr_train.metrics import ece
from tests.support.scripted_graph import make_sample

LOGITS = np.random.default_rng(0).normal(0, 1.5, 400)


def test_figures_are_those_of_the_definition() -> None:
    """Differences of logits and probabilities are taken row by row."""
    sample = make_sample(LOGITS)
    candidate = LOGITS + np.linspace(0, 0.5, 400)
    figures = parity_figures(
        LOGITS, candidate, sample, ruler=PlattCalibration(), shifted=Moved(0.3, 0.2)
    )
    delta = np.abs(sigmoid(candidate) - sigmoid(LOGITS))
    assert figures.pairs == 400
    assert figures.max_abs_delta_logit == pytest.approx(0.5)
    assert figures.max_abs_delta_probability == pytest.approx(delta.max())
    assert figures.p99_abs_delta_probability == pytest.approx(np.quantile(delta, 0.99))
    assert (figures.invariance_max, figures.invariance_p99) == (0.3, 0.2)


def test_reversed_lists_correlate_at_minus_one() -> None:
    """Each list is ranked on its own: turning every list round gives -1, whatever the whole."""
    group = np.arange(400) // 20
    offset = 10.0 * group
    assert rank_correlation(LOGITS + offset, -LOGITS + offset, group) == pytest.approx(-1)
    assert rank_correlation(LOGITS, LOGITS, group) == pytest.approx(1)


def test_order_of_rows_does_not_matter_to_lists() -> None:
    """Rows of a list need not stand together."""
    group = np.arange(400) // 20
    other = LOGITS + np.random.default_rng(1).normal(0, 0.5, 400)
    shuffle = np.random.default_rng(2).permutation(400)
    whole = rank_correlation(LOGITS, other, group)
    assert whole == pytest.approx(rank_correlation(LOGITS[shuffle], other[shuffle], group[shuffle]))


def test_rounding_of_equal_titles_is_no_swap() -> None:
    """Logits that differ by rounding only are tied, and a list of ties has no order."""
    reference = np.array([1.0, 1.0 + 1e-7, 2.0])
    candidate = np.array([1.0 + 1e-7, 1.0, 2.0])
    group = np.zeros(3, dtype=np.int64)
    assert rank_correlation(reference, candidate, group) == pytest.approx(1)
    assert rank_correlation(np.ones(3), np.ones(3), group) is None


def test_one_class_has_no_auc() -> None:
    """Without clicks AUC and its delta are None, not 0 or NaN."""
    sample = replace(make_sample(LOGITS), target=np.zeros(400))
    figures = parity_figures(LOGITS, LOGITS, sample, ruler=PlattCalibration(), shifted=Moved(0, 0))
    assert figures.auc is None
    assert figures.auc_delta is None


def test_positions_are_no_calibration_error() -> None:
    """A perfect P(click | examined) has no error on clicks that were examined half the time."""
    logits = np.random.default_rng(3).normal(0, 1, 40_000)
    sample = make_sample(logits)
    examined = np.full(len(sample), 0.5)
    seen = np.random.default_rng(4).random(len(sample)) < examined
    biased = replace(sample, target=sample.target * seen, examined=examined)
    blind = replace(biased, examined=np.ones(len(sample)))
    fair = calibration_error(logits, biased, PlattCalibration(), reference=logits)
    unfair = calibration_error(logits, blind, PlattCalibration(), reference=logits)
    assert fair is not None
    assert fair < 0.02
    assert unfair is not None
    assert unfair > 0.2


def test_few_rows_have_no_calibration_error() -> None:
    """Below ten rows a bin the figure is noise, so there is none."""
    sample = make_sample(LOGITS[:149])
    logits = LOGITS[:149]
    assert calibration_error(logits, sample, PlattCalibration(), reference=logits) is None


def test_the_calibration_error_is_the_trainers_where_nothing_was_rounded() -> None:
    """On the reference itself, without positions, it is the ECE that `ctr-train` prints."""
    sample = make_sample(LOGITS)
    ours = calibration_error(LOGITS, sample, PlattCalibration(), reference=LOGITS)
    assert ours == pytest.approx(ece(sample.target, sigmoid(LOGITS), sample.weight))


def test_rounding_moves_the_calibration_error_less_than_the_gate_allows() -> None:
    """At 1,000 rows a graph that errs by 0.1 of a logit at random, both ways, keeps its ECE."""
    logits = np.random.default_rng(5).normal(0, 1, 1_000)
    sample = make_sample(logits)
    exact = calibration_error(logits, sample, PlattCalibration(), reference=logits)
    assert exact is not None
    for seed in range(20):
        rounded = logits + np.random.default_rng(seed).normal(0, 0.1, 1_000)
        error = calibration_error(rounded, sample, PlattCalibration(), reference=logits)
        assert error is not None
        assert abs(error - exact) < 0.004
