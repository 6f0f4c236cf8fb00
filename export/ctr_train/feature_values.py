"""A feature column -> one value a row, of one type: a number, a text or texts."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from ctr_train.columns import plain
from ctr_train.limits import FEATURE_CHARACTERS, TEXTS_A_FEATURE
from ctr_train.numbers import (
    INFINITE_WORDS,
    MISSING_WORDS,
    TRUTH_WORDS,
    must_stay_text,
    parse_number,
)
from ctr_train.schema import MAX_DIRECT_INTEGERS
from ctr_train.table import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.types import FeatureValue
    from ctr_train.columns import ColumnUse
    from ctr_train.sheet import Sheet
    from ctr_train.table import Cell, Column

    Values = list[FeatureValue | None]

DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?", re.ASCII)
TIME_NAME = re.compile(r"(.*_)?(timestamp|ts|unix_time|epoch)")
MIN_UNIX_TIME_S = 1e8
"""March 1973: numbers above it in a column named after time are times."""

IDENTIFIER_NAME = re.compile(r".*_(id|uuid|guid|hash|url|sku|upc|ean|asin|token|key)")
IDENTIFIER_MIN_VALUES = 100
IDENTIFIER_MIN_SHARE = 0.5

MOSTLY = 0.5


def read_feature(sheet: Sheet, column: Column, use: ColumnUse) -> Values | None:
    """Return the values of a feature, None where missing; or None when the column is ignored.

    A CSV column is a number when every value is one, apart from empty cells and words for NaN;
    a leading zero or more than 15 digits keep it text. A Parquet column keeps its type.
    """
    why_not = _why_ignored(column, use)
    if why_not:
        sheet.ignore(column, why_not)
        return None
    if column.kind is Kind.BOOL:
        return [None if cell is None else str(bool(cell)).lower() for cell in column.cells]
    if column.kind is Kind.NUMBER:
        return _finite(sheet, column, column.cells)
    if column.kind is Kind.TEXTS:
        return _cut_texts(sheet, column)
    if column.kind is Kind.RAW:
        return _inferred(sheet, column)
    return _cut_text(sheet, column)


def cut_column(sheet: Sheet, column: Column, limit_characters: int | None) -> list[str | None]:
    """Return the cells as texts of at most so many characters, as the wire would take them.

    A limit of None cuts nothing.
    """
    texts = [as_text(cell) for cell in column.cells]
    if limit_characters is None:
        return texts
    long = np.fromiter(
        (text is not None and len(text) > limit_characters for text in texts), np.bool_, len(texts)
    )
    if long.any():
        sheet.notice(
            column,
            f"is cut to {limit_characters:,} characters, the wire's limit, in "
            f"{sheet.table.at(long)}",
        )
    return [None if text is None else text[:limit_characters] for text in texts]


def as_text(cell: Cell) -> str | None:
    """Return a cell as text: 3.0 as `3`, True as `true`, several texts joined by commas."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, tuple):
        return ", ".join(cell)
    return str(int(cell)) if float(cell).is_integer() else repr(cell)


def _why_ignored(column: Column, use: ColumnUse) -> str:
    """Return why a column is no feature, "" if it is one."""
    if column.is_empty:
        return "it is empty in every row"
    if column.kind is Kind.OTHER:
        return "no request can carry its type (numbers, text and lists of text can)"
    present = [text for text in map(as_text, column.cells) if text is not None]
    distinct = set(present)
    if column.kind is Kind.TIME or _is_time(plain(use.feature), distinct):
        return "a date or time is no feature; derive one, such as the hour"
    if (
        IDENTIFIER_NAME.fullmatch(plain(use.feature))
        and len(distinct) > IDENTIFIER_MIN_VALUES
        and len(distinct) > IDENTIFIER_MIN_SHARE * len(present)
    ):
        return f"an identifier is no feature ({len(distinct):,} distinct values)"
    if all(text.strip().casefold() in MISSING_WORDS for text in distinct):
        return "it holds nothing but words for a missing value"
    return ""


def _is_time(name: str, distinct: set[str]) -> bool:
    if all(DATE.fullmatch(text.strip()) for text in distinct):
        return True
    return bool(TIME_NAME.fullmatch(name)) and all(_is_unix_time(text) for text in distinct)


def _is_unix_time(text: str) -> bool:
    number = parse_number(text)
    return number is not None and number >= MIN_UNIX_TIME_S


def _inferred(sheet: Sheet, column: Column) -> Values | None:
    words = {cell: cell.strip() for cell in column.cells if isinstance(cell, str)}
    plain_words = {word.casefold() for word in words.values()}
    if plain_words <= TRUTH_WORDS:
        return [None if cell is None else str(cell).strip().lower() for cell in column.cells]
    numeric = {cell: parse_number(word) for cell, word in words.items()}
    others = {words[c].casefold() for c, number in numeric.items() if number is None}
    some = any(number is not None for number in numeric.values())
    if not some:
        return _cut_text(sheet, column)
    if others - MISSING_WORDS - INFINITE_WORDS:
        odd = {cell for cell, number in numeric.items() if number is None}
        _say_text(sheet, column, odd, "no number stands")
        return _cut_text(sheet, column)
    exact = {cell for cell, word in words.items() if must_stay_text(word)}
    if exact:
        _say_text(sheet, column, exact, "a leading zero or more than 15 digits stand")
        return _cut_text(sheet, column)
    if others & MISSING_WORDS:
        sheet.notice(column, "holds words for NaN among its numbers; they count as missing")
    # An infinite word parses to none above; keep it apart from a missing one.
    cells: list[Cell] = [
        None if cell is None else _number_or_infinity(str(cell), numeric[str(cell)])
        for cell in column.cells
    ]
    return _finite(sheet, column, cells)


def _number_or_infinity(word: str, number: float | None) -> Cell:
    if number is None and word.strip().casefold() in INFINITE_WORDS:
        return float("inf")
    return number


def _say_text(sheet: Sheet, column: Column, odd: set[str], reason: str) -> None:
    """Say why a column of numbers is text, unless most of it is plainly text."""
    mask = np.fromiter((cell in odd for cell in column.cells), np.bool_, len(column.cells))
    if mask.sum() < MOSTLY * (~column.missing).sum():
        sheet.notice(column, f"is read as text: {reason} in {sheet.table.at(mask)}")


def _finite(sheet: Sheet, column: Column, cells: Sequence[Cell]) -> Values | None:
    numbers = [cell if isinstance(cell, int | float) else None for cell in cells]
    infinite = np.fromiter(
        (number is not None and math.isinf(number) for number in numbers), np.bool_, len(numbers)
    )
    if infinite.any():
        sheet.problem_at(column, "is infinite (leave unknown values empty)", infinite)
        return None
    if all(number is None or float(number).is_integer() for number in numbers):
        _warn_of_identifier(sheet, column, set(numbers) - {None})
        return [None if number is None else int(number) for number in numbers]
    return [None if number is None else float(number) for number in numbers]


def _warn_of_identifier(sheet: Sheet, column: Column, distinct: set[float | int | None]) -> None:
    if IDENTIFIER_NAME.fullmatch(plain(column.name)) and len(distinct) > MAX_DIRECT_INTEGERS:
        sheet.notice(
            column,
            f"looks like an id, but its {len(distinct):,} numbers are read as amounts, in buckets: "
            "write them as text (b12) or leave the column out",
        )


def _cut_text(sheet: Sheet, column: Column) -> Values:
    return list(cut_column(sheet, column, FEATURE_CHARACTERS))


def _cut_texts(sheet: Sheet, column: Column) -> Values:
    cut: Values = []
    for cell in column.cells:
        words = cell if isinstance(cell, tuple) else ()
        kept = tuple(word[:FEATURE_CHARACTERS] for word in words[:TEXTS_A_FEATURE])
        cut.append(kept or None)
    changed = np.fromiter(
        (after != before for after, before in zip(cut, column.cells, strict=True)),
        np.bool_,
        len(cut),
    )
    if changed.any():
        sheet.notice(
            column,
            f"is cut to {TEXTS_A_FEATURE} texts of {FEATURE_CHARACTERS} characters, the wire's "
            f"limits, in {sheet.table.at(changed)}",
        )
    return cut
