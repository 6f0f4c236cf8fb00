"""Parquet -> Table. The file's own types are kept: a text column of digits stays text."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ctr_train.errors import LogError
from ctr_train.table import Column, Kind, Table

if TYPE_CHECKING:
    from ctr_train.table import Cell

MAGIC = b"PAR1"
"""The first four bytes of every Parquet file."""


def read_parquet(raw: bytes, name: str) -> Table:
    """Read a Parquet file; a column that is no UTF-8 becomes one of kind OTHER.

    Args:
        raw: the file's bytes.
        name: the file's name, for messages.

    Raises:
        LogError: no Parquet, cut short, or without rows.
    """
    try:
        table = pq.ParquetFile(io.BytesIO(raw)).read()
    except (pa.ArrowException, OSError) as error:
        raise LogError(f"{name} cannot be read as Parquet; it may be cut short") from error
    if not table.num_rows:
        raise LogError(f"{name} has columns but no rows")
    columns = []
    for title, values in zip(table.column_names, table.columns, strict=True):
        name_of = str(title).strip()
        try:
            values.validate(full=True)
            columns.append(_column(name_of, values))
        except (pa.ArrowException, UnicodeDecodeError):
            columns.append(Column(name_of, Kind.OTHER, [None] * table.num_rows))
    numbers = np.arange(1, table.num_rows + 1, dtype=np.int64)
    return Table(tuple(columns), numbers, table.num_rows)


def _column(name: str, values: Any) -> Column:  # noqa: ANN401 -- pyarrow ships no types
    while pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = _kind(values.type)
    if kind is Kind.OTHER:
        return Column(name, kind, [None] * len(values))
    if kind is Kind.TEXTS:
        return Column(name, kind, [_texts(cell) for cell in values.to_pylist()])
    if kind in (Kind.TEXT, Kind.TIME):
        return Column(name, kind, [_text(cell) for cell in values.cast(pa.string()).to_pylist()])
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.float64())
    return Column(name, kind, [_number(cell) for cell in values.to_pylist()])


def _kind(data_type: Any) -> Kind:  # noqa: ANN401 -- pyarrow ships no types
    types = pa.types
    if types.is_boolean(data_type):
        return Kind.BOOL
    if types.is_integer(data_type) or types.is_floating(data_type) or types.is_decimal(data_type):
        return Kind.NUMBER
    if _is_text(data_type) or types.is_null(data_type):
        return Kind.TEXT
    if types.is_temporal(data_type):
        return Kind.TIME
    if _is_list(data_type):
        inner = data_type.value_type
        if types.is_dictionary(inner):
            inner = inner.value_type
        return Kind.TEXTS if _is_text(inner) or types.is_integer(inner) else Kind.OTHER
    return Kind.OTHER


def _is_text(data_type: Any) -> bool:  # noqa: ANN401 -- pyarrow ships no types
    types = pa.types
    tests = (
        types.is_string,
        types.is_large_string,
        types.is_string_view,
        types.is_binary,
        types.is_large_binary,
    )
    return any(test(data_type) for test in tests)


def _is_list(data_type: Any) -> bool:  # noqa: ANN401 -- pyarrow ships no types
    types = pa.types
    tests = (types.is_list, types.is_large_list, types.is_fixed_size_list)
    return any(test(data_type) for test in tests)


def _text(cell: str | None) -> Cell:
    return cell if cell is not None and cell.strip() else None


def _texts(cell: list[Any] | None) -> Cell:
    if cell is None:
        return None
    words = tuple(
        word.decode("utf-8") if isinstance(word, bytes) else str(word)
        for word in cell
        if word is not None
    )
    return tuple(word for word in words if word.strip()) or None


def _number(cell: float | None) -> Cell:
    return None if cell is None or (isinstance(cell, float) and math.isnan(cell)) else cell
