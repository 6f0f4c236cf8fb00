"""How much of a query stands in a title: counts and shares of common words and trigrams."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Units = Callable[[str], list[str]]

# Chinese and Japanese put no spaces between words: each of their characters is a word here.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(f"[{_UNSPACED}]|[^\\W{_UNSPACED}]+")
TRIGRAM_CHARACTERS = 3
FIGURES_A_UNIT = 6


def words(text: str) -> list[str]:
    """Return the words of a text without capitals; a Chinese character is a word."""
    return WORD.findall(text.casefold())


def trigrams(text: str) -> list[str]:
    """Return each run of three characters without capitals; they match `shelf` and `shelving`."""
    folded = text.casefold()
    return [folded[i : i + TRIGRAM_CHARACTERS] for i in range(len(folded) - 2)]


def overlap_figures(query: Sequence[str], title: Sequence[str]) -> NDArray[np.float64]:
    """Return [rows, 12]: for words, then for trigrams, six figures a row.

    The six: common units, their share of the query's, of the title's and of both, and the distinct
    units of query and title.
    """
    return np.hstack([_figures(query, title, words), _figures(query, title, trigrams)])


def _figures(query: Sequence[str], title: Sequence[str], units: Units) -> NDArray[np.float64]:
    memo: dict[str, frozenset[str]] = {}
    figures = np.zeros((len(query), FIGURES_A_UNIT))
    for row, texts in enumerate(zip(query, title, strict=True)):
        for text in texts:
            if text not in memo:
                memo[text] = frozenset(units(text))
        asked, shown = memo[texts[0]], memo[texts[1]]
        common = len(asked & shown)
        either = len(asked) + len(shown) - common
        figures[row] = (
            common,
            common / max(1, len(asked)),
            common / max(1, len(shown)),
            common / max(1, either),
            len(asked),
            len(shown),
        )
    return figures
