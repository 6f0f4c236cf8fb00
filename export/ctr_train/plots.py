"""Pictures of a fit: ROC, calibration, and loss by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from ctr_train.metrics import ECE_BINS
from ctr_train.trainer import VALIDATION_METRIC

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

SIDE_INCHES = 5.0
DOTS_AN_INCH = 110


def plot_roc(
    path: Path,
    target: NDArray[np.float64],
    weight: NDArray[np.float64],
    scores: dict[str, NDArray[np.float64]],
) -> None:
    """Draw true against false positive rate, weighted by impressions.

    Args:
        path: the PNG to write.
        target: float64 [rows], click rates.
        weight: float64 [rows], impressions.
        scores: name in the legend -> float64 [rows].
    """
    figure, axes = _square()
    for name, score in scores.items():
        order = np.argsort(-score, kind="stable")
        hits = np.cumsum((weight * target)[order])
        misses = np.cumsum((weight * (1 - target))[order])
        # A curve is drawn at the end of each run of ties only.
        last = np.append(np.diff(score[order]) != 0, [True])
        across = np.concatenate([[0.0], misses[last] / misses[-1]])
        axes.plot(across, np.concatenate([[0.0], hits[last] / hits[-1]]), label=name)
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--", label="chance")
    axes.set(xlabel="share of non-clicks above", ylabel="share of clicks above", title="ROC, test")
    _save(figure, axes, path)


def plot_calibration(
    path: Path,
    target: NDArray[np.float64],
    weight: NDArray[np.float64],
    probability: NDArray[np.float64],
) -> None:
    """Draw the click rate against the mean prediction in 15 bins of equal impressions."""
    figure, axes = _square()
    order = np.argsort(probability, kind="stable")
    mass = np.cumsum(weight[order])
    bins = np.minimum((mass / mass[-1] * ECE_BINS).astype(int), ECE_BINS - 1)
    held = np.bincount(bins, weight[order], minlength=ECE_BINS)
    some = held > 0
    predicted = np.bincount(bins, (weight * probability)[order], minlength=ECE_BINS)[some]
    clicked = np.bincount(bins, (weight * target)[order], minlength=ECE_BINS)[some]
    held = held[some]
    top = 1.05 * max((predicted / held).max(), (clicked / held).max(), 1e-6)
    axes.plot([0, top], [0, top], color="0.7", linewidth=1, linestyle="--", label="ideal")
    axes.plot(predicted / held, clicked / held, marker="o", label="test")
    axes.set(
        xlabel="mean predicted probability",
        ylabel="click rate",
        title="Calibration, test",
        xlim=(0, top),
        ylim=(0, top),
    )
    _save(figure, axes, path)


def plot_loss(path: Path, history: Sequence[dict[str, float]]) -> None:
    """Draw training loss and validation log loss by step."""
    figure, axes = _square()
    for key, label, marker in (("loss", "training", ""), (VALIDATION_METRIC, "validation", "o")):
        points = [(entry["step"], entry[key]) for entry in history if key in entry]
        if points:
            steps, losses = zip(*points, strict=True)
            axes.plot(steps, losses, label=label, marker=marker)
    axes.set(xlabel="step", ylabel="log loss", title="Loss")
    _save(figure, axes, path)


def _square() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(SIDE_INCHES, SIDE_INCHES), dpi=DOTS_AN_INCH, layout="constrained")
    return figure, figure.add_subplot()


def _save(figure: Figure, axes: Axes, path: Path) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    axes.grid(visible=True, alpha=0.3)
    # A Figure without pyplot needs no window system. Equal runs write equal files.
    figure.savefig(path, format="png", metadata={"Software": None})
