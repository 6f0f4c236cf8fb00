"""Texts -> token ids, word by word where the tokenizer allows it.

A BERT tokenizer never looks across a space: its normaliser changes single characters, its
pre-tokeniser splits at every space, and its pieces stay within a word. So the ids of a text are
those of its words, joined, and the words of a shop's titles come again and again: a title whose
words are known takes 1 us, where tokenising it takes 10. Other tokenizers get whole texts.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tokenizers import Tokenizer

INT_CODE = "i"
"""The array type of int32, C's int on every platform that the engines run on."""
SPACE = " "
"""Nothing else: some of what Python calls whitespace a BERT tokenizer deletes, joining words."""
MAX_WORDS = 50_000
"""Known words in memory, about 10 MB; then they are learnt anew."""
MAX_WORD_CHARACTERS = 24
"""Longer ones are not kept: they rarely come again, and a language without spaces has no others."""


def packed(ids: Sequence[int]) -> bytes:
    """Return ids as the bytes of int32 in machine order."""
    return array(INT_CODE, ids).tobytes()


def goes_by_words(tokenizer: Tokenizer) -> bool:
    """Say whether a tokenizer's ids of a text are those of its words, joined.

    An added token that is no special one could hold a space; special ones are plain text here.
    """
    return (
        isinstance(tokenizer.normalizer, BertNormalizer)
        and isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
        and isinstance(tokenizer.model, WordPiece)
        and tokenizer.encode_special_tokens
        and all(token.special for token in tokenizer.get_added_tokens_decoder().values())
    )


class WordTokenizer:
    """Tokenises texts, keeping the ids of their words. Belongs to one thread."""

    def __init__(self, tokenizer: Tokenizer, max_words: int = MAX_WORDS) -> None:
        """Take a tokenizer that neither truncates nor pads; `max_words` 0 keeps none."""
        self._tokenizer = tokenizer
        self._max_words = max_words if goes_by_words(tokenizer) else 0
        self._words: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._words)

    def encode(self, texts: Sequence[str]) -> list[bytes]:
        """Return the ids of each text, int32 as bytes, uncut and without special tokens."""
        if not self._max_words:
            return self._encode(texts)
        split = [text.split(SPACE) for text in texts]
        known = self._words
        new = [word for words in split for word in words if word not in known]
        if new:
            found = self._learn(dict.fromkeys(new))
            known = {w: known[w] if w in known else found[w] for words in split for w in words}
        return [b"".join([known[word] for word in words]) for words in split]

    def _learn(self, words: Iterable[str]) -> dict[str, bytes]:
        """Return the ids of each word, and keep those of the short ones."""
        new = list(words)
        found = dict(zip(new, self._encode(new), strict=True))
        short = {word: ids for word, ids in found.items() if len(word) <= MAX_WORD_CHARACTERS}
        if len(self._words) + len(short) > self._max_words:
            self._words = {}
        if len(short) <= self._max_words:
            self._words.update(short)
        return found

    def _encode(self, texts: Sequence[str]) -> list[bytes]:
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [packed(encoding.ids) for encoding in encodings]
