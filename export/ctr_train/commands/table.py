"""Figures of models or splits side by side, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN = (
    ("auc", "AUC"),
    ("auc_within_group", "AUC within a group"),
    ("baseline_auc", "AUC of TF-IDF + overlap"),
    ("log_loss", "log loss"),
    ("constant_log_loss", "log loss of a constant"),
    ("normalised_entropy", "normalised entropy"),
    ("ece", "calibration error (ECE)"),
    ("base_rate", "base rate"),
    ("mean_probability", "mean probability"),
    ("rows", "rows"),
    ("impressions", "impressions"),
    ("clicks", "clicks"),
)
"""Figures in the table, and what people call them."""

COUNTS = ("rows", "impressions", "clicks")


def figure_table(columns: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return lines: a column a split or model, a row a figure that at least one of them has."""
    lines = [f"{'':<26}" + "".join(f"{name:>14}" for name in columns)]
    for key, label in SHOWN:
        values = [figures.get(key) for figures in columns.values()]
        if any(value is not None for value in values):
            lines.append(f"{label:<26}" + "".join(f"{_cell(key, value):>14}" for value in values))
    return lines


def _cell(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if key in COUNTS else f"{value:.4f}"
