"""Averaging the weights of a fit's best states, as far as validation likes the average.

A small log is over-fitted within an epoch or two, each state in its own way; the mean of a few of
them is often better than the best (greedy soup, Wortsman et al. 2022, arXiv 2203.05482). It costs a
validation pass a state, and nothing when serving.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

KEPT = 4
"""States that are kept on disk beside the trainer's own; MiniLM's weigh 90 MB each."""
LOSS = "loss"
SUFFIX = ".safetensors"


class StateShelf:
    """The best states of a fit so far, in a folder that a resumed fit takes up."""

    def __init__(self, folder: Path, learning: Mapping[str, torch.nn.Parameter]) -> None:
        """Keep states of these parameters; what the folder holds already counts.

        Args:
            folder: made if it is absent.
            learning: name -> parameter.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._learning = learning

    def forget_after(self, step: int) -> None:
        """Drop states of later steps: a resumed fit comes to them again."""
        for path in self._folder.glob(f"*{SUFFIX}"):
            if int(path.stem) > step:
                path.unlink()

    def keep(self, step: int, loss: float) -> None:
        """Copy the parameters as they are at a step, unless there are enough better ones."""
        states = self._by_loss()
        if len(states) >= KEPT and not loss < states[-1][0]:
            return
        copies = {name: p.detach().to("cpu", copy=True) for name, p in self._learning.items()}
        aside = self._folder / f"{step:08d}.part"
        save_file(copies, aside, metadata={LOSS: repr(loss)})
        aside.rename(aside.with_suffix(SUFFIX))
        for _, path in self._by_loss()[KEPT:]:
            path.unlink()

    def stir(self, best_loss: float, loss_of_model: Callable[[], float]) -> int:
        """Set the parameters to the best average that the greedy way finds; return of how many.

        States join in the order of their losses, each as long as the average's loss falls.

        Args:
            best_loss: of the parameters as they are now, which are the first of the average.
            loss_of_model: the validation log loss of the parameters as they are when it is called.
        """
        chosen = [{name: p.detach().to("cpu", copy=True) for name, p in self._learning.items()}]
        for loss, path in self._by_loss():
            if loss <= best_loss and len(chosen) == 1:
                continue  # it is the one that the model holds
            candidate = load_file(path)
            self._set([*chosen, candidate])
            average_loss = loss_of_model()
            if average_loss < best_loss:
                best_loss = average_loss
                chosen.append(candidate)
        self._set(chosen)
        return len(chosen)

    def _by_loss(self) -> list[tuple[float, Path]]:
        """Return loss and file of each state, the best first."""
        found = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            with safe_open(path, framework="pt") as file:
                found.append((float(file.metadata()[LOSS]), path))
        return sorted(found)

    def _set(self, states: Sequence[Mapping[str, torch.Tensor]]) -> None:
        with torch.no_grad():
            for name, parameter in self._learning.items():
                same = [state[name] for state in states]
                parameter.copy_(same[0] if len(same) == 1 else torch.stack(same).mean(dim=0))
