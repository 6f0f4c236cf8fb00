"""Claims about what the gate asks of a trimmed vocabulary."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctr_export.errors import GateFailedError
from ctr_export.trim.comparison import Comparison, check_comparison

GOOD = Comparison(
    pairs=1000,
    changed_pairs=20,
    max_abs_delta_probability=1e-7,
    auc_before=0.75,
    auc_after=0.749,
    changed_auc_before=0.7,
    changed_auc_after=0.6,
)


def test_a_small_cost_passes() -> None:
    """So does a comparison without AUC, and one that gained."""
    check_comparison(GOOD, auc_drop=0.002)
    check_comparison(replace(GOOD, auc_before=None), auc_drop=0.002)
    check_comparison(replace(GOOD, auc_after=0.8), auc_drop=0.0)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (replace(GOOD, max_abs_delta_probability=2e-6), r"moved by 2e-06 \(limit 1e-06\)"),
        (replace(GOOD, max_abs_delta_probability=float("nan")), "moved by nan"),
        (replace(GOOD, auc_after=0.74), r"1,000 pairs falls by 0\.0100 \(limit 0\.002\)"),
    ],
)
def test_what_moved_or_costs_too_much_is_refused(found: Comparison, sentence: str) -> None:
    """The sentence names figure and limit."""
    with pytest.raises(GateFailedError, match=sentence):
        check_comparison(found, auc_drop=0.002)
