"""The start before the labels: that it teaches what it says, and undoes what teaches nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from ctr_service.types import Row
from ctr_train.click_model import ClickModel
from ctr_train.collate import RowCollator
from ctr_train.examples import Examples
from ctr_train.model import load_classifier
from ctr_train.progress import Reporter
from ctr_train.scorer import TorchScorer
from ctr_train.warm_start import (
    BATCH_ROWS,
    MIN_AUC,
    PASSES,
    STEPS,
    Teaching,
    pairs_for,
    set_level,
    warm_start,
)
from tests.support.tiny_model import make_tiny_model, one_torch_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 1_200
PAD = 0
LIKED, DISLIKED = 10, 11
COLLATOR = RowCollator(pad_id=PAD, token_types=True)
TEACHING = Teaching(COLLATOR, "fp32", 0)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_torch_thread():
        yield


@pytest.fixture
def model(tmp_path: Path) -> ClickModel:
    """A tiny BERT."""
    make_tiny_model(tmp_path)
    torch.manual_seed(0)
    return ClickModel(load_classifier(tmp_path), None)


def rows() -> list[Row]:
    """Rows of three tokens, of which the middle one is liked in every other row."""
    return [
        Row.of(np.array([2, LIKED if index % 2 else DISLIKED, 3], dtype=np.int32), 3)
        for index in range(ROWS)
    ]


def test_the_classifier_learns_to_tell_right_from_wrong(model: ClickModel) -> None:
    """Afterwards every right row scores above every wrong one, and the AUC says so."""
    value = warm_start(model, rows(), np.arange(ROWS) % 2 == 1, TEACHING, Reporter())
    logits = TorchScorer(model.classifier, COLLATOR).logits(rows())
    assert value > 0.95
    assert logits[1::2].min() > logits[::2].max()


def test_pairs_that_cannot_be_told_apart_change_nothing(model: ClickModel) -> None:
    """The weights are those of before, to the bit."""
    before = {name: value.clone() for name, value in model.classifier.state_dict().items()}
    right = np.random.default_rng(3).random(ROWS) < 0.5
    assert warm_start(model, rows(), right, TEACHING, Reporter()) < MIN_AUC
    after = model.classifier.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_level_is_the_base_rates(model: ClickModel) -> None:
    """The mean logit moves to the log-odds of the click rate."""
    target = (np.arange(ROWS) % 5 == 0).astype(np.float64)
    examples = Examples(rows(), target, np.ones(ROWS), None)
    scorer = TorchScorer(model.classifier, COLLATOR)
    set_level(model, examples, scorer)
    assert scorer.logits(examples.rows).mean() == pytest.approx(np.log(0.2 / 0.8), abs=0.05)


def test_few_clicks_make_few_steps() -> None:
    """A log is drawn from at most four times; a large one is not read to its end."""
    assert pairs_for(100) == PASSES * 100
    assert pairs_for(1e6) == STEPS * BATCH_ROWS // 2
