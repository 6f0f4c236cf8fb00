"""Leaving out training rows that hardly anybody looked at.

An unclicked row deep in a list says next to nothing: nobody saw it. Dropping rows by their position
alone leaves P(click | text, position) as it is (the selection depends on a covariate, not on the
click), so no weights are needed; it only spends the time on rows that teach something.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ctr_train.position import first_guess

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctr_train.examples import Examples

KEEP_FACTOR = 1.5
"""A row is kept with chance min(1, 1.5 x examination): all of the top, few of the deep end."""


def rows_worth_reading(examples: Examples, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the rows to train on, rising, int64.

    A row is kept with chance min(1, 1.5 x the first guess of its position's examination), whether
    or not it was clicked.

    Args:
        examples: the training split; all rows are kept without a position model.
        rng: decides which rows stay.
    """
    if examples.tie is None:
        return np.arange(len(examples))
    guess = first_guess(examples.tie, examples.target, examples.weight)
    chance = np.minimum(1.0, KEEP_FACTOR * guess[examples.tie])
    return np.flatnonzero(rng.random(len(examples)) < chance)


def take_examples(examples: Examples, rows: NDArray[np.int64]) -> Examples:
    """Return some rows, in the order given."""
    return replace(
        examples,
        rows=[examples.rows[row] for row in rows.tolist()],
        target=examples.target[rows],
        weight=examples.weight[rows],
        tie=None if examples.tie is None else examples.tie[rows],
        teacher=None if examples.teacher is None else examples.teacher[rows],
    )
