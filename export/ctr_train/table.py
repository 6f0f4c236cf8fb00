"""A table as it was read: columns of cells, before any meaning is given to them."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Cell: TypeAlias = str | int | float | bool | tuple[str, ...] | None
"""None is an empty cell: absent, null, NaN, or text of white space alone."""

SHOWN_ROWS = 5
SHOWN_NAME_CHARACTERS = 60


class Kind(enum.Enum):
    """What the file says about a column's type."""

    RAW = "raw"
    """CSV: texts whose type is still to be inferred."""
    TEXT = "text"
    NUMBER = "number"
    BOOL = "bool"
    TEXTS = "texts"
    TIME = "time"
    """Date or time; the cells are its text."""
    OTHER = "other"
    """No text or number: bytes, a nested type, a list of fractions; the cells are None."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. All cells that are not None have the type that `kind` says."""

    name: str
    kind: Kind
    cells: Sequence[Cell]

    @property
    def is_empty(self) -> bool:
        """Say whether no cell holds anything."""
        return self.kind is not Kind.OTHER and all(cell is None for cell in self.cells)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Return a mask of the empty cells, [rows]."""
        empty = (cell is None for cell in self.cells)
        return np.fromiter(empty, dtype=np.bool_, count=len(self.cells))


@dataclass(frozen=True, slots=True)
class Table:
    """Columns in file order, and which data row (from 1) each cell came from."""

    columns: tuple[Column, ...]
    row_numbers: NDArray[np.int64]
    total_rows: int

    def __len__(self) -> int:
        return len(self.row_numbers)

    def at(self, mask: NDArray[np.bool_]) -> str:
        """Describe the marked rows: how many, and the numbers of the first ones.

        Args:
            mask: bool [rows].
        """
        return describe_rows(self.row_numbers[mask], self.total_rows)


@dataclass(slots=True)
class Findings:
    """What a check has to say, gathered so that a user sees all of it at once."""

    problems: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def describe_rows(numbers: Sequence[int] | NDArray[np.int64], total: int) -> str:
    """Return `12 of 30,000 rows (first: rows 3, 9, 12, 15, 20)`; rows count from 1."""
    first = ", ".join(str(number) for number in numbers[:SHOWN_ROWS])
    if len(numbers) == 1:
        return f"1 of {total:,} rows (row {first})"
    return f"{len(numbers):,} of {total:,} rows (first: rows {first})"


def shown(name: str) -> str:
    """Return a column name fit for a message: printable, quoted, not endless."""
    clean = "".join(c if c.isprintable() else "?" for c in name)
    if len(clean) > SHOWN_NAME_CHARACTERS:
        clean = clean[:SHOWN_NAME_CHARACTERS] + "..."
    return f"'{clean}'"
