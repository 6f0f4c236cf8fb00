"""Rows ready to train on, and their batches as tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctr_service.types import Row
    from ctr_train.collate import RowCollator


@dataclass(frozen=True, slots=True)
class Examples:
    """Tokenised rows with what they are trained towards.

    Attributes:
        rows: token ids.
        target: float64 [rows], click rates in [0, 1].
        weight: float64 [rows], impressions.
        tie: int64 [rows], the tie of the row's position; None without a position model.
        teacher: float64 [rows], a teacher's logits of P(click | examined); None without a teacher.
    """

    rows: list[Row]
    target: NDArray[np.float64]
    weight: NDArray[np.float64]
    tie: NDArray[np.int64] | None
    teacher: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each row, int64 [rows]."""
        return np.array([row.length for row in self.rows], dtype=np.int64)


class ExampleDataset(torch.utils.data.Dataset[int]):
    """Row numbers as a dataset: the collator looks the rows up, so nothing is copied."""

    def __init__(self, examples: Examples) -> None:
        self._rows = len(examples)

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, index: int) -> int:
        return index


class ExampleCollator:
    """Row numbers -> tensors of a batch. Weights are scaled to mean 1 over all examples."""

    def __init__(self, examples: Examples, collator: RowCollator) -> None:
        self._examples = examples
        self._collator = collator
        self._target = torch.from_numpy(examples.target.astype(np.float32))
        scaled = examples.weight / examples.weight.mean()
        self._weight = torch.from_numpy(scaled.astype(np.float32))
        self._tie = None if examples.tie is None else torch.from_numpy(examples.tie)
        self._teacher = None
        if examples.teacher is not None:
            self._teacher = torch.from_numpy(examples.teacher.astype(np.float32))

    def __call__(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        """Return the model's inputs with `target`, `weight` and, if known, `tie` and `teacher`."""
        chosen = list(indices)
        batch = self._collator.inputs([self._examples.rows[index] for index in chosen])
        batch |= {"target": self._target[chosen], "weight": self._weight[chosen]}
        if self._tie is not None:
            batch["tie"] = self._tie[chosen]
        if self._teacher is not None:
            batch["teacher"] = self._teacher[chosen]
        return batch
