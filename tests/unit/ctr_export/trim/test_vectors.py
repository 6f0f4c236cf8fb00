"""Claims about dropping word vectors from a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from ctr_export.trim.vectors import ids_of_config, table_shape, trim_model
from ctr_train.model import load_classifier
from tests.support.tiny_model import tiny_config

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel

WORDS = 50


def _model(kind: str, pad: int) -> PreTrainedModel:
    config = tiny_config(kind, WORDS)
    config.pad_token_id = pad
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: PreTrainedModel = AutoModelForSequenceClassification.from_config(config)  # type: ignore[no-untyped-call]  # -- transformers leaves it untyped
    model.train(mode=False)
    return model


@pytest.mark.parametrize(
    ("kind", "pad"), [("bert", 0), ("bert", 9), ("distilbert", 0), ("roberta", 1)]
)
def test_kept_ids_give_the_same_logits(kind: str, pad: int, tmp_path: Path) -> None:
    """Old ids in the old model, new ids in the trimmed one, also after a way through files."""
    model = _model(kind, pad)
    old = torch.tensor([[11, 30, 31, 49, 12], [11, 31, 12, pad, pad]])
    mask = (old != pad).long()
    with torch.inference_mode():
        expected = model(input_ids=old, attention_mask=mask).logits
    kept = sorted({*old.flatten().tolist(), 20} | ids_of_config(model))
    new_ids = {number: place for place, number in enumerate(kept)}
    trim_model(model, new_ids)
    assert table_shape(model) == (len(kept), 32)
    model.save_pretrained(tmp_path)
    again = load_classifier(tmp_path)
    assert again.config.vocab_size == len(kept)
    assert again.config.pad_token_id == new_ids[pad]
    new = torch.tensor([[new_ids[int(number)] for number in row] for row in old])
    with torch.inference_mode():
        for one in (model, again):
            torch.testing.assert_close(
                one(input_ids=new, attention_mask=mask).logits, expected, rtol=0, atol=1e-6
            )


def test_positions_counted_from_padding_hold_the_padding_id() -> None:
    """RoBERTa counts positions from its padding id, so what lies below it stays; BERT does not."""
    assert ids_of_config(_model("roberta", 4)) >= {0, 1, 2, 3, 4}
    assert ids_of_config(_model("bert", 4)) == {4}
