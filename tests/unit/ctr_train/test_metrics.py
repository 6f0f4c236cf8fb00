"""Metrics against hand-made examples."""

from __future__ import annotations

import time

import numpy as np
import pytest

from ctr_train.metrics import (
    auc,
    auc_within_group,
    base_rate,
    ece,
    group_codes,
    log_loss,
    normalised_entropy,
    summarise,
)


def test_auc_counts_a_tie_as_half() -> None:
    """Clicks at .5 and .9, others at .5 and .1: of four pairs three are won and one is tied."""
    assert auc([1, 1, 0, 0], [0.5, 0.9, 0.5, 0.1]) == 3.5 / 4


def test_auc_of_equal_scores_is_one_half() -> None:
    """A constant ranks nothing, whatever the order of the rows."""
    assert auc([0, 1, 1, 0, 1], [0.3] * 5) == 0.5


def test_auc_of_a_rate_is_that_of_its_impressions() -> None:
    """A row of 10 impressions and 3 clicks counts as 3 clicks and 7 others."""
    assert auc([0.3, 0.8], [0.2, 0.6], [10, 5]) == pytest.approx(
        auc([1] * 3 + [0] * 7 + [1] * 4 + [0], [0.2] * 10 + [0.6] * 5)
    )


def test_auc_of_one_class_is_not_defined() -> None:
    """Without clicks, or without anything else, there is no pair to rank."""
    assert np.isnan(auc([1, 1], [0.1, 0.2]))
    assert np.isnan(auc([0, 0], [0.1, 0.2]))


def test_auc_within_group_averages_by_impressions() -> None:
    """Group a (weight 4) has AUC 1, b (weight 2) has 0, c has clicks only and does not count."""
    target = [1, 0, 1, 0, 1, 0, 1]
    score = [0.9, 0.1, 0.8, 0.2, 0.1, 0.9, 0.5]
    group = ["a", "a", "a", "a", "b", "b", "c"]
    assert auc_within_group(target, score, group=group) == pytest.approx(4 / 6)


def test_auc_within_group_ignores_differences_between_groups() -> None:
    """A score that tells groups apart and nothing else is worth one half."""
    target = [1, 1, 0, 0, 0, 1]
    group = ["a"] * 3 + ["b"] * 3
    score = [0.9] * 3 + [0.1] * 3
    assert auc(target, score) > 0.5
    assert auc_within_group(target, score, group=group) == 0.5


def test_ece_by_hand() -> None:
    """Two bins of two rows: gaps |.2 - 0| and |.7 - .5|, half of the rows each."""
    assert ece([0, 0, 1, 0], [0.1, 0.3, 0.6, 0.8], bins=2) == pytest.approx(0.2)


def test_ece_bins_hold_equal_impressions_not_rows() -> None:
    """One row of 3 impressions fills a bin of its own beside three rows of one."""
    value = ece([0, 0, 0, 1], [0.1, 0.2, 0.3, 0.9], [1, 1, 1, 3], bins=2)
    assert value == pytest.approx(0.5 * 0.2 + 0.5 * 0.1)


def test_ece_keeps_equal_predictions_together() -> None:
    """A constant at the base rate is calibrated, even when the rows come sorted by label."""
    assert ece([0] * 75 + [1] * 25, [0.25] * 100) == pytest.approx(0)


def test_ece_of_opposite_errors_within_a_bin_cancels() -> None:
    """Calibration is judged by bin: over- and under-prediction in one bin make up."""
    assert ece([0.2, 0.4], [0.3, 0.3], bins=1) == pytest.approx(0)


def test_base_rate_is_clicks_by_impressions() -> None:
    """Not the mean of the rates: large rows count more."""
    assert base_rate([0.5, 0.1], [2, 8]) == pytest.approx(0.18)


def test_normalised_entropy_of_the_base_rate_is_one() -> None:
    """The constant predictor is the unit; a better one lies below."""
    target = [0, 0, 0, 1]
    assert normalised_entropy(target, [0.25] * 4) == pytest.approx(1)
    assert normalised_entropy(target, [0.1, 0.1, 0.1, 0.7]) < 1
    assert np.isnan(normalised_entropy([1, 1], [0.5, 0.5]))


def test_log_loss_stays_finite_at_certain_errors() -> None:
    """A prediction of 0 for a click costs much, not infinitely much."""
    assert 30 < log_loss([1, 0], [0.0, 1.0]) < 40


def test_summarise_leaves_out_what_is_not_defined() -> None:
    """NaN is no JSON; counts are there all the same."""
    figures = summarise([0, 0], [0.1, 0.2], [1, 1], group=["a", "b"])
    assert "auc" not in figures
    assert "normalised_entropy" not in figures
    assert (figures["rows"], figures["clicks"], figures["groups"]) == (2, 0, 2)
    assert all(np.isfinite(value) for value in figures.values())


def test_groups_are_coded_by_equality() -> None:
    """Texts and ready codes both work."""
    assert group_codes(["b", "a", "b"]).tolist() == [0, 1, 0]
    codes = np.array([4, 4, 2])
    assert group_codes(codes) is codes


@pytest.mark.parametrize(
    ("target", "score", "weight"),
    [
        ([], [], None),
        ([1, 0], [0.5], None),
        ([1, 0], [0.5, float("nan")], None),
        ([1, 0], [0.5, 0.5], [0, 0]),
        ([1, 0], [0.5, 0.5], [1, -1]),
    ],
)
def test_impossible_arguments_are_refused(
    target: list[float], score: list[float], weight: list[float] | None
) -> None:
    """Lengths, NaN and weights are checked, so that no figure is silently wrong."""
    with pytest.raises(ValueError, match=r"."):
        auc(target, score, weight)


def test_a_million_rows_take_seconds() -> None:
    """Everything is vectorised: a loop over rows would take minutes."""
    rng = np.random.default_rng(0)
    rows = 1_000_000
    target = rng.integers(0, 2, rows).astype(float)
    started = time.process_time()
    figures = summarise(
        target, rng.random(rows), np.ones(rows), group=rng.integers(0, 50_000, rows)
    )
    assert time.process_time() - started < 20
    assert figures["auc_within_group"] == pytest.approx(0.5, abs=0.01)
