"""One search: which candidates are found, how the production ranker orders them, who clicks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_train.generate.catalogue import KINDS, Catalogue
from ctr_train.generate.wording import STOP_WORDS

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from ctr_train.generate.queries import Query

MIN_CANDIDATES = 16
MAX_CANDIDATES = 100
LONG_SHARE = 0.1
MEAN_BEYOND_MIN_SHORT, MEAN_BEYOND_MIN_LONG = 4.0, 30.0
"""List lengths are 16 plus an exponential, cut at 100; one list in ten is of the long kind."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Where a list's candidates come from, as shares of its length; the rest is random.

    Attributes:
        right_kind: what the query means.
        shared_word: another kind whose title shares a word with the query ("dog bed" for "bed
            linen"): what a keyword index would find.
        same_department: another kind of the same department.
    """

    right_kind: float = 0.5
    shared_word: float = 0.15
    same_department: float = 0.12


@dataclass(frozen=True, slots=True)
class Ranker:
    """The production ranker that the log was made with: relevance seen through noise.

    Attributes:
        right_kind, shared_word: what they add to an item's score; the noise has deviation 1.
    """

    right_kind: float = 0.4
    shared_word: float = 0.1


def words(text: str) -> frozenset[str]:
    """Return the words that carry meaning, in lower case, a plural `s` cut off."""
    plain = "".join(c if c.isalnum() else " " for c in text.lower())
    return frozenset(w.removesuffix("s") for w in plain.split() if w not in STOP_WORDS)


class Searcher:
    """Finds and orders candidates. Holds the word index of one catalogue."""

    def __init__(self, catalogue: Catalogue, retrieval: Retrieval, ranker: Ranker) -> None:
        self._catalogue = catalogue
        self._retrieval = retrieval
        self._ranker = ranker
        self._noun_words = [[words(noun) for noun in kind.nouns] for kind in KINDS]
        self._sharing: dict[tuple[int, int], NDArray[np.int64]] = {}

    def list_of(self, rng: Generator, query: Query) -> NDArray[np.int64]:
        """Return the items of one search in the order shown, int [candidates], all different."""
        long = rng.random() < LONG_SHARE
        beyond = int(rng.exponential(MEAN_BEYOND_MIN_LONG if long else MEAN_BEYOND_MIN_SHORT))
        length = min(MIN_CANDIDATES + beyond, MAX_CANDIDATES)
        items = self._retrieve(rng, query, length)
        catalogue = self._catalogue
        score = (
            rng.normal(size=length)
            + self._ranker.right_kind * (catalogue.kind[items] == query.kind)
            + self._ranker.shared_word * np.isin(items, self._items_sharing_a_word(query))
        )
        return items[np.argsort(-score, kind="stable")]

    def _retrieve(self, rng: Generator, query: Query, length: int) -> NDArray[np.int64]:
        catalogue, shares = self._catalogue, self._retrieval
        right = np.flatnonzero(catalogue.kind == query.kind)
        department = catalogue.department[right[0]]
        near = np.flatnonzero((catalogue.department == department) & (catalogue.kind != query.kind))
        chosen: dict[int, None] = {}
        for pool, share in (
            (right, shares.right_kind),
            (self._items_sharing_a_word(query), shares.shared_word),
            (near, shares.same_department),
        ):
            wanted = min(int(rng.binomial(length, share)), len(pool))
            chosen.update(dict.fromkeys(rng.choice(pool, wanted, replace=False).tolist()))
        others = np.flatnonzero(catalogue.kind != query.kind)
        while len(chosen) < length:
            chosen[int(rng.choice(others))] = None
        return np.array(list(chosen)[:length], dtype=np.int64)

    def _items_sharing_a_word(self, query: Query) -> NDArray[np.int64]:
        """Return items of other kinds whose noun shares a word with the query's ask."""
        key = (query.kind, query.ask)
        if key not in self._sharing:
            asked = words(KINDS[query.kind].wordings[query.ask])
            shares = np.array(
                [[bool(asked & noun) for noun in nouns] for nouns in self._noun_words]
            )
            shares[query.kind] = False
            self._sharing[key] = np.flatnonzero(shares[self._catalogue.kind, self._catalogue.noun])
        return self._sharing[key]
