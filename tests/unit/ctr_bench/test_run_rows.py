"""Runs that were kept, read again to be compared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctr_bench.errors import BenchError
from ctr_bench.run_rows import check_same_load, read_run
from tests.support.load_records import answered

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {
    "valid": True,
    "invalid_reasons": [],
    "loop": "open",
    "offered_requests_s": 100.0,
    "server": {"model_version": "v1"},
}


def kept_run(folder: Path, **changes: object) -> Path:
    """Write three requests as `ctr-bench run` does, with a column that nobody here knows."""
    folder.mkdir()
    rows = [answered(10 * (i + 1), 20.0 + i)._asdict() for i in range(3)]
    table = pa.Table.from_pylist([row | {"model_version": "v1"} for row in rows])
    pq.write_table(table, folder / "rows.parquet")
    (folder / "run.json").write_text(json.dumps({**GOOD, **changes}))
    return folder


def test_a_kept_run_comes_back(tmp_path: Path) -> None:
    """Latencies, rate and model version."""
    found = read_run(kept_run(tmp_path / "a"))
    assert found.records.latency_ms.tolist() == [20.0, 21.0, 22.0]
    assert (found.offered_requests_s, found.model_version) == (100.0, "v1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"valid": False, "invalid_reasons": ["lag"]}, "is not valid: lag"),
        ({"loop": "closed"}, "closed loop"),
        ({"server": None}, "is no run"),
        ({"offered_requests_s": None}, "is no run"),
    ],
)
def test_a_run_that_compares_to_nothing_is_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    """The sentence says why."""
    with pytest.raises(BenchError, match=message):
        read_run(kept_run(tmp_path / "a", **changes))


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    """Nothing in it."""
    with pytest.raises(BenchError, match="is no run of `ctr-bench run`"):
        read_run(tmp_path)


def test_runs_of_different_loads_are_refused(tmp_path: Path) -> None:
    """100 and 150 requests a second."""
    one = read_run(kept_run(tmp_path / "a"))
    other = read_run(kept_run(tmp_path / "b", offered_requests_s=150.0))
    check_same_load(one, one)
    with pytest.raises(BenchError, match="100 and 150 requests/s"):
        check_same_load(one, other)
