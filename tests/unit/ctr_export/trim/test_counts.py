"""Claims about counting word pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctr_export.trim.counts import count_log, count_pieces, template_pieces
from ctr_service.bundle.features import Entity, FeatureSchema, FeatureSpec, FeatureType
from ctr_service.bundle.tokens import load_tokenizer
from ctr_train.checkpoint import load_checkpoint
from tests.support.tiny_model import make_tiny_model
from tests.support.trim_world import RARE, fit_trim_checkpoint, write_trim_log

if TYPE_CHECKING:
    from pathlib import Path

    from tokenizers import Tokenizer


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    """A tiny tokenizer with two-digit numbers."""
    words = ("lamp", "price", "unknown", "colour", "grey", "10", "11", "12")
    folder = make_tiny_model(tmp_path / "model", words=words)
    return load_tokenizer(folder / "tokenizer.json")


def test_a_text_counts_as_often_as_it_stands(tokenizer: Tokenizer) -> None:
    """Twice in one text, or once in two rows, is two uses."""
    uses = count_pieces(["lamp, lamp", "lamp", "lamp", "[SEP]"], tokenizer)
    assert [uses[_id(tokenizer, piece)] for piece in ("lamp", ",", "[SEP]")] == [4, 1, 0]


def test_the_template_holds_every_word_that_a_feature_may_render(tokenizer: Tokenizer) -> None:
    """Names, defaults, the word for a missing value, and buckets that no row fell into."""
    price = FeatureSpec(
        name="price",
        entity=Entity.ITEM,
        type=FeatureType.NUMBER,
        edges=tuple(float(edge) for edge in range(11)),
    )
    colour = FeatureSpec(name="colour", entity=Entity.ITEM, type=FeatureType.TEXT, default="grey")
    pieces = template_pieces(FeatureSchema(features=(price, colour)), tokenizer)
    for word in ("price", "unknown", "colour", "grey", "10", "11"):
        assert _id(tokenizer, word) in pieces
    assert _id(tokenizer, "12") not in pieces


def test_only_training_rows_are_counted(tmp_path: Path) -> None:
    """A word of held-out rows alone has no use, and another log than the fit's is said aloud."""
    checkpoint, log = fit_trim_checkpoint(tmp_path)
    said: list[str] = []
    loaded = load_checkpoint(checkpoint)
    tokenizer = load_tokenizer(loaded.tokenizer_path)
    assert RARE in log.read_text(encoding="utf-8")
    uses = count_log(loaded, log, said.append)
    assert uses[_id(tokenizer, "lamp")] > 100
    assert uses[_id(tokenizer, RARE)] == 0
    assert said == []
    other = write_trim_log(tmp_path / "other.csv", seed=1)
    count_log(loaded, other, said.append)
    assert len(said) == 1
    assert "not the log of the fit" in said[0]


def _id(tokenizer: Tokenizer, piece: str) -> int:
    number = tokenizer.token_to_id(piece)
    assert number is not None
    return number
