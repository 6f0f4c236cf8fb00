"""A complete checkpoint around a tiny random BERT, for tests of what reads checkpoints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import torch

from ctr_service.bundle.calibration import sigmoid
from ctr_service.bundle.features import Entity, FeatureSchema, FeatureSpec, FeatureType
from ctr_service.bundle.files import staged_directory
from ctr_service.bundle.template import InputTemplate, Renderer, Segment, SegmentName
from ctr_service.bundle.token_cache import TokenCache
from ctr_service.bundle.tokens import RowBuilder, load_tokenizer
from ctr_train.checkpoint import (
    HELDOUT_FILE,
    METRICS_FILE,
    TOKENIZER_FILE,
    TRAIN_CONFIG_FILE,
    CheckpointInfo,
    digest_files,
    write_info,
)
from ctr_train.collate import RowCollator
from ctr_train.heldout import HeldOut, write_heldout_file
from ctr_train.model import load_classifier, uses_token_types
from ctr_train.scorer import TorchScorer
from tests.support.tiny_model import make_tiny_model, one_torch_thread

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

    from ctr_service.bundle.template import Segments
    from ctr_service.types import FeatureValue, Row

TINY_SCHEMA = FeatureSchema(
    features=(
        FeatureSpec(
            name="price", entity=Entity.ITEM, type=FeatureType.NUMBER, edges=(10.0, 50.0, 200.0)
        ),
        FeatureSpec(name="brand", entity=Entity.ITEM, type=FeatureType.TEXT),
        FeatureSpec(name="segment", entity=Entity.USER, type=FeatureType.TEXT, default="new"),
    )
)
EXAMINATION = (1.0, 0.8, 0.6, 0.5, 0.4)
NAMES = ["lamp", "chair", "table", "shelf", "drill", "hammer"]
KINDS = [
    "red",
    "blue",
    "green",
    "large",
    "small",
    "steel",
    "wooden",
    "garden",
    "kitchen",
    "outdoor",
]
BRANDS = ("acme", "globex", "initech", "umbrella", None)
SEGMENTS = ("new", "frequent", None)
QUERIES, ITEMS_A_QUERY = 20, 10


def make_tiny_checkpoint(folder: Path, *, seed: int = 0) -> Path:
    """Write a checkpoint of 2 layers x 32 with 200 held-out rows, 100 a split; return `folder`.

    The head is scaled so that logits spread with deviation 1.5 around -0.5, and the targets are
    drawn from them and the examination by position, so AUC and calibration mean something.
    """
    rng = np.random.default_rng(seed)
    # Two threads on a tiny model spend their time waiting for one another.
    with one_torch_thread(), staged_directory(folder) as staged:
        make_tiny_model(staged, seed=seed)
        tokenizer = load_tokenizer(staged / TOKENIZER_FILE)
        template = _template(tokenizer)
        segments = _segments(rng, Renderer(template, TINY_SCHEMA))
        rows = RowBuilder(tokenizer, template, TokenCache(1 << 20)).build(segments).rows
        logits = _spread_head(load_classifier(staged), template.pad_id, rows, staged)
        _write_heldout(staged, rng, segments, logits)
        metrics = {"test.auc": 0.7}
        (staged / METRICS_FILE).write_text(json.dumps(metrics))
        (staged / TRAIN_CONFIG_FILE).write_text(json.dumps({"seed": seed}))
        info = CheckpointInfo(
            model_name="tiny",
            template=template,
            features=TINY_SCHEMA,
            base_rate=float(sigmoid(logits).mean()),
            target="P(click | examined)",
            examination=EXAMINATION,
            metrics=metrics,
            files=digest_files(staged),
            tools={"torch": torch.__version__},
        )
        write_info(staged, info)
    return folder


def _template(tokenizer: Tokenizer) -> InputTemplate:
    budgets = {
        SegmentName.QUERY: 8,
        SegmentName.TITLE: 16,
        SegmentName.ITEM: 12,
        SegmentName.USER: 6,
    }
    return InputTemplate(
        segments=tuple(Segment(name=name, max_tokens=most) for name, most in budgets.items()),
        cls_id=tokenizer.token_to_id("[CLS]"),
        sep_id=tokenizer.token_to_id("[SEP]"),
        pad_id=tokenizer.token_to_id("[PAD]"),
        separator_ids=(tokenizer.token_to_id("|"),),
    )


def _segments(rng: np.random.Generator, renderer: Renderer) -> list[Segments]:
    segments: list[Segments] = []
    for _ in range(QUERIES):
        user = SEGMENTS[rng.integers(len(SEGMENTS))]
        request = renderer.request(
            f"{rng.choice(KINDS)} {rng.choice(NAMES)}", {"segment": user} if user else {}, {}
        )
        for _ in range(ITEMS_A_QUERY):
            words = " ".join(rng.choice(KINDS, size=rng.integers(1, 8)))
            brand = BRANDS[rng.integers(len(BRANDS))]
            features: dict[str, FeatureValue] = {"price": float(rng.integers(1, 300))}
            if brand:
                features["brand"] = brand
            item = renderer.item(f"{words} {rng.choice(NAMES)}", features)
            segments.append(renderer.row(request, item))
    return segments


def _spread_head(
    model: PreTrainedModel, pad_id: int, rows: list[Row], folder: Path
) -> NDArray[np.float64]:
    collator = RowCollator(pad_id=pad_id, token_types=uses_token_types(model.config))
    scorer = TorchScorer(model, collator)
    before = scorer.logits(rows)
    scale = 1.5 / before.std()
    assert isinstance(model.classifier, torch.nn.Linear)
    with torch.no_grad():
        model.classifier.weight.mul_(scale)
        model.classifier.bias.fill_(-0.5 - float(before.mean()) * scale)
    model.save_pretrained(folder)
    return scorer.logits(rows)


def _write_heldout(
    folder: Path,
    rng: np.random.Generator,
    segments: list[Segments],
    logits: NDArray[np.float64],
) -> None:
    number = np.arange(len(segments), dtype=np.int64)
    position = (number % ITEMS_A_QUERY + 1).astype(np.int32)
    examined = np.asarray(EXAMINATION)[np.minimum(position, len(EXAMINATION)) - 1]
    rows = HeldOut(
        row=number,
        segments=segments,
        target=(rng.random(len(segments)) < examined * sigmoid(logits)).astype(np.float64),
        weight=np.ones(len(segments)),
        position=position,
        group=number // ITEMS_A_QUERY,
        logit=logits,
    )
    half = len(segments) // 2
    validation, test = _part(rows, slice(None, half)), _part(rows, slice(half, None))
    write_heldout_file(folder / HELDOUT_FILE, [("validation", validation), ("test", test)])


def _part(rows: HeldOut, where: slice) -> HeldOut:
    assert rows.position is not None
    return HeldOut(
        rows.row[where],
        rows.segments[where],
        rows.target[where],
        rows.weight[where],
        rows.position[where],
        rows.group[where],
        rows.logit[where],
    )
