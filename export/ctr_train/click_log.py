"""The click log in memory, checked and ready to train on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ctr_service.bundle.features import Entity
    from ctr_service.types import FeatureValue


@dataclass(frozen=True, slots=True)
class ClickLog:
    """One entry a row in every field; row i of the file is entry i.

    Attributes:
        query, title, item_id: texts, "" where absent; cut to the wire's limits.
        target: float64 [rows], click rate in [0, 1].
        weight: float64 [rows], impressions behind the row; 1 for a label.
        position: int32 [rows], 1 = top; None when the log has none.
        group: values of the group column; rows of one group never part.
        features: by entity, then by name without prefix: a value a row, None where missing. All
            values of one feature have one type.
        notices: what was ignored, cut or found odd; column names and counts only.
    """

    query: list[str]
    title: list[str]
    item_id: list[str]
    target: NDArray[np.float64]
    weight: NDArray[np.float64]
    position: NDArray[np.int32] | None
    group: list[str]
    features: dict[Entity, dict[str, list[FeatureValue | None]]]
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.query)

    def take(self, indices: Sequence[int] | NDArray[np.int64]) -> ClickLog:
        """Return the rows at `indices` (from 0), in that order."""
        rows = [int(index) for index in indices]
        return replace(
            self,
            query=[self.query[row] for row in rows],
            title=[self.title[row] for row in rows],
            item_id=[self.item_id[row] for row in rows],
            target=self.target[rows],
            weight=self.weight[rows],
            position=None if self.position is None else self.position[rows],
            group=[self.group[row] for row in rows],
            features={
                entity: {name: [values[row] for row in rows] for name, values in columns.items()}
                for entity, columns in self.features.items()
            },
        )
