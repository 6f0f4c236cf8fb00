"""Reading the candidates of one search from CSV or JSON Lines."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_client.features import ITEM, FeatureError, FeatureTypes, as_number
from ctr_client.messages import Item, PlainValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FEATURE_PREFIX = "item_"
ID_COLUMNS = ("item_id", "id")
TITLE_COLUMNS = ("title", "item_title")
VERSION_COLUMN = "item_version"
PRIOR_COLUMN = "prior_score"
RANK_COLUMN = "rank"


class ItemFileError(ValueError):
    """The file cannot be read as items; the sentence names rows and columns, never content."""


@dataclass(frozen=True, slots=True)
class ItemFile:
    """What a file held.

    Attributes:
        items: one a row, in the file's order.
        ignored: columns that are neither part of an item nor a feature of the model, sorted.
    """

    items: tuple[Item, ...]
    ignored: tuple[str, ...]


def parse_items(raw: bytes, types: FeatureTypes) -> ItemFile:
    """Read items from the bytes of a file: JSON Lines when it begins with `{`, else CSV.

    A row has `title` (or `item_title`) and optionally `item_id`, `item_version`, `prior_score`,
    `rank`, and the model's features under their plain name or with `item_` before it. Rows without
    an id are numbered from 1.

    Raises:
        ItemFileError: names the first wrong row and its column.
    """
    text = _decoded(raw)
    if not text.strip():
        raise ItemFileError("the items file is empty; give it a header and a row for each item")
    rows = _json_rows(text) if text.lstrip().startswith("{") else _csv_rows(text)
    known = _feature_columns(types)
    items: list[Item] = []
    ignored: set[str] = set()
    for number, row in rows:
        try:
            items.append(_item(row, number, known, types))
        except FeatureError as error:
            raise ItemFileError(f"row {number}: {error}") from None
        ignored |= row.keys() - known.keys() - _OWN_COLUMNS
    if not items:
        raise ItemFileError("the items file has a header but no rows")
    return ItemFile(tuple(items), tuple(sorted(ignored)))


_OWN_COLUMNS = {*ID_COLUMNS, *TITLE_COLUMNS, VERSION_COLUMN, PRIOR_COLUMN, RANK_COLUMN}


def _feature_columns(types: FeatureTypes) -> dict[str, str]:
    """Return column name -> feature name; a plain name never hides an item's own column."""
    columns = {f"{FEATURE_PREFIX}{name}": name for name in types.names(ITEM)}
    columns |= {name: name for name in types.names(ITEM)}
    return {column: name for column, name in columns.items() if column not in _OWN_COLUMNS}


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ItemFileError(
            f"the items file is not UTF-8 text (byte {error.start}); save it as UTF-8 CSV"
        ) from None


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = header
        if not set(TITLE_COLUMNS) & set(header):
            raise ItemFileError("the items file has no column title (or item_title)")
        if len(set(header)) != len(header):
            raise ItemFileError("two columns of the items file share a name")
        for number, row in enumerate(reader, start=1):
            if reader.restkey in row or None in row.values():
                raise ItemFileError(f"row {number} has not the {len(header)} cells of the header")
            yield number, row
    except csv.Error as error:
        raise ItemFileError(f"the items file is no CSV: line {reader.line_num}: {error}") from None


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    lines = [line for line in text.split("\n") if line.strip()]
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except ValueError:
            raise ItemFileError(f"row {number} is no JSON object on one line") from None
        if not isinstance(row, dict):
            raise ItemFileError(f"row {number} is no JSON object")
        if not set(TITLE_COLUMNS) & row.keys():
            raise ItemFileError(f"row {number} has no title (or item_title)")
        yield number, row


def _item(
    row: Mapping[str, object], number: int, known: Mapping[str, str], types: FeatureTypes
) -> Item:
    features: dict[str, PlainValue] = {}
    for column in row.keys() & known.keys():
        name = known[column]
        if name in features:
            raise FeatureError(f"columns {name} and {FEATURE_PREFIX}{name} are the same feature")
        value = types.typed(ITEM, name, row[column])
        if value is not None:
            features[name] = value
    return Item(
        item_id=_first_text(row, ID_COLUMNS) or str(number),
        title=_first_text(row, TITLE_COLUMNS),
        item_version=_first_text(row, (VERSION_COLUMN,)),
        features=features,
        prior_score=_optional_number(row, PRIOR_COLUMN),
        rank=_rank(row),
    )


def _first_text(row: Mapping[str, object], columns: tuple[str, ...]) -> str:
    for column in columns:
        value = row.get(column)
        if isinstance(value, int) and not isinstance(value, bool) and column in ID_COLUMNS:
            return str(value)
        if value is not None and not isinstance(value, str):
            raise FeatureError(f"column {column} must be a text")
        if value:
            return value
    return ""


def _optional_number(row: Mapping[str, object], column: str) -> float | None:
    value = row.get(column)
    if value is None or value == "":
        return None
    return as_number(f"column {column}", value)


def _rank(row: Mapping[str, object]) -> int | None:
    number = _optional_number(row, RANK_COLUMN)
    if number is None:
        return None
    if not number.is_integer() or not 1 <= number < 2**32:
        raise FeatureError(f"column {RANK_COLUMN} must be a whole number from 1")
    return int(number)
