"""Which word pieces stay, and their new ids. Pure.

WordPiece takes the longest piece that fits, again and again. A word whose piece went is split into
shorter ones; it must not end as `[UNK]`, so all pieces of one character stay, and so does any piece
that they could not spell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


def kept_ids(
    vocabulary: Mapping[str, int],
    uses: Mapping[int, int],
    *,
    prefix: str,
    least_count: int,
    always: Collection[int],
) -> list[int]:
    """Return the ids of the pieces that stay, rising.

    Args:
        vocabulary: piece -> id.
        uses: id -> how often the log uses the piece; absent for never.
        prefix: marks a piece that goes on with a word, `##` for BERT.
        least_count: uses that keep a piece of several characters.
        always: ids that stay whatever the log says; they need not be in the vocabulary.
    """
    kept = set(always)
    for piece, number in vocabulary.items():
        if (
            uses.get(number, 0) >= least_count
            or is_single(piece, prefix)
            or not _can_be_spelt(piece, vocabulary, prefix)
        ):
            kept.add(number)
    return sorted(kept)


def renumber(kept: Iterable[int]) -> dict[int, int]:
    """Return old id -> new id: dense from 0, in the old order."""
    return {old: new for new, old in enumerate(sorted(kept))}


def is_single(piece: str, prefix: str) -> bool:
    """Say whether a piece is one character, at the beginning of a word or inside it."""
    body, _ = _parts(piece, prefix)
    return len(body) <= 1


def _can_be_spelt(piece: str, vocabulary: Mapping[str, int], prefix: str) -> bool:
    """Say whether pieces of one character can stand for a piece of several."""
    body, inner = _parts(piece, prefix)
    first = prefix + body[0] if inner else body[0]
    return first in vocabulary and all(prefix + letter in vocabulary for letter in body[1:])


def _parts(piece: str, prefix: str) -> tuple[str, bool]:
    """Return a piece without its prefix, and whether it had one."""
    inner = piece.startswith(prefix) and len(piece) > len(prefix)
    return (piece[len(prefix) :] if inner else piece), inner
