"""Texts as numbers: what counts as one, and what must stay text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctr_train.table import Cell, Column

# ASCII digits only: `float` would also take other scripts' digits and underscores.
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[+-]?[0-9]+")
LEADING_ZERO = re.compile(r"[+-]?0[0-9]")
MISSING_WORDS = frozenset({"nan", "+nan", "-nan", "null", "none", "n/a", "na", "#n/a", "<na>"})
INFINITE_WORDS = frozenset({"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"})
TRUTH_WORDS = frozenset({"true", "false"})
EXACT_DIGITS = 15
"""A double holds every whole number of so many digits; longer ones are names, not amounts."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column as float64 [rows]; masks are bool [rows].

    Attributes:
        values: NaN where `missing`, `infinite` or `broken`.
        missing: empty, NaN or a word for it.
        infinite: an infinity or beyond the range of a double.
        broken: no number at all.
    """

    values: NDArray[np.float64]
    missing: NDArray[np.bool_]
    infinite: NDArray[np.bool_]
    broken: NDArray[np.bool_]


def parse_number(text: str) -> float | int | None:
    """Return the number that a text writes, infinite if it is too large, None if it writes none."""
    word = text.strip()
    if not NUMBER.fullmatch(word):
        return None
    return int(word) if WHOLE.fullmatch(word) and len(word) <= EXACT_DIGITS else float(word)


def must_stay_text(text: str) -> bool:
    """Say whether reading a numeric text as a number would lose something: `007`, 20 digits."""
    word = text.strip()
    digits = len(word.lstrip("+-"))
    return bool(LEADING_ZERO.match(word)) or (bool(WHOLE.fullmatch(word)) and digits > EXACT_DIGITS)


def numbers_of(column: Column) -> Numbers:
    """Read a column whose meaning is a number: label, counts, position. True is 1, false is 0."""
    memo: dict[Cell, float] = {}
    for cell in column.cells:
        if cell not in memo:
            memo[cell] = _as_float(cell)
    codes = np.fromiter(map(memo.__getitem__, column.cells), np.float64, len(column.cells))
    missing, broken = np.isnan(codes), codes == _BROKEN
    infinite = np.isinf(codes)
    values = np.where(broken | infinite, np.nan, codes)
    return Numbers(values, missing, infinite, broken)


_WORDS = {
    **dict.fromkeys(MISSING_WORDS, float("nan")),
    **dict.fromkeys(INFINITE_WORDS, float("inf")),
    "true": 1.0,
    "false": 0.0,
}
_BROKEN = -float(np.finfo(np.float64).max)
"""Stands for `no number` within one array; no log holds it as a label or a count."""


def _as_float(cell: Cell) -> float:
    if isinstance(cell, bool | int | float):
        return float(cell)
    if isinstance(cell, tuple):
        return _BROKEN
    word = "nan" if cell is None else cell.strip().casefold()
    if word in _WORDS:
        return _WORDS[word]
    number = parse_number(word)
    return _BROKEN if number is None else float(number)
