"""Claims about averaging the best states of a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from ctr_train.soup import KEPT, StateShelf

if TYPE_CHECKING:
    from pathlib import Path


class Bowl:
    """One parameter in a bowl: the loss is the distance to the bottom, at 0."""

    def __init__(self, folder: Path) -> None:
        self.parameter = torch.nn.Parameter(torch.zeros(2))
        self.folder = folder / "shelf"
        self.shelf = StateShelf(self.folder, {"p": self.parameter})
        self.step = 0

    def loss(self) -> float:
        """Return the loss of the parameter as it is."""
        return float(self.parameter.detach().norm())

    def visit(self, *values: float) -> None:
        """Move there and keep the state."""
        with torch.no_grad():
            self.parameter.copy_(torch.tensor(values))
        self.step += 10
        self.shelf.keep(self.step, self.loss())

    def stand_on_the_best(self, *values: float) -> float:
        """Move to the best state, as a trainer does at its end; return its loss."""
        with torch.no_grad():
            self.parameter.copy_(torch.tensor(values))
        return self.loss()


def test_states_around_the_bottom_are_averaged(tmp_path: Path) -> None:
    """Two states on either side give what lies between them, which is better than both."""
    bowl = Bowl(tmp_path)
    bowl.visit(-1.0, 0.1)
    bowl.visit(1.2, -0.1)
    best = bowl.stand_on_the_best(-1.0, 0.1)
    assert bowl.shelf.stir(best, bowl.loss) == 2
    assert bowl.loss() == pytest.approx(0.1, abs=1e-6)


def test_an_average_that_is_no_better_is_left(tmp_path: Path) -> None:
    """States on one side of the bottom leave the best one as it was, to the bit."""
    bowl = Bowl(tmp_path)
    for value in (3.0, 2.0, 1.0):
        bowl.visit(value, 0.0)
    best = bowl.stand_on_the_best(1.0, 0.0)
    assert bowl.shelf.stir(best, bowl.loss) == 1
    assert bowl.parameter.tolist() == [1.0, 0.0]


def test_only_the_best_states_are_kept(tmp_path: Path) -> None:
    """The worst of too many goes, and nothing half-written stays."""
    bowl = Bowl(tmp_path)
    for value in (9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 4.0):
        bowl.visit(value, 0.0)
    steps = [20, 40, 60, 70]
    assert sorted(path.name for path in bowl.folder.iterdir()) == [
        f"{step:08d}.safetensors" for step in steps
    ]
    assert len(steps) == KEPT


def test_a_resumed_fit_takes_the_shelf_up(tmp_path: Path) -> None:
    """Another process averages the same states, without those that it will come to again."""
    first = Bowl(tmp_path)
    first.visit(1.2, 0.0)
    first.visit(-1.0, 0.0)
    first.visit(-1.1, 0.0)
    second = Bowl(tmp_path)
    second.shelf.forget_after(20)
    best = second.stand_on_the_best(-1.0, 0.0)
    assert second.shelf.stir(best, second.loss) == 2
    assert second.loss() == pytest.approx(0.1, abs=1e-6)
