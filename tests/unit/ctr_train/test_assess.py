"""Claims about the figures of held-out rows."""

from __future__ import annotations

import numpy as np
import pytest

from ctr_train.assess import add_rivals, assess
from ctr_train.click_log import ClickLog

EXAMINATION = (1.0, 0.5, 0.1)


def make_log(
    *, rows: int = 600, seed: int = 0
) -> tuple[ClickLog, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Return rows whose clicks follow known attractions and EXAMINATION, and the attractions."""
    rng = np.random.default_rng(seed)
    attraction = rng.beta(2, 3, size=rows)
    position = (np.arange(rows) % 3 + 1).astype(np.int32)
    click = rng.random(rows) < attraction * np.asarray(EXAMINATION)[position - 1]
    words = [f"word{int(10 * a)} lamp" for a in attraction]
    log = ClickLog(
        query=[f"lamp {row // 3}" for row in range(rows)],
        title=words,
        item_id=[""] * rows,
        target=click.astype(np.float64),
        weight=np.ones(rows),
        position=position,
        group=[f"lamp {row // 3}" for row in range(rows)],
        features={},
    )
    return log, attraction


def test_auc_judges_the_served_score_and_log_loss_the_click_at_its_place() -> None:
    """With the true examination log loss is lower and calibration right; AUC is the score's."""
    log, attraction = make_log(rows=3000)
    with_places = assess(log, attraction, EXAMINATION).figures
    without = assess(log, attraction, None).figures

    assert with_places["log_loss"] < without["log_loss"]
    assert with_places["ece"] < 0.03 < without["ece"]
    assert with_places["auc"] == without["auc"]
    assert with_places["auc_at_position"] > with_places["auc"]


def test_few_clicks_are_said_to_be_few() -> None:
    """Below 200 clicks a sentence says what they can show."""
    log, attraction = make_log(rows=300)
    train, _ = make_log(seed=1)
    judged = add_rivals(assess(log, attraction, EXAMINATION), log, train, seed=0)

    assert log.target.sum() < 200
    assert any("too few to rank models" in note for note in judged.notes)


def test_rivals_stand_beside_the_model() -> None:
    """The constant is the training rate, the baseline reads words, the interval holds the gain."""
    log, attraction = make_log(rows=3000)
    train, _ = make_log(rows=3000, seed=1)
    judged = add_rivals(assess(log, attraction, EXAMINATION), log, train, seed=0)
    figures = judged.figures

    assert figures["log_loss_gain"] == pytest.approx(
        figures["log_loss"] - figures["constant_log_loss"]
    )
    assert figures["log_loss_gain_low"] < figures["log_loss_gain"] < figures["log_loss_gain_high"]
    assert 0.5 < figures["baseline_auc"] <= figures["auc"] + 0.02
    assert not any("too few" in note for note in judged.notes)
