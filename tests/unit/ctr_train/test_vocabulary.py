"""Claims about adding a log's characters to a vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoTokenizer

from ctr_service.bundle.tokens import load_tokenizer
from ctr_train.checkpoint import TOKENIZER_FILE
from ctr_train.model import load_classifier
from ctr_train.vocabulary import (
    extend_embeddings,
    extend_tokenizer,
    is_wordpiece,
    missing_pieces,
)
from tests.support.tiny_model import make_tiny_model

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedModel

CHINESE = ["红色台灯", "红色 lamp", "台灯"] * 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny model folder that a test may change."""
    return make_tiny_model(tmp_path / "model")


def test_chinese_characters_are_missing_whole(folder: Path) -> None:
    """The normaliser parts them, so no `##` form is needed; a character once is left unknown."""
    tokenizer = load_tokenizer(folder / TOKENIZER_FILE)

    pieces = missing_pieces([*CHINESE, "鼠"], tokenizer)

    assert sorted(pieces) == sorted("红色台灯")


def test_characters_inside_a_word_get_their_inner_form(folder: Path) -> None:
    """A script with words of several letters needs `##` pieces for all but the first."""
    tokenizer = load_tokenizer(folder / TOKENIZER_FILE)

    assert set(missing_pieces(["щит"] * 5, tokenizer)) == {"щ", "##и", "##т"}


def test_the_extended_tokenizer_spells_the_log_and_keeps_old_ids(folder: Path) -> None:
    """Nothing of the log is unknown any more, old texts have old ids, and Transformers agrees."""
    path = folder / TOKENIZER_FILE
    before = load_tokenizer(path)
    texts = [*CHINESE, "щит " * 5]
    size = extend_tokenizer(path, missing_pieces(texts * 5, before))
    after = load_tokenizer(path)
    unknown = before.token_to_id("[UNK]")

    assert after.encode("red lamp").ids == before.encode("red lamp").ids
    assert size == after.get_vocab_size()
    for text in texts:
        ids = after.encode(text, add_special_tokens=False).ids
        assert unknown not in ids
        assert (
            AutoTokenizer.from_pretrained(folder)(text, add_special_tokens=False)["input_ids"]
            == ids
        )


def test_a_title_without_spaces_is_no_longer_too_long_a_word(folder: Path) -> None:
    """WordPiece gives up at 100 characters by default; a Thai title may be one such word."""
    path = folder / TOKENIZER_FILE
    title = "ส" * 150
    size = extend_tokenizer(path, missing_pieces([title], load_tokenizer(path)))
    after = load_tokenizer(path)

    assert size == after.get_vocab_size()
    assert after.token_to_id("[UNK]") not in after.encode(title, add_special_tokens=False).ids


def test_new_vectors_differ_and_old_ones_stay(folder: Path) -> None:
    """Each new token has a vector of its own, of the size of the old ones."""
    model = load_classifier(folder)
    old = _vectors(model)
    known = len(old)
    extend_embeddings(model, known + 3, torch.Generator().manual_seed(0))
    new = _vectors(model)

    assert torch.equal(new[:known], old)
    assert len(new) == known + 3
    assert model.config.vocab_size == known + 3
    assert torch.cdist(new[known:], new[known:])[0, 1:].min() > 0.1
    assert 0.3 < new[known:].std() / old.std() < 3


def test_a_tokenizer_of_another_kind_is_told(folder: Path) -> None:
    """Only WordPiece is extended."""
    path = folder / TOKENIZER_FILE
    assert is_wordpiece(path)

    path.write_text(path.read_text().replace('"WordPiece"', '"Unigram"'))

    assert not is_wordpiece(path)


def _vectors(model: PreTrainedModel) -> torch.Tensor:
    table = model.get_input_embeddings()
    assert isinstance(table, torch.nn.Embedding)
    return table.weight.detach().clone()
