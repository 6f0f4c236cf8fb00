"""Rows that hardly anybody looked at are left out without bending the click rate."""

from __future__ import annotations

import numpy as np

from ctr_service.types import Row
from ctr_train.examples import Examples
from ctr_train.thinning import rows_worth_reading, take_examples

ROWS = 20_000
EXAMINATION = np.array([1.0, 0.5, 0.1])
ATTRACTION = 0.4


def _examples(*, with_positions: bool) -> Examples:
    """Draw clicks at three positions with a known examination."""
    rng = np.random.default_rng(1)
    tie = rng.integers(0, 3, ROWS)
    clicked = (rng.random(ROWS) < EXAMINATION[tie] * ATTRACTION).astype(np.float64)
    row = Row.of(np.array([1, 2, 3], dtype=np.int32), 2)
    return Examples([row] * ROWS, clicked, np.ones(ROWS), tie if with_positions else None)


def test_deep_positions_are_thinned_and_the_top_is_kept() -> None:
    """The top stays whole, of examination 0.5 three quarters do, and of 0.1 about a seventh."""
    examples = _examples(with_positions=True)
    kept = take_examples(examples, rows_worth_reading(examples, np.random.default_rng(2)))
    assert examples.tie is not None
    assert kept.tie is not None
    shares = np.bincount(kept.tie) / np.bincount(examples.tie)
    assert shares[0] == 1.0
    assert 0.65 < shares[1] < 0.85
    assert 0.1 < shares[2] < 0.2


def test_the_click_rate_of_a_position_stays() -> None:
    """Selection by position leaves P(click | position) where it was."""
    examples = _examples(with_positions=True)
    kept = take_examples(examples, rows_worth_reading(examples, np.random.default_rng(2)))
    assert kept.tie is not None
    rate = kept.target[kept.tie == 2].mean()
    assert abs(rate - EXAMINATION[2] * ATTRACTION) < 0.02


def test_without_positions_every_row_is_kept() -> None:
    """No position model, nothing to thin by."""
    kept = rows_worth_reading(_examples(with_positions=False), np.random.default_rng(2))
    assert len(kept) == ROWS
