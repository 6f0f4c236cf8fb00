"""Weighted metrics against scikit-learn on rows expanded to clicks and non-clicks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

from ctr_train.metrics import auc, auc_within_group, base_rate, ece, log_loss

UNHURRIED = settings(deadline=None)
"""A busy machine is no failure."""


class Rows(NamedTuple):
    """Counts and predictions of some rows; few distinct predictions, so that ties are common."""

    clicks: list[int]
    others: list[int]
    probability: list[float]
    group: list[str]

    @property
    def weight(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Impressions a row."""
        return np.add(self.clicks, self.others).astype(np.float64)

    @property
    def target(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Click rate a row."""
        return np.asarray(self.clicks, np.float64) / self.weight

    def expanded(self) -> tuple[list[int], list[float], list[int]]:
        """Labels, predictions and weights: one row for the clicks, one for the rest."""
        count = len(self.clicks)
        return [1] * count + [0] * count, self.probability * 2, self.clicks + self.others


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Up to 40 rows, each with an impression."""
    count = draw(st.integers(1, 40))
    clicks = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    others = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    others = [other or (click == 0) for click, other in zip(clicks, others, strict=True)]
    chance = st.one_of(st.sampled_from([0.1, 0.5, 0.9]), st.floats(0, 1))
    probability = draw(st.lists(chance, min_size=count, max_size=count))
    group = draw(st.lists(st.sampled_from("abc"), min_size=count, max_size=count))
    return Rows(clicks, [int(other) for other in others], probability, group)


@UNHURRIED
@given(rows())
def test_auc_equals_scikit_learns_on_expanded_rows(data: Rows) -> None:
    """A rate with its weight is two weighted rows."""
    assume(sum(data.clicks) and sum(data.others))
    label, probability, weight = data.expanded()
    expected = roc_auc_score(label, probability, sample_weight=weight)
    assert auc(data.target, data.probability, data.weight) == pytest.approx(expected, abs=1e-12)


@UNHURRIED
@given(rows())
def test_log_loss_equals_scikit_learns_on_expanded_rows(data: Rows) -> None:
    """The same for the cross-entropy, clipping included."""
    label, probability, weight = data.expanded()
    expected = sklearn_log_loss(label, probability, sample_weight=weight, labels=[0, 1])
    assert log_loss(data.target, data.probability, data.weight) == pytest.approx(expected)


@UNHURRIED
@given(rows())
def test_auc_within_group_is_the_mean_of_each_groups_auc(data: Rows) -> None:
    """One vectorised pass gives what a loop over groups gives."""
    names = np.array(data.group)
    values, masses = [], []
    for name in sorted(set(data.group)):
        own = names == name
        value = auc(data.target[own], np.array(data.probability)[own], data.weight[own])
        if not np.isnan(value):
            values.append(value)
            masses.append(data.weight[own].sum())
    found = auc_within_group(data.target, data.probability, data.weight, group=data.group)
    if values:
        assert found == pytest.approx(np.average(values, weights=masses), abs=1e-9)
    else:
        assert np.isnan(found)


@UNHURRIED
@given(rows())
def test_order_of_rows_does_not_matter(data: Rows) -> None:
    """Ties and bins do not depend on how the log is sorted."""
    order = np.argsort(data.probability)[::-1]
    shuffled = [np.asarray(part)[order] for part in (data.target, data.probability, data.weight)]
    for metric in (auc, log_loss, ece):
        before = metric(data.target, data.probability, data.weight)
        assert metric(*shuffled) == pytest.approx(before, abs=1e-12, nan_ok=True)


@UNHURRIED
@given(rows())
def test_ece_is_a_share_and_bounded_by_the_mean_error(data: Rows) -> None:
    """At least the overall bias, at most the mean absolute error."""
    chance = np.asarray(data.probability)
    bias = abs(np.average(chance, weights=data.weight) - base_rate(data.target, data.weight))
    error = np.average(abs(chance - data.target), weights=data.weight)
    value = ece(data.target, chance, data.weight)
    assert bias - 1e-12 <= value <= error + 1e-12
