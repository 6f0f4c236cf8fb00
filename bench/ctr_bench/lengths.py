"""Token counts without a model: what a workload goes by when no bundle is named."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ctr_bench.searches import Lengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_bench.searches import Search

WORD_CHARACTERS = 6
"""English words of up to so many characters are about one piece of BERT's vocabulary."""
SPECIAL_TOKENS = 3
FEATURE_TOKENS = 3
"""A feature's name and value in a template."""
QUERY_TOKENS, TITLE_TOKENS = 16, 64


class EstimatedLengths(Lengths):
    """Counts words: one token for each 6 characters or part of them, each non-ASCII letter one.

    Right within some 20 % for English and for Chinese; it says so in the run's file. Name a bundle
    to count by its own tokenizer.
    """

    query_tokens = QUERY_TOKENS
    title_tokens = TITLE_TOKENS

    def tokens(self, text: str) -> int:
        """Return the estimate for a text by itself."""
        if text.isascii():
            return sum(math.ceil(len(word) / WORD_CHARACTERS) for word in text.split())
        wide = sum(not character.isascii() for character in text)
        narrow = "".join(c if c.isascii() else " " for c in text)
        return wide + self.tokens(narrow)

    def row_tokens(self, search: Search) -> Sequence[int]:
        """Return the estimate for each pair's row."""
        shared = SPECIAL_TOKENS + self.tokens(search.query)
        shared += FEATURE_TOKENS * (len(search.user) + len(search.context))
        return [
            shared + self.tokens(item.title) + FEATURE_TOKENS * len(item.features)
            for item in search.items
        ]
