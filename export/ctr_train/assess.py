"""How good a model is on held-out rows, beside a constant and beside common words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.bundle.calibration import sigmoid
from ctr_train.baseline import fit_baseline
from ctr_train.bootstrap import loss_gain
from ctr_train.errors import LogError
from ctr_train.metrics import auc, auc_within_group, base_rate, summarise
from ctr_train.position import examination_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctr_train.bootstrap import LossGain
    from ctr_train.click_log import ClickLog

FEW_CLICKS = 200


@dataclass(frozen=True, slots=True)
class Assessment:
    """Figures of one split.

    Attributes:
        figures: name -> value. `auc` and `auc_within_group` judge P(click | examined), the score
            that serves; `log_loss`, `ece`, `normalised_entropy` and `mean_probability` judge
            P(click) at each row's own position, as clicks were made there. Without positions both
            are the same.
        click: float64 [rows], P(click) at the row's position.
        notes: sentences for people.
    """

    figures: dict[str, float]
    click: NDArray[np.float64]
    notes: tuple[str, ...] = ()


def assess(
    log: ClickLog, probability: NDArray[np.float64], examination: tuple[float, ...] | None
) -> Assessment:
    """Judge P(click | examined) of held-out rows.

    Args:
        log: the rows.
        probability: float64 [rows], P(click | examined).
        examination: P(examined) by position; None without a position model.
    """
    click = probability
    if examination is not None and log.position is not None:
        click = probability * examination_at(log.position, examination)
    figures = summarise(log.target, click, log.weight, group=log.group)
    if click is not probability:
        figures["auc_at_position"] = figures.pop("auc", float("nan"))
        figures["auc"] = auc(log.target, probability, log.weight)
        within = auc_within_group(log.target, probability, log.weight, group=log.group)
        figures["auc_within_group"] = within
    figures = {name: value for name, value in figures.items() if np.isfinite(value)}
    return Assessment(figures, click)


def assess_logits(
    log: ClickLog, logits: NDArray[np.float64], examination: tuple[float, ...] | None
) -> Assessment:
    """Judge the logits of P(click | examined) of held-out rows."""
    return assess(log, sigmoid(logits), examination)


def add_rivals(assessment: Assessment, log: ClickLog, train: ClickLog, *, seed: int) -> Assessment:
    """Add what a constant and TF-IDF with overlap reach on the same rows.

    Args:
        assessment: of `log`.
        log: held-out rows.
        train: the rows that the rivals learn from.
        seed: of the bootstrap and the baseline's inner split.
    """
    gain = loss_gain(
        log.target,
        assessment.click,
        log.weight,
        group=log.group,
        constant=base_rate(train.target, train.weight),
        rng=np.random.default_rng(seed),
    )
    figures = assessment.figures | {
        "constant_log_loss": gain.constant_log_loss,
        "log_loss_gain": gain.difference,
        "log_loss_gain_low": gain.low,
        "log_loss_gain_high": gain.high,
    }
    notes = (*assessment.notes, gain.sentence(), *_few_clicks(gain))
    try:
        words = fit_baseline(train, seed=seed).predict(log)
        figures["baseline_auc"] = auc(log.target, words, log.weight)
    except LogError as error:
        notes = (*notes, f"no TF-IDF baseline: {error}")
    kept = {name: value for name, value in figures.items() if np.isfinite(value)}
    return replace(assessment, figures=kept, notes=notes)


def _few_clicks(gain: LossGain) -> tuple[str, ...]:
    if gain.clicks >= FEW_CLICKS:
        return ()
    # 1.96 deviations of an AUC near 0.5 that rests on n clicks among many non-clicks.
    margin = 1.96 / np.sqrt(12 * max(1.0, gain.clicks))
    sentence = (
        f"the test split holds {gain.clicks:,.0f} clicks: enough to see whether the probabilities "
        "have the right level (mean, log loss within its interval), too few to rank models; an AUC "
        f"from them is uncertain by about +-{margin:.2f}"
    )
    return (sentence,)
