"""The start without labels: when it is used, and that it teaches what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ctr_service.bundle.template import InputTemplate, Segment, SegmentName
from ctr_service.bundle.tokens import load_tokenizer
from ctr_service.types import Row
from ctr_train.checkpoint import TOKENIZER_FILE
from ctr_train.click_model import ClickModel
from ctr_train.collate import RowCollator
from ctr_train.examples import Examples
from ctr_train.model import load_classifier
from ctr_train.progress import Reporter
from ctr_train.scorer import TorchScorer
from ctr_train.similarity import TextSimilarity
from ctr_train.warm_start import Teaching, is_telling, warm_start
from tests.support.tiny_model import make_tiny_model, one_torch_thread

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 600
PAD = 0
LIKED, DISLIKED = 10, 11


def _examples(target: np.ndarray) -> Examples:
    """Rows of three tokens, of which the middle one is liked in every other row."""
    rows = [
        Row(np.array([2, LIKED if index % 2 else DISLIKED, 3], dtype=np.int32), 3)
        for index in range(len(target))
    ]
    return Examples(rows, target, np.ones(len(target)), None)


def test_a_similarity_that_tells_nothing_is_not_taught() -> None:
    """Random similarity has an AUC near one half and is refused; a telling one is taken."""
    rng = np.random.default_rng(3)
    target = (rng.random(ROWS) < 0.3).astype(np.float64)
    noise = rng.normal(size=ROWS).astype(np.float32)
    assert not is_telling(_examples(target), noise)[0]
    assert is_telling(_examples(target), (noise + 2 * target).astype(np.float32))[0]


def test_the_classifier_learns_the_similarity_and_keeps_the_level(tmp_path: Path) -> None:
    """Afterwards similar rows score higher, and the mean logit lies near the base rate's."""
    make_tiny_model(tmp_path)
    target = (np.arange(ROWS) % 5 == 0).astype(np.float64)
    examples = _examples(target)
    similarity = np.where(np.arange(ROWS) % 2, 1.0, -1.0).astype(np.float32)
    with one_torch_thread():
        torch.manual_seed(0)
        model = ClickModel(load_classifier(tmp_path), None)
        collator = RowCollator(pad_id=PAD, token_types=True)
        warm_start(model, examples, similarity, Teaching(collator, "fp32", 0), Reporter())
        logits = TorchScorer(model.classifier, collator).logits(examples.rows)
    assert logits[1::2].min() > logits[::2].max()
    assert abs(logits.mean() - np.log(0.2 / 0.8)) < 0.5


def test_equal_texts_are_more_alike_than_different_ones(tmp_path: Path) -> None:
    """Even an untrained encoder finds a text more similar to itself than to the other titles."""
    make_tiny_model(tmp_path)
    tokenizer = load_tokenizer(tmp_path / TOKENIZER_FILE)
    template = InputTemplate(
        segments=(Segment(name=SegmentName.QUERY, max_tokens=8),), cls_id=2, sep_id=3, pad_id=PAD
    )
    encoder = ClickModel(load_classifier(tmp_path), None).encoder
    collator = RowCollator(pad_id=PAD, token_types=True)
    similarity = TextSimilarity(encoder, tokenizer, template, collator, "fp32")
    texts = ["red shoe", "blue hat", "garden chair", "thermal mug"]
    same = similarity.of_pairs(texts, texts)
    other = similarity.of_pairs(texts, texts[1:] + texts[:1])
    assert (same > other).all()
