"""Adding a log's own characters to a WordPiece vocabulary that does not know its script.

An English vocabulary turns nearly every Chinese character into [UNK], and then all titles look
alike. Each missing character gets an id of its own, and its `##` form where it stands inside a
word.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import torch

from ctr_service.bundle.files import write_text_aside

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

MIN_OCCURRENCES = 5
LONGEST_WORD_CHARS = 1024
"""WordPiece gives up on longer words; scripts without spaces make words of a whole title."""


def is_wordpiece(tokenizer_json: Path) -> bool:
    """Say whether `tokenizer.json` holds a WordPiece model, the only kind extended here."""
    return str(_read(tokenizer_json)["model"].get("type")) == "WordPiece"


def missing_pieces(
    texts: Iterable[str], tokenizer: Tokenizer, *, min_occurrences: int = MIN_OCCURRENCES
) -> list[str]:
    """Return the pieces that words of `texts` lack, by how often their character occurs so.

    Args:
        texts: one a use, so that a text in many rows counts as often.
        tokenizer: a WordPiece tokenizer.
        min_occurrences: of a character that lacks a piece; the vector of a rarer one could not be
            learnt.
    """
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    characters: Counter[str] = Counter()
    pieces: dict[str, str] = {}
    for text, uses in Counter(texts).items():
        for word in _words(text, tokenizer):
            for index, character in enumerate(word):
                piece = f"##{character}" if index else character
                if piece not in vocabulary:
                    pieces[piece] = character
                    characters[character] += uses
    kept = [piece for piece in pieces if characters[pieces[piece]] >= min_occurrences]
    return sorted(kept, key=lambda piece: (-characters[pieces[piece]], piece))


def extend_tokenizer(tokenizer_json: Path, pieces: Sequence[str]) -> int:
    """Append pieces to the vocabulary in the file; return the size of the new vocabulary."""
    content = _read(tokenizer_json)
    vocabulary = content["model"]["vocab"]
    added = [token["id"] for token in content.get("added_tokens", [])]
    first: int = max([*vocabulary.values(), *added]) + 1
    vocabulary.update({piece: first + index for index, piece in enumerate(pieces)})
    content["model"]["max_input_chars_per_word"] = LONGEST_WORD_CHARS
    write_text_aside(tokenizer_json, json.dumps(content, ensure_ascii=False))
    return first + len(pieces)


def extend_embeddings(
    model: PreTrainedModel, vocabulary_size: int, generator: torch.Generator
) -> None:
    """Grow the word embeddings; a new vector is the mean of the old ones plus noise of their size.

    The noise tells the new tokens apart from the first step, so that the same character in query
    and title is a match before anything was learnt about it.
    """
    old = _word_table(model).detach()
    known = len(old)
    if vocabulary_size <= known:
        return
    mean, deviation = old.mean(dim=0), old.std(dim=0)
    noise = torch.randn(vocabulary_size - known, old.shape[1], generator=generator)
    model.resize_token_embeddings(vocabulary_size, mean_resizing=False)
    with torch.no_grad():
        _word_table(model)[known:] = mean + deviation * noise


def _words(text: str, tokenizer: Tokenizer) -> list[str]:
    normalizer, splitter = tokenizer.normalizer, tokenizer.pre_tokenizer
    plain = normalizer.normalize_str(text) if normalizer else text
    return [word for word, _ in splitter.pre_tokenize_str(plain)] if splitter else [plain]


def _read(tokenizer_json: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(tokenizer_json.read_text(encoding="utf-8"))
    return content


def _word_table(model: PreTrainedModel) -> torch.Tensor:
    embeddings: Any = model.get_input_embeddings()
    table: torch.Tensor = embeddings.weight
    return table
