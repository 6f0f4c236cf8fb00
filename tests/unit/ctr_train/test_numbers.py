"""When a text is a number."""

from __future__ import annotations

import numpy as np
import pytest

from ctr_train.numbers import must_stay_text, numbers_of, parse_number
from ctr_train.table import Column, Kind


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3", 3),
        ("-3.50", -3.5),
        (" 1e3 ", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1_000", None),
        ("1,000", None),
        ("$5", None),
        ("٣", None),
        ("0x10", None),
        ("nan", None),
        ("", None),
    ],
)
def test_only_plain_decimals_are_numbers(text: str, number: float | None) -> None:
    """Underscores, thousands, currencies, hex and other scripts' digits are no numbers."""
    assert parse_number(text) == number


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("007", True),
        ("-01", True),
        ("0", False),
        ("0.5", False),
        ("1" * 16, True),
        ("1" * 15, False),
    ],
)
def test_codes_stay_text(text: str, *, stays: bool) -> None:
    """A leading zero or more digits than a double holds mark a code."""
    assert must_stay_text(text) is stays


def test_numbers_of_sorts_cells_into_values_and_faults() -> None:
    """Missing, infinite and broken cells are told apart and hold no value."""
    column = Column("c", Kind.RAW, ["1", "0.5", None, "NaN", "inf", "1e999", "word", "TRUE"])
    numbers = numbers_of(column)
    assert numbers.missing.nonzero()[0].tolist() == [2, 3]
    assert numbers.infinite.nonzero()[0].tolist() == [4, 5]
    assert numbers.broken.nonzero()[0].tolist() == [6]
    np.testing.assert_array_equal(numbers.values[[0, 1, 7]], [1.0, 0.5, 1.0])
    assert np.isnan(numbers.values[2:7]).all()
