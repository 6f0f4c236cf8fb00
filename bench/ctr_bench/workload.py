"""Traffic of distinct searches: seeded, with pairs of mixed length, made before the run.

A pair's length is drawn evenly between two bounds, and its title is cut or prolonged to it, so that
a server meets short and long rows in every list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr_bench.searches import Search
from ctr_client.messages import Item

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctr_bench.searches import FeatureNames, Features, Lengths

MIN_PAIR_TOKENS, MAX_PAIR_TOKENS = 10, 45
MAX_QUERY_WORDS = 6
TEXT_VALUES = ("new", "loyal", "frequent", "premium", "bargain", "lapsed", "student", "trade")
"""Values of text features; as many as the user buckets of the repeating traffic."""
MEDIAN_NUMBER = 60.0


@dataclass(frozen=True, slots=True)
class Shape:
    """What searches look like.

    Attributes:
        candidates: items a list.
        features: sent with each search; none is a search of texts alone.
        min_pair_tokens, max_pair_tokens: bounds of a pair's length, as far as the template's own
            budgets allow.
    """

    candidates: int
    features: FeatureNames
    min_pair_tokens: int = MIN_PAIR_TOKENS
    max_pair_tokens: int = MAX_PAIR_TOKENS


class SearchMaker:
    """Draws searches from a catalogue. The same seed draws the same searches."""

    def __init__(self, titles: Sequence[str], lengths: Lengths, shape: Shape, seed: int) -> None:
        self._titles = titles
        self._lengths = lengths
        self._shape = shape
        self._rng = np.random.default_rng(seed)
        self._word_tokens: dict[str, int] = {}

    def distinct(self, count: int) -> list[Search]:
        """Return searches that share no list and hardly any title."""
        return [self.search() for _ in range(count)]

    def search(self, candidates: int | None = None) -> Search:
        """Draw one search; of another length than the shape's where one is given."""
        names = self._shape.features
        query = self.query()
        user, context = self.features(names.user), self.features(names.context)
        count = self._shape.candidates if candidates is None else candidates
        return Search(query, self.items(query, user, context, count), user, context)

    def query(self) -> str:
        """Draw a query: the first words of a title, 1 to 6, within the template's budget."""
        words = self._draw_title().split()[: int(self._rng.integers(1, MAX_QUERY_WORDS + 1))]
        return self._cut(words, self._lengths.query_tokens)

    def items(self, query: str, user: Features, context: Features, count: int) -> list[Item]:
        """Draw the items of one list, their titles fitted to the lengths that are drawn."""
        features = [self.features(self._shape.features.item) for _ in range(count)]
        bare = [Item(f"i{index}", "", features=own) for index, own in enumerate(features)]
        without_title = self._lengths.row_tokens(Search(query, bare, user, context))
        low, high = self._shape.min_pair_tokens, self._shape.max_pair_tokens
        wanted = self._rng.integers(low, high + 1, count)
        budgets = np.clip(wanted - np.asarray(without_title), 1, self._lengths.title_tokens)
        return [
            Item(item.item_id, self._title(int(budget)), features=item.features)
            for item, budget in zip(bare, budgets, strict=True)
        ]

    def features(self, names: Mapping[str, str]) -> Features:
        """Draw a value for each feature."""
        return {name: self._value(kind) for name, kind in names.items()}

    def _value(self, kind: str) -> str | float | tuple[str, ...]:
        if kind == "number":
            return round(float(self._rng.lognormal(np.log(MEDIAN_NUMBER), 1)), 2)
        first, second = self._rng.integers(0, len(TEXT_VALUES), 2)
        text = TEXT_VALUES[int(first)]
        return text if kind == "text" else (text, TEXT_VALUES[int(second)])

    def _title(self, budget: int) -> str:
        words = self._draw_title().split()
        while self._tokens(words) < budget:
            words += self._draw_title().split()
        return self._cut(words, budget)

    def _draw_title(self) -> str:
        return self._titles[int(self._rng.integers(0, len(self._titles)))]

    def _cut(self, words: Sequence[str], budget: int) -> str:
        """Join as many first words as fit; a first word too long is cut by characters."""
        kept: list[str] = []
        for word in words:
            budget -= self._tokens([word])
            if budget < 0:
                break
            kept.append(word)
        return " ".join(kept) or self._shortened(words[0], budget + self._tokens(words[:1]))

    def _shortened(self, word: str, budget: int) -> str:
        while self._lengths.tokens(word) > budget and len(word) > 1:
            word = word[:-1]
        return word

    def _tokens(self, words: Sequence[str]) -> int:
        """Count tokens word by word: BERT's tokenizers split at spaces first, so they add up."""
        counts = self._word_tokens
        for word in words:
            if word not in counts:
                counts[word] = self._lengths.tokens(word)
        return sum(counts[word] for word in words)


def serialise(searches: Sequence[Search]) -> list[bytes]:
    """Return the requests' bytes, without request ids: the server makes them."""
    return [search.serialise() for search in searches]
