"""Each promise of the demo can be broken."""

from __future__ import annotations

import pytest

from ctr_demo.checks import check_generated, check_serving

GOOD = {
    "auc_offline": 0.7812,
    "auc_served": 0.7812,
    "pairs": 100.0,
    "scored": 100.0,
    "auc_bayes": 0.80,
    "auc_baseline": 0.70,
    "ece_to_truth": 0.01,
    "normalised_entropy": 0.85,
}


def _broken(figures: dict[str, float]) -> list[str]:
    checks = [*check_serving(figures), *check_generated(figures)]
    return [check.name for check in checks if not check.holds]


def test_good_figures_break_nothing() -> None:
    """Figures inside every bound pass."""
    assert _broken(GOOD) == []


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("auc_offline", 0.7830, "served AUC equals"),
        ("scored", 99.0, "every candidate"),
        ("auc_bayes", 0.86, "Bayes AUC"),
        ("auc_baseline", 0.75, "word overlap"),
        ("auc_served", 0.76, "served AUC (share"),
        ("ece_to_truth", 0.021, "calibration error"),
        ("normalised_entropy", 0.95, "normalised entropy"),
    ],
)
def test_a_figure_out_of_bounds_breaks_its_check(name: str, value: float, verdict: str) -> None:
    """Each bound is broken by a figure just beyond it."""
    assert any(check.startswith(verdict) for check in _broken(GOOD | {name: value}))
