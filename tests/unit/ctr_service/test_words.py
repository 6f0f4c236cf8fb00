"""Claims of `ctr_service.bundle.words`: word by word gives what whole texts give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from ctr_service.bundle.words import MAX_WORD_CHARACTERS, WordTokenizer, goes_by_words, packed
from ctr_train.base_model import find_base_model

if TYPE_CHECKING:
    from collections.abc import Sequence

ODD = " \t\n\x00\x1f\x7f\x85\xa0\u00ad\u0301\u0e33\u200b\u2028\u3000\ufeff红鞋\U0002a6d6'-.[]#aÉİΣς"
"""What normalisers change, delete or split at, beside some letters."""
TEXTS = st.lists(st.text(max_size=40) | st.text(st.sampled_from(ODD), max_size=40), max_size=6)


def bert() -> Tokenizer:
    """The demo's own tokenizer: a real BERT vocabulary."""
    tokenizer: Tokenizer = Tokenizer.from_file(str(find_base_model(None) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


BERT = bert()
KEEPING = WordTokenizer(BERT)


def whole(texts: Sequence[str]) -> list[bytes]:
    """The ids of each text, by the library alone."""
    return [packed(BERT.encode(text, add_special_tokens=False).ids) for text in texts]


@given(texts=TEXTS)
@example(texts=["a\x1fb", "red  shoes ", "", " ", "[SEP] [PAD]", "ΑΣ ΑΣ", "e \u0301a"])
def test_words_joined_are_the_text(texts: list[str]) -> None:
    """Whatever the characters, and whatever words are known from texts before."""
    assert KEEPING.encode(texts) == whole(texts)


@given(texts=TEXTS, max_words=st.integers(1, 5))
@example(texts=["a", "b", "c"], max_words=2)
def test_a_full_memory_of_words_changes_nothing(texts: list[str], max_words: int) -> None:
    """Words are forgotten and learnt anew; never more are kept than allowed."""
    small = WordTokenizer(BERT, max_words)
    for text in texts * 2:
        assert small.encode([text]) == whole([text])
        assert len(small) <= max_words


def test_long_words_are_not_kept() -> None:
    """They rarely come again, and would fill the memory."""
    tokenizer = WordTokenizer(BERT)
    tokenizer.encode(["red " + "a" * (MAX_WORD_CHARACTERS + 1)])
    assert len(tokenizer) == 1


def _with(**changes: object) -> Tokenizer:
    tokenizer = bert()
    for name, value in changes.items():
        setattr(tokenizer, name, value)
    return tokenizer


def _with_added() -> Tokenizer:
    tokenizer = bert()
    tokenizer.add_tokens([AddedToken("red shoes")])
    return tokenizer


@pytest.mark.parametrize(
    "tokenizer",
    [
        _with(normalizer=normalizers.NFKC()),
        _with(pre_tokenizer=pre_tokenizers.Metaspace()),
        _with(model=models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]")),  # noqa: S106 -- a token, no password
        _with(encode_special_tokens=False),
        _with_added(),
    ],
    ids=["normaliser", "pre-tokeniser", "model", "special tokens", "added token"],
)
def test_another_tokenizer_gets_whole_texts(tokenizer: Tokenizer) -> None:
    """Where a token could reach across a space nothing is kept, and the ids are the library's."""
    assert not goes_by_words(tokenizer)
    kept = WordTokenizer(tokenizer)
    text = "red shoes [SEP] a"
    expected = packed(tokenizer.encode(text, add_special_tokens=False).ids)
    assert kept.encode([text]) == [expected]
    assert len(kept) == 0
