"""What is known exactly about a generated log: the best that any model could reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_train.generate.examination import examination
from ctr_train.metrics import auc, auc_within_group, base_rate, ece, log_loss, normalised_entropy

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

TRUE_ATTRACTION = "true_attraction"


def bayes_figures(frame: pd.DataFrame) -> dict[str, float]:
    """Return the figures of the perfect model on rows of a generated log.

    `bayes_auc` ranks by the true P(click | examined), without position, as a served model must.
    `bayes_log_loss` and `bayes_normalised_entropy` compare clicks with the true P(click) =
    examination[position] * attraction. No model that sees no more than the features beats these in
    expectation; on few clicks one may by chance.

    Args:
        frame: at least the columns search_id, label, position and true_attraction.
    """
    clicked = frame["label"].to_numpy(np.float64)
    attraction = frame[TRUE_ATTRACTION].to_numpy(np.float64)
    chance = examination(frame["position"].to_numpy(np.int64)) * attraction
    search = np.unique(frame["search_id"].to_numpy(str), return_inverse=True)[1]
    return {
        "impressions": float(len(frame)),
        "searches": float(search.max() + 1),
        "queries": float(frame["query"].nunique()),
        "clicks": float(clicked.sum()),
        "click_rate": base_rate(clicked),
        "mean_attraction": float(attraction.mean()),
        "bayes_auc": auc(clicked, attraction),
        "bayes_auc_within_search": auc_within_group(clicked, attraction, group=search),
        "bayes_log_loss": log_loss(clicked, chance),
        "bayes_normalised_entropy": normalised_entropy(clicked, chance),
    }


def attraction_ece(predicted: ArrayLike, true_attraction: ArrayLike) -> float:
    """Return the calibration error of P(click | examined) against the truth, not against clicks.

    Fifteen bins of equal mass by prediction; the truth's mean stands for the click rate.

    Args:
        predicted: [rows] in [0, 1].
        true_attraction: [rows].
    """
    return ece(true_attraction, predicted)
