"""Splits by keyed hash."""

from __future__ import annotations

import numpy as np
import pytest

from ctr_train.errors import LogError, TrainError
from ctr_train.split import hash_unit, resolve_validation_share, split_by_group

GROUPS = [f"query {row % 2000}" for row in range(10_000)]


def test_the_hash_is_the_same_on_every_machine() -> None:
    """Pinned values: a change would move rows between splits of logs already reported on."""
    assert hash_unit("red shoes", 0) == 0.699560816306746
    assert hash_unit("红鞋", 7) == 0.00911750620248486


def test_shares_are_about_those_asked_for() -> None:
    """2,000 groups fall near 10 % and 20 %."""
    split = split_by_group(GROUPS, seed=3)
    assert len(split.validation) / len(GROUPS) == pytest.approx(0.1, abs=0.02)
    assert len(split.test) / len(GROUPS) == pytest.approx(0.2, abs=0.03)


def test_another_seed_makes_another_split() -> None:
    """Seeds are independent: test rows of two seeds overlap as chance has it."""
    first, second = (split_by_group(GROUPS, seed=seed).test for seed in (0, 1))
    overlap = len(np.intersect1d(first, second)) / len(first)
    assert overlap == pytest.approx(0.2, abs=0.06)


@pytest.mark.parametrize("groups", [["a", "b"], ["a"], []])
def test_fewer_than_three_groups_are_refused(groups: list[str]) -> None:
    """Three splits need three groups; the error says what to do."""
    with pytest.raises(LogError, match="--group"):
        split_by_group(groups, seed=0)


@pytest.mark.parametrize("shares", [(0.0, 0.2), (0.1, 0.0), (0.5, 0.5), (-0.1, 0.2)])
def test_shares_must_leave_three_splits(shares: tuple[float, float]) -> None:
    """Zero, negative or too large shares are refused."""
    with pytest.raises(TrainError, match="share"):
        split_by_group(GROUPS, seed=0, validation_share=shares[0], test_share=shares[1])


@pytest.mark.parametrize(
    ("rows", "share"),
    [(100, 0.1), (7_000, 0.1), (10_000, 0.07), (14_095, 0.05), (19_999, 0.05), (20_000, 0.1)],
)
def test_a_small_log_keeps_its_rows_to_learn_from(rows: int, share: float) -> None:
    """A tenth is held out to validate; of a small log less, as long as 700 rows are left."""
    assert resolve_validation_share("auto", rows) == pytest.approx(share)


def test_a_share_that_was_asked_for_stays() -> None:
    """Whatever the size of the log."""
    assert resolve_validation_share(0.3, 10_000) == 0.3
