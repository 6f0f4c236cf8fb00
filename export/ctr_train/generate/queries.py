"""What people search for: a kind of product in their own words, sometimes with a wish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_train.generate.catalogue import KINDS
from ctr_train.generate.wording import COLOURS, FILLERS, SIZES

if TYPE_CHECKING:
    from numpy.random import Generator

NO_WISH = -1
PLAIN_SHARE = 0.85
"""So many queries name the product as titles do; the others use synonyms, paraphrases and uses."""

COLOUR_WISH_SHARE = 0.25
SIZE_WISH_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Query:
    """One query text and what it means.

    Attributes:
        kind: index into KINDS.
        ask: which of the kind's `wordings` it is built on.
        colour, size: the wish, an index into COLOURS or SIZES, or NO_WISH.
    """

    text: str
    kind: int
    ask: int
    colour: int = NO_WISH
    size: int = NO_WISH


def build_queries(rng: Generator, count: int) -> tuple[Query, ...]:
    """Draw `count` queries, all texts different; kinds come up equally often."""
    found: dict[str, Query] = {}
    order: list[int] = []
    while len(found) < count:
        order = order or [int(kind) for kind in rng.permutation(len(KINDS))]
        query = _draw(rng, order[-1])
        if query.text not in found:
            found[query.text] = query
            order.pop()
    return tuple(found.values())


def _draw(rng: Generator, kind: int) -> Query:
    asks, wordings = len(KINDS[kind].asks), KINDS[kind].wordings
    plain = rng.random() < PLAIN_SHARE
    ask = int(rng.integers(asks, len(wordings)) if plain else rng.integers(asks))
    text = wordings[ask]
    wish, pattern, filler = rng.random(3)
    colour = size = NO_WISH
    if wish < COLOUR_WISH_SHARE:
        colour = int(rng.integers(len(COLOURS)))
        patterns = COLOURS[colour].in_queries
    elif wish < COLOUR_WISH_SHARE + SIZE_WISH_SHARE:
        size = int(rng.integers(len(SIZES)))
        patterns = SIZES[size].in_queries
    else:
        patterns = ("{}",)
    text = patterns[int(pattern * len(patterns))].format(text)
    return Query(FILLERS[int(filler * len(FILLERS))].format(text), kind, ask, colour, size)
