"""A machine with a GPU and a maker of plans, both made up: the plan is the ONNX graph itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ctr_export.tensorrt.machine import Facts, Gpu
from ctr_service.backend.base import INPUT_IDS, LENGTHS, LOGITS
from ctr_service.backend.onnx_session import OnnxSession

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_export.tensorrt.recipe import Recipe

    Spoil = Callable[[NDArray[np.float32], Mapping[str, NDArray[np.generic]]], None]

GPU = Gpu("NVIDIA L4", "8.9", "550.54.15")
FACTS = Facts(GPU, "10.9.0.34")
PLAN = b"a plan"


def unspoilt(_logits: NDArray[np.float32], _tensors: Mapping[str, NDArray[np.generic]]) -> None:
    """Leave the logits as they are."""


@dataclass
class FakeMachine:
    """Implements `Machine`."""

    found: list[Gpu] = field(default_factory=lambda: [GPU])
    version: str | None = FACTS.tensorrt_version
    cuda: bool = True
    free: int = 1 << 40

    def gpus(self) -> list[Gpu]:
        """Return what the test put there."""
        return self.found

    def tensorrt_version(self) -> str | None:
        """Return what the test put there."""
        return self.version

    def torch_sees_cuda(self) -> bool:
        """Return what the test put there."""
        return self.cuda

    def free_bytes(self, folder: Path) -> int:
        """Return what the test put there."""
        assert folder.is_dir()
        return self.free


class FakePlan:
    """Implements `OpenPlan` on a CPU.

    Args:
        recipe: names the graph, and bounds the shapes as a real plan does.
        spoil: changes the logits in place.
    """

    def __init__(self, recipe: Recipe, spoil: Spoil = unspoilt) -> None:
        self._session = OnnxSession(recipe.graph, threads=1)
        self._profiles = recipe.profiles
        self._spoil = spoil
        self.closed = False

    def run(self, tensors: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float32]:
        """Run a batch whose shape lies within a profile."""
        rows, length = tensors[INPUT_IDS].shape
        assert any(
            p.least[0] <= rows <= p.most[0] and p.least[1] <= length <= p.most[1]
            for p in self._profiles
        ), (rows, length)
        # The tiny graph divides by the length; a BERT gives a number for a row without tokens.
        lengths = np.maximum(tensors[LENGTHS], 1).astype(np.int32)
        logits = self._session.run({**tensors, LENGTHS: lengths})[LOGITS].astype(np.float32)
        self._spoil(logits, tensors)
        return logits

    def close(self) -> None:
        """Remember it."""
        self.closed = True


class FakeMaker:
    """Implements `PlanMaker`.

    Args:
        spoil: of the plans that it opens.
    """

    def __init__(self, spoil: Spoil = unspoilt) -> None:
        self._spoil = spoil
        self.opened: list[FakePlan] = []

    def build(self, recipe: Recipe) -> bytes:
        """Return the same bytes always."""
        assert recipe.profiles
        return PLAN

    def open(self, plan: bytes, recipe: Recipe) -> FakePlan:
        """Open the recipe's graph."""
        assert plan == PLAN
        self.opened.append(FakePlan(recipe, self._spoil))
        return self.opened[-1]
