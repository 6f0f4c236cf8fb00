"""Parquet files of every column type that logs come with."""

from __future__ import annotations

import datetime as dt
import decimal
import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctr_train.errors import LogError
from ctr_train.parquet_table import read_parquet
from ctr_train.table import Kind

if TYPE_CHECKING:
    from ctr_train.table import Column


def read(values: Any) -> Column:  # noqa: ANN401 -- pyarrow ships no types
    """Write one column to Parquet and read it back."""
    out = io.BytesIO()
    pq.write_table(pa.table({"c": values}), out)
    return read_parquet(out.getvalue(), "log.parquet").columns[0]


CASES = {
    "text": (pa.array(["007", " ", None]), Kind.TEXT, ["007", None, None]),
    "large text": (pa.array(["a"], pa.large_string()), Kind.TEXT, ["a"]),
    "bytes that are text": (pa.array([b"a", None], pa.binary()), Kind.TEXT, ["a", None]),
    "categories": (pa.array(["a", None, "a"]).dictionary_encode(), Kind.TEXT, ["a", None, "a"]),
    "number categories": (pa.array([3, 4]).dictionary_encode(), Kind.NUMBER, [3, 4]),
    "nullable integers": (pa.array([1, None], pa.int64()), Kind.NUMBER, [1, None]),
    "floats with NaN": (pa.array([0.5, float("nan")]), Kind.NUMBER, [0.5, None]),
    "decimals": (pa.array([decimal.Decimal("1.50")]), Kind.NUMBER, [1.5]),
    "truth": (pa.array([True, None]), Kind.BOOL, [True, None]),
    "lists of text": (pa.array([["a", None, "b"], [], None]), Kind.TEXTS, [("a", "b"), None, None]),
    "lists of whole numbers": (pa.array([[1, 2]]), Kind.TEXTS, [("1", "2")]),
    "lists of categories": (
        pa.ListArray.from_arrays([0, 2], pa.array(["a", "b"]).dictionary_encode()),
        Kind.TEXTS,
        [("a", "b")],
    ),
    "nothing at all": (pa.nulls(2), Kind.TEXT, [None, None]),
    "dates": (pa.array([dt.date(2020, 1, 2)]), Kind.TIME, ["2020-01-02"]),
    "embeddings": (pa.array([[0.1, 0.2]]), Kind.OTHER, [None]),
    "structs": (pa.array([{"a": 1}]), Kind.OTHER, [None]),
    "bytes that are no text": (pa.array([b"\xff\xfe"], pa.binary()), Kind.OTHER, [None]),
}


@pytest.mark.parametrize("case", CASES)
def test_each_type_becomes_its_kind(case: str) -> None:
    """Types are kept, nulls and NaN are empty cells, and what no request can carry says so."""
    values, kind, cells = CASES[case]
    column = read(values)
    assert (column.kind, list(column.cells)) == (kind, cells)


def test_a_cut_file_is_refused() -> None:
    """A file without its end, where Parquet keeps the schema, is no log."""
    out = io.BytesIO()
    pq.write_table(pa.table({"c": ["a"]}), out)
    with pytest.raises(LogError, match="cut short"):
        read_parquet(out.getvalue()[:-9], "log.parquet")


def test_a_file_without_rows_is_refused() -> None:
    """Columns alone are no log."""
    out = io.BytesIO()
    pq.write_table(pa.table({"c": pa.array([], pa.string())}), out)
    with pytest.raises(LogError, match="no rows"):
        read_parquet(out.getvalue(), "log.parquet")
