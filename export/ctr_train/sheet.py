"""A table whose columns have a use, and the findings that reading it gathers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctr_train.columns import Role, column_for
from ctr_train.table import Kind, shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ctr_service.bundle.features import Entity
    from ctr_train.columns import ColumnUse
    from ctr_train.table import Column, Findings, Table


@dataclass(frozen=True, slots=True)
class Sheet:
    """What every reader of a part of the log needs.

    Attributes:
        uses, columns: by column name, in file order.
        findings: grows while the log is read.
    """

    table: Table
    uses: dict[str, ColumnUse]
    columns: dict[str, Column]
    findings: Findings

    def filled(self, role: Role) -> Column | None:
        """Return the column with a role, or None: absent, empty (said aloud) or unreadable."""
        name = column_for(role, self.uses.values())
        if name is None:
            return None
        column = self.columns[name]
        if column.kind is Kind.OTHER:
            self.problem(column, "holds bytes or a nested type; it must be text (UTF-8) or numbers")
            return None
        if not column.is_empty:
            return column
        self.ignore(column, "it is empty in every row")
        return None

    def feature_column(self, entity: Entity, feature: str) -> str:
        """Return the name, fit for a message, of the column that holds a feature."""
        uses = self.uses.values()
        return next(
            shown(use.column) for use in uses if (use.entity, use.feature) == (entity, feature)
        )

    def ignore(self, column: Column, reason: str) -> None:
        """Mark a column as ignored and say aloud why."""
        use = self.uses[column.name]
        self.uses[column.name] = replace(use, role=Role.IGNORED, note=reason)
        self.findings.notices.append(f"column {shown(column.name)} is ignored: {reason}")

    def notice(self, column: Column, sentence: str) -> None:
        """Add a notice about a column."""
        self.findings.notices.append(f"column {shown(column.name)} {sentence}")

    def problem(self, column: Column, sentence: str) -> None:
        """Add a problem with a column."""
        self.findings.problems.append(f"column {shown(column.name)} {sentence}")

    def problem_at(self, column: Column, sentence: str, mask: NDArray[np.bool_]) -> None:
        """Add a problem with the marked rows of a column, bool [rows], if there are any."""
        if mask.any():
            self.problem(column, f"{sentence} in {self.table.at(mask)}")
