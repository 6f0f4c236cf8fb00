"""The raw rows of a run, `rows.parquet`, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ctr_bench.errors import BenchError
from ctr_bench.record import OK, UNREAD

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAX_ROWS = 20_000_000
"""About 2 GB of columns; more requests than any run on one generator takes."""
NUMBERS = {
    "scheduled_ns": np.int64,
    "sent_ns": np.int64,
    "done_ns": np.int64,
    "candidates": np.int32,
    "code": np.uint8,
    "degraded": np.bool_,
    "scored": np.int32,
    "fallback": np.int32,
    "invalid": np.int32,
    "cached": np.int32,
    "features_ns": np.int64,
    "queue_ns": np.int64,
    "model_ns": np.int64,
}
"""Columns of numbers; an absent value reads 0."""
NAMES = ("model_version", "caller", "priority")
"""Columns that group the requests."""

PRIORITIES = {"0": "unspecified", "1": "interactive", "2": "bulk"}
"""As ctr.v1 numbers them; a file may hold numbers or names."""


@dataclass(frozen=True, slots=True)
class Groups:
    """A column of names.

    Attributes:
        names: each distinct one.
        index: int64 [requests] into `names`; -1 where the row has none.
    """

    names: tuple[str, ...]
    index: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns of one run, every array [requests]; the types are those of `NUMBERS`.

    Attributes:
        scheduled_ns, sent_ns, done_ns: since the run's begin.
        features_ns, queue_ns, model_ns: the server's own timings; 0 where there was no answer.
    """

    scheduled_ns: NDArray[np.int64]
    sent_ns: NDArray[np.int64]
    done_ns: NDArray[np.int64]
    candidates: NDArray[np.int32]
    code: NDArray[np.uint8]
    degraded: NDArray[np.bool_]
    scored: NDArray[np.int32]
    fallback: NDArray[np.int32]
    invalid: NDArray[np.int32]
    cached: NDArray[np.int32]
    features_ns: NDArray[np.int64]
    queue_ns: NDArray[np.int64]
    model_ns: NDArray[np.int64]
    model_version: Groups
    caller: Groups
    priority: Groups

    def __len__(self) -> int:
        return len(self.code)

    @property
    def latency_ms(self) -> NDArray[np.float64]:
        """float64 [requests]: from the scheduled time to the answer's bytes, or to the failure."""
        return (self.done_ns - self.scheduled_ns) / 1e6

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Bool [requests]: ended with an answer of whatever worth."""
        answered: NDArray[np.bool_] = self.code == OK
        return answered

    @property
    def good(self) -> NDArray[np.bool_]:
        """Bool [requests]: answered, complete and undegraded; an unread answer counts."""
        whole = (self.scored == self.candidates) | (self.scored == UNREAD)
        good: NDArray[np.bool_] = self.answered & whole & ~self.degraded
        return good


def read_rows(path: Path, requests: int) -> Rows:
    """Read a run's rows.

    Args:
        path: the file.
        requests: how many there must be, as the run's own figures say.

    Raises:
        BenchError: the file is absent, no Parquet, lacks a column, has one of another type, or
            holds another number of rows.
    """
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise BenchError(f"{path}: there is no such file beside run.json") from None
    except (pa.ArrowInvalid, OSError):
        raise BenchError(f"{path}: is no Parquet file, or was cut short") from None
    with file:
        count = file.metadata.num_rows
        if count > MAX_ROWS:
            raise BenchError(f"{path}: {count:,} rows; the report takes at most {MAX_ROWS:,}")
        if count != requests:
            raise BenchError(f"{path}: {count:,} rows, but figures.requests says {requests:,}")
        wanted = [*NUMBERS, *NAMES]
        if missing := [name for name in wanted if name not in file.schema_arrow.names]:
            raise BenchError(f"{path}: column {missing[0]} is missing")
        try:
            table = file.read(columns=wanted)
        except (pa.ArrowInvalid, OSError):
            raise BenchError(f"{path}: cannot be read to its end") from None
    columns: dict[str, Any] = {name: _groups(table, name) for name in NAMES}
    for name, kind in NUMBERS.items():
        columns[name] = _numbers(table, name, kind, path)
    return Rows(**columns)


def _numbers(table: Any, name: str, kind: type[np.generic], path: Path) -> NDArray[Any]:  # noqa: ANN401 -- pyarrow ships no types
    column = table.column(name)
    wanted = pa.from_numpy_dtype(kind)
    try:
        filled = pc.fill_null(pc.cast(column, wanted), pa.scalar(0).cast(wanted))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise BenchError(f"{path}: column {name} is {column.type}, not {wanted}") from None
    values: NDArray[Any] = filled.to_numpy()
    return values


def _groups(table: Any, name: str) -> Groups:  # noqa: ANN401 -- pyarrow ships no types
    column = pc.cast(table.column(name), pa.string())
    encoded = column.combine_chunks().dictionary_encode()
    index: NDArray[np.int64] = pc.fill_null(encoded.indices, -1).to_numpy().astype(np.int64)
    names = [str(one) for one in encoded.dictionary.to_pylist()]
    if name == "priority":
        names = [PRIORITIES.get(one, one) for one in names]
    return Groups(tuple(names), index)
