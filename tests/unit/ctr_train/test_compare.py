"""Claims about comparing two models on the same rows."""

from __future__ import annotations

import numpy as np

from ctr_train.assess import assess
from ctr_train.click_log import ClickLog
from ctr_train.compare import Scored, compare


def test_a_worse_model_is_told_and_an_equal_one_is_not() -> None:
    """Noise on the score shows as a difference; a rescaled order does not change AUC."""
    rng = np.random.default_rng(0)
    truth = rng.beta(2, 3, size=2000)
    log = _log((rng.random(2000) < truth).astype(np.float64))
    good = Scored(truth, assess(log, truth, None))
    noisy = np.clip(truth + rng.normal(scale=0.4, size=2000), 0.01, 0.99)
    bad = Scored(noisy, assess(log, noisy, None))
    same = Scored(truth**2, assess(log, truth**2, None))

    worse = compare(log, bad, good, np.random.default_rng(1))
    equal = compare(log, same, good, np.random.default_rng(1))

    assert worse["auc"].high < 0 < worse["log_loss"].low
    assert "differs" in str(worse["auc"])
    assert equal["auc"].value == equal["auc"].low == equal["auc"].high == 0
    assert equal["log_loss"].value > 0


def test_equal_seeds_give_equal_intervals() -> None:
    """The bootstrap is reproducible."""
    rng = np.random.default_rng(0)
    truth = rng.random(300)
    log = _log((rng.random(300) < truth).astype(np.float64))
    first = Scored(truth, assess(log, truth, None))
    second = Scored(truth[::-1], assess(log, truth[::-1], None))

    one, two = (compare(log, first, second, np.random.default_rng(5)) for _ in range(2))

    assert one == two


def _log(click: np.ndarray[tuple[int], np.dtype[np.float64]]) -> ClickLog:
    rows = len(click)
    group = [f"g{row // 5}" for row in range(rows)]
    blank = [""] * rows
    return ClickLog(group, blank, blank, click, np.ones(rows), None, group, {})
