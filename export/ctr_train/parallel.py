"""Small matrices on a few cores: n Python threads with one PyTorch thread each, not one with n.

A batch of short rows makes matrices too small to be worth a barrier a layer. Each thread takes its
share of the rows from one end of the model to the other and they meet once a step: 62 rows a
CPU-second where two OpenMP threads in one model made 40 (MiniLM, two cores, bf16). PyTorch releases
the interpreter's lock in its kernels.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_PartT = TypeVar("_PartT")
_ResultT = TypeVar("_ResultT")


class Workers:
    """A fixed number of threads, each with one PyTorch thread. Its threads end with it."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))

    @classmethod
    def for_device(cls, device: torch.device) -> Workers:
        """Return one worker a PyTorch thread on a CPU, and one in all elsewhere."""
        return cls(torch.get_num_threads() if device.type == "cpu" else 1)

    def map(
        self, function: Callable[[_PartT], _ResultT], parts: Iterable[_PartT]
    ) -> list[_ResultT]:
        """Return `function` of each part, in order; the first exception is raised."""
        return list(self._pool.map(function, parts))

    def split(self, rows: int) -> list[slice]:
        """Return slices that deal `rows` rows out in turn, one slice a worker that gets any."""
        return [slice(first, None, self.count) for first in range(min(self.count, rows))]

    def add_gradients(
        self,
        rows: int,
        loss_of: Callable[[slice], torch.Tensor],
        parameters: Sequence[torch.nn.Parameter],
    ) -> float:
        """Set `.grad` of each parameter to the gradient of a batch's mean loss; return that loss.

        The shares are added in a fixed order, so that a seed still fixes the result.

        Args:
            rows: of the batch.
            loss_of: the mean loss of some of its rows.
            parameters: what learns.
        """

        def share(part: slice) -> tuple[float, tuple[torch.Tensor | None, ...]]:
            loss = loss_of(part) * (len(range(rows)[part]) / rows)
            return float(loss.detach()), torch.autograd.grad(loss, parameters, allow_unused=True)

        results = self.map(share, self.split(rows))
        for index, parameter in enumerate(parameters):
            grads = [grads[index] for _, grads in results]
            known = [grad for grad in grads if grad is not None]
            parameter.grad = sum(known[1:], known[0]) if known else None
        return sum(loss for loss, _ in results)
