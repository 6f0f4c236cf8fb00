"""`heldout.parquet`: the rows that the model never trained on, with its logits.

The exporter's gate and calibration read them, so that both see the very texts and logits that the
trainer saw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ctr_train.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_service.bundle.template import Segments

SplitName: TypeAlias = Literal["validation", "test"]

_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("split", pa.string()),
        ("segments", pa.list_(pa.string())),
        ("target", pa.float64()),
        ("weight", pa.float64()),
        ("position", pa.int32()),
        ("group", pa.int64()),
        ("logit", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Rows of one held-out split.

    Attributes:
        row: int64 [rows], number of the row in the log, from 0.
        segments: the rendered texts of each row, in the template's order.
        target: float64 [rows], click rate in [0, 1].
        weight: float64 [rows], impressions behind the row.
        position: int32 [rows], 1 is the top; None where the log had none.
        group: int64 [rows], a code for each value of the group column.
        logit: float64 [rows], the PyTorch model's, of P(click | examined), uncalibrated.
    """

    row: NDArray[np.int64]
    segments: list[Segments]
    target: NDArray[np.float64]
    weight: NDArray[np.float64]
    position: NDArray[np.int32] | None
    group: NDArray[np.int64]
    logit: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: NDArray[np.int64]) -> HeldOut:
        """Return the rows at these places, in that order."""
        return HeldOut(
            row=self.row[rows],
            segments=[self.segments[index] for index in rows.tolist()],
            target=self.target[rows],
            weight=self.weight[rows],
            position=None if self.position is None else self.position[rows],
            group=self.group[rows],
            logit=self.logit[rows],
        )


def write_heldout_file(path: Path, splits: Sequence[tuple[SplitName, HeldOut]]) -> None:
    """Write the rows of each split, in the order given."""
    tables = [_table(name, rows) for name, rows in splits]
    pq.write_table(pa.concat_tables(tables), path)


def read_heldout_file(path: Path, split: SplitName) -> HeldOut:
    """Read the rows of one split, in the order of the file.

    Raises:
        CheckpointError: the file cannot be read or lacks a column.
    """
    try:
        table = pq.read_table(path, schema=_SCHEMA, filters=[("split", "==", split)])
    except (OSError, pa.ArrowException) as error:
        raise CheckpointError(f"{path.name} cannot be read: {type(error).__name__}") from error
    position = table["position"]
    return HeldOut(
        row=_int64(table["row"]),
        segments=[tuple(texts) for texts in table["segments"].to_pylist()],
        target=_float64(table["target"]),
        weight=_float64(table["weight"]),
        position=None if position.null_count else np.asarray(position.to_numpy(), dtype=np.int32),
        group=_int64(table["group"]),
        logit=_float64(table["logit"]),
    )


def _int64(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.asarray(column.to_numpy(), dtype=np.int64)


def _float64(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _table(name: SplitName, rows: HeldOut) -> pa.Table:
    position = [None] * len(rows) if rows.position is None else rows.position
    columns = [
        pa.array(rows.row, pa.int64()),
        pa.array([name] * len(rows), pa.string()),
        pa.array([list(texts) for texts in rows.segments], pa.list_(pa.string())),
        pa.array(rows.target, pa.float64()),
        pa.array(rows.weight, pa.float64()),
        pa.array(position, pa.int32()),
        pa.array(rows.group, pa.int64()),
        pa.array(rows.logit, pa.float64()),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)
