"""All that is asked of TensorRT. Everything around it is tested with another maker of plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ctr_export.tensorrt.recipe import Recipe


class OpenPlan(Protocol):
    """A plan on the GPU. Blocking; one batch at a time."""

    def run(self, tensors: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float32]:
        """Run one batch.

        Args:
            tensors: the joint graph's inputs: int32 [rows, length], [rows], [rows]; of a shape
                within one of the profiles.

        Returns:
            Logits, float32 [rows].

        Raises:
            PlanRefusedError: the engine refused or failed the batch.
        """
        ...

    def close(self) -> None:
        """Free the GPU's memory."""
        ...


class PlanMaker(Protocol):
    """Builds plans and opens them."""

    def build(self, recipe: Recipe) -> bytes:
        """Build a plan, minutes long; reads and writes the recipe's timing cache.

        Raises:
            PlanRefusedError: TensorRT cannot build it.
        """
        ...

    def open(self, plan: bytes, recipe: Recipe) -> OpenPlan:
        """Load a plan onto the GPU.

        Raises:
            PlanRefusedError: TensorRT cannot load it.
        """
        ...
