"""What holds of every trimmed vocabulary."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from ctr_export.trim.pieces import kept_ids, renumber
from ctr_export.trim.rows import same_pieces
from ctr_service.types import Row

LETTERS = "abcé红"
UNKNOWN = "[UNK]"
BODIES = st.text(LETTERS, min_size=1, max_size=4)
PIECES = st.lists(
    st.one_of(BODIES, BODIES.map(lambda body: f"##{body}")), min_size=1, max_size=40, unique=True
)
SENTENCES = st.lists(st.text(LETTERS, min_size=1, max_size=8), min_size=1, max_size=12)
KEEP = st.sets(st.integers(0, 40), max_size=12)
"""Ids that the log uses often enough."""


def _vocabulary(pieces: list[str]) -> dict[str, int]:
    return {piece: number for number, piece in enumerate([*pieces, UNKNOWN])}


def _kept(vocabulary: dict[str, int], used: set[int]) -> list[int]:
    return kept_ids(
        vocabulary,
        dict.fromkeys(used & set(vocabulary.values()), 3),
        prefix="##",
        least_count=3,
        always={vocabulary[UNKNOWN]},
    )


def _tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def _trimmed(vocabulary: dict[str, int], new_ids: dict[int, int]) -> Tokenizer:
    left = {piece: new_ids[old] for piece, old in vocabulary.items() if old in new_ids}
    return _tokenizer(left)


@given(PIECES, KEEP)
def test_new_ids_are_dense_and_keep_the_order(pieces: list[str], used: set[int]) -> None:
    """They run from 0 without a gap, and what must stay has one."""
    vocabulary = _vocabulary(pieces)
    new_ids = renumber(_kept(vocabulary, used))
    assert sorted(new_ids.values()) == list(range(len(new_ids)))
    assert [new_ids[old] for old in sorted(new_ids)] == sorted(new_ids.values())
    single = {n for piece, n in vocabulary.items() if len(piece.removeprefix("##")) == 1}
    assert new_ids.keys() >= single | {vocabulary[UNKNOWN]} | (used & set(vocabulary.values()))


@given(PIECES, KEEP, SENTENCES)
def test_a_word_of_known_characters_never_becomes_unknown(
    pieces: list[str], used: set[int], words: list[str]
) -> None:
    """Whatever went, a word all of whose characters are pieces can still be spelt."""
    vocabulary = _vocabulary(pieces)
    after = _trimmed(vocabulary, renumber(_kept(vocabulary, used)))
    for word in words:
        inner = [f"##{letter}" for letter in word[1:]]
        if all(piece in vocabulary for piece in (word[0], *inner)):
            tokens = after.encode(word).tokens
            assert UNKNOWN not in tokens
            assert "".join(token.removeprefix("##") for token in tokens) == word


@given(PIECES, KEEP)
def test_a_piece_is_dropped_only_if_it_can_be_spelt(pieces: list[str], used: set[int]) -> None:
    """The word that a dropped piece begins with is still known."""
    vocabulary = _vocabulary(pieces)
    kept = set(_kept(vocabulary, used))
    after = _trimmed(vocabulary, renumber(kept))
    for piece, number in vocabulary.items():
        if number not in kept and not piece.startswith("##"):
            assert UNKNOWN not in after.encode(piece).tokens


@given(PIECES, KEEP, SENTENCES)
def test_rows_are_the_same_when_their_pieces_are(
    pieces: list[str], used: set[int], words: list[str]
) -> None:
    """A row counts as kept exactly when both tokenizers say the same strings."""
    vocabulary = _vocabulary(pieces)
    new_ids = renumber(_kept(vocabulary, used))
    text = " ".join(words)
    before = _tokenizer(vocabulary).encode(text)
    after = _trimmed(vocabulary, new_ids).encode(text)
    same = same_pieces([_row(before.ids)], [_row(after.ids)], new_ids)
    assert same.tolist() == [before.tokens == after.tokens]


def _row(ids: list[int]) -> Row:
    return Row(array("i", ids).tobytes(), len(ids), 1)
