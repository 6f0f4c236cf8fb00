"""Where searches come from: drawn from a catalogue, read from a CSV, or replayed from a log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ctr_bench.workload import MAX_PAIR_TOKENS, MIN_PAIR_TOKENS, SearchMaker, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ctr_bench.catalogue import Catalogue
    from ctr_bench.searches import FeatureNames, Lengths, Search
    from ctr_bench.workload_text import Sizes

MAX_COLD = 20_000
"""Cold searches that are made; a longer run sends them again, from the first."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a source gives for one run.

    Attributes:
        searches: each of them is serialised once.
        order: int32 [requests], which of them a request sends.
    """

    searches: Sequence[Search]
    order: NDArray[np.int32]


class Source(Protocol):
    """Gives the searches of a run."""

    @property
    def recorded_s(self) -> Sequence[float]:
        """When requests came, for a replay; empty where nobody recorded it."""
        ...

    @property
    def facts(self) -> Mapping[str, object]:
        """What a run's file says of it; no text of a user."""
        ...

    def draw(self, requests: int, features: FeatureNames, lengths: Lengths, seed: int) -> Drawn:
        """Return the searches of so many requests."""
        ...


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Searches drawn from a catalogue: warm ones repeat by Zipf, cold ones come once.

    Attributes:
        sizes: items a list.
        pool: warm searches.
        exponent: of Zipf's law over them; 0 is evenly.
        cold: share of requests whose query nobody sent before, so that no score is in a cache.
        pair_tokens: bounds of a pair's length.
    """

    catalogue: Catalogue
    sizes: Sizes
    pool: int = 1_000
    exponent: float = 1.0
    cold: float = 0.0
    pair_tokens: tuple[int, int] = (MIN_PAIR_TOKENS, MAX_PAIR_TOKENS)

    @property
    def recorded_s(self) -> Sequence[float]:
        """Nothing was recorded."""
        return ()

    @property
    def facts(self) -> Mapping[str, object]:
        """The law."""
        return {
            "kind": "synthetic",
            "catalogue": self.catalogue.source,
            "candidates": self.sizes.text,
            "pool": self.pool,
            "zipf_exponent": self.exponent,
            "cold_share": self.cold,
            "pair_tokens": list(self.pair_tokens),
        }

    def draw(self, requests: int, features: FeatureNames, lengths: Lengths, seed: int) -> Drawn:
        """Draw them; the same seed draws the same."""
        rng = np.random.default_rng(seed)
        pool = min(self.pool, requests)
        low, high = self.pair_tokens
        shape = Shape(1, features, low, high)
        maker = SearchMaker(self.catalogue.titles, lengths, shape, seed)
        searches = [maker.search(size) for size in self.sizes.draw(pool, rng).tolist()]
        weights = 1 / np.arange(1, pool + 1) ** self.exponent
        order = rng.choice(pool, requests, p=weights / weights.sum()).astype(np.int32)
        is_cold = rng.random(requests) < self.cold
        cold = min(int(is_cold.sum()), MAX_COLD)
        if cold:
            searches += [_unseen(searches[number % pool], number) for number in range(cold)]
            order[is_cold] = pool + np.arange(int(is_cold.sum())) % cold
        return Drawn(searches, order)


@dataclass(frozen=True, slots=True)
class Listed:
    """Searches that were read, sent in their order and from the first again."""

    searches: Sequence[Search]
    facts: Mapping[str, object]
    recorded_s: Sequence[float] = ()

    def draw(
        self,
        requests: int,
        features: FeatureNames,  # noqa: ARG002 -- they bring their own
        lengths: Lengths,  # noqa: ARG002 -- the same
        seed: int,  # noqa: ARG002 -- nothing is drawn
    ) -> Drawn:
        """Return them in turn."""
        used = self.searches[:requests]
        return Drawn(used, np.arange(requests, dtype=np.int32) % len(used))


def _unseen(search: Search, number: int) -> Search:
    """Return a search of the same items and length whose query is its own."""
    words = search.query.split()
    return replace(search, query=" ".join([*words[:-1], f"{number:x}x"]))
