"""Small click logs on disk: a valid one, with the columns that a test changes."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ctr_train.log import inspect_log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ctr_train.log import LogInspection

ROWS = 60
QUERIES = 40


def log_columns(**changes: Sequence[Any] | None) -> dict[str, list[Any]]:
    """Return a valid log of 60 rows and 40 queries; a change of None takes a column out."""
    columns: dict[str, list[Any]] = {
        "query": [f"query {row % QUERIES}" for row in range(ROWS)],
        "item_title": [f"title {row}" for row in range(ROWS)],
        "label": [str(row % 2) for row in range(ROWS)],
    }
    for name, values in changes.items():
        if values is None:
            del columns[name]
        else:
            columns[name] = list(values)
    return columns


def with_cells(default: Any, cells: Mapping[int, Any]) -> list[Any]:  # noqa: ANN401 -- any cell
    """Return a column of 60 cells: `default`, but for the given data rows (from 1)."""
    return [cells.get(row, default) for row in range(1, ROWS + 1)]


def write_csv(folder: Path, columns: Mapping[str, Sequence[Any]]) -> Path:
    """Write the columns as CSV and return the path."""
    path = folder / "log.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def write_parquet(folder: Path, columns: Mapping[str, Any]) -> Path:
    """Write the columns as Parquet and return the path."""
    path = folder / "log.parquet"
    pq.write_table(pa.table(dict(columns)), path)
    return path


def inspect_csv(
    folder: Path, columns: Mapping[str, Sequence[Any]], *, group: str = "query"
) -> LogInspection:
    """Write the columns as CSV and inspect them."""
    return inspect_log(write_csv(folder, columns), group_column=group)
