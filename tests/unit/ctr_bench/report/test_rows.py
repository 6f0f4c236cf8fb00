"""The raw rows: read as they were written, refused by file and column where they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctr_bench.errors import BenchError
from ctr_bench.report.rows import NUMBERS, read_rows
from tests.support.simulated_bench import write_run
from tests.support.simulated_load import SimulatedServer, simulate_load

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS = 50


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The rows of a small run."""
    columns = simulate_load(SimulatedServer(), 10, REQUESTS / 10)
    return write_run(tmp_path / "run", columns) / "rows.parquet"


def rewrite(path: Path, name: str, column: pa.Array | None) -> None:
    """Replace a column, or leave it out."""
    table = pq.read_table(path)
    place = table.schema.get_field_index(name)
    table = table.remove_column(place)
    pq.write_table(table if column is None else table.append_column(name, column), path)


def test_columns_come_back_with_their_types(path: Path) -> None:
    """Every column of numbers has its type, and equals what the simulation said."""
    rows = read_rows(path, REQUESTS)
    columns = simulate_load(SimulatedServer(), 10, REQUESTS / 10)
    for name, kind in NUMBERS.items():
        read = getattr(rows, name)
        assert read.dtype == kind
        assert np.array_equal(read, columns[name])
    assert rows.priority.names == ("bulk", "interactive")
    assert set(rows.caller.names) == {"0", "1", "2"}


def test_an_absent_timing_reads_nought(path: Path) -> None:
    """A null stage is 0, and a null model version is no group."""
    nothing = pa.nulls(REQUESTS, pa.int64())
    rewrite(path, "queue_ns", nothing)
    rewrite(path, "model_version", pa.nulls(REQUESTS, pa.string()).dictionary_encode())
    rows = read_rows(path, REQUESTS)
    assert not rows.queue_ns.any()
    assert rows.model_version.names == ()
    assert (rows.model_version.index == -1).all()


def test_priorities_as_numbers_are_named(path: Path) -> None:
    """The wire's 1 and 2 are shown as their names."""
    numbers = pa.array(np.arange(REQUESTS) % 2 + 1, pa.uint8())
    rewrite(path, "priority", numbers)
    assert set(read_rows(path, REQUESTS).priority.names) == {"interactive", "bulk"}


@pytest.mark.parametrize("name", [*NUMBERS, "caller"])
def test_a_missing_column_is_named(path: Path, name: str) -> None:
    """The refusal says which file and which column."""
    rewrite(path, name, None)
    with pytest.raises(BenchError, match=rf"rows\.parquet: column {name} is missing"):
        read_rows(path, REQUESTS)


def test_a_column_of_another_type_is_named(path: Path) -> None:
    """Text where numbers belong is refused with both types, without the text."""
    rewrite(path, "done_ns", pa.array(["secret"] * REQUESTS))
    with pytest.raises(BenchError, match=r"column done_ns is string, not int64") as refused:
        read_rows(path, REQUESTS)
    assert "secret" not in str(refused.value)


def test_rows_of_another_run_are_refused(path: Path) -> None:
    """A number of rows that differs from the figures' own means that the files do not belong."""
    with pytest.raises(BenchError, match=r"50 rows, but figures\.requests says 60"):
        read_rows(path, REQUESTS + 10)


def test_a_file_cut_short_is_refused(path: Path) -> None:
    """Half a file is no run."""
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BenchError, match="is no Parquet file, or was cut short"):
        read_rows(path, REQUESTS)
    path.unlink()
    with pytest.raises(BenchError, match=r"no such file beside run\.json"):
        read_rows(path, REQUESTS)
