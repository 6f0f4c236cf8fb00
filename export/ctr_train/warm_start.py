"""A start without labels: the classifier first learns what the base model already knows.

A click log says little a row, and a cross-encoder with a fresh head can wander for thousands of
rows before it compares query and title at all (measured on the demo's log: AUC 0.50 after 8,000
rows; 0.87 on relevance after 150 of these steps). So it is first taught the base model's own
similarity of the two texts, a free teacher without noise, and then the clicks. Where that
similarity does not tell clicks apart in the training split, nothing is done.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ctr_train.metrics import auc, base_rate
from ctr_train.parallel import Workers
from ctr_train.precision import autocast
from ctr_train.sampler import length_batches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctr_train.click_model import ClickModel
    from ctr_train.collate import RowCollator
    from ctr_train.examples import Examples
    from ctr_train.progress import Reporter

STEPS = 150
BATCH_ROWS = 32
LEARNING_RATE = 2e-4
"""High, as the target has no noise to fear; at 4e-4 the encoder forgot what it knew (measured)."""
WARMUP_STEPS = 30
LAST_STEPS = 30
"""The mean logit of these sets where the head's bias goes on."""

SHARPNESS, CENTRE = 2.5, 0.5
"""Soft target: sigmoid(2.5 * (similarity - 0.5)), similarity of mean 0 and deviation 1."""

MIN_STANDARD_ERRORS = 3.0
MIN_AUC = 0.53


@dataclass(frozen=True, slots=True)
class Teaching:
    """How the steps are taken.

    Attributes:
        collator: pads rows to tensors.
        precision: "fp32" or "bf16".
        seed: of the rows that are drawn.
    """

    collator: RowCollator
    precision: str
    seed: int


def is_telling(examples: Examples, similarity: NDArray[np.float32]) -> tuple[bool, float]:
    """Say whether similarity tells clicks apart, and its AUC on the training split.

    It does when the AUC lies three standard errors (Hanley and McNeil 1982, under no effect) and
    0.03 above one half.
    """
    clicks = float((examples.target * examples.weight).sum())
    others = float(examples.weight.sum()) - clicks
    value = auc(examples.target, similarity, examples.weight)
    error = math.sqrt((clicks + others + 1) / (12 * clicks * others))
    return value > max(MIN_AUC, 0.5 + MIN_STANDARD_ERRORS * error), value


def warm_start(
    model: ClickModel,
    examples: Examples,
    similarity: NDArray[np.float32],
    teaching: Teaching,
    reporter: Reporter,
) -> None:
    """Teach the classifier the similarity of each row's texts, in place.

    Args:
        model: its position model is not touched.
        examples: the training split; at most 150 x 32 rows of it are seen, once.
        similarity: float32 [rows], standardised.
        teaching: how.
        reporter: told how far it is.
    """
    scaled = (similarity - similarity.mean()) / max(float(similarity.std()), 1e-6)
    soft = torch.from_numpy(1 / (1 + np.exp(-SHARPNESS * (scaled - CENTRE))).astype(np.float32))
    batches = _draw(examples, teaching.seed)
    learning = [p for p in model.classifier.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=LEARNING_RATE)
    workers = Workers.for_device(learning[0].device)
    logits: list[float] = []
    model.train()
    with reporter.bar("warm start", len(batches)) as advance:
        for step, batch in enumerate(batches):
            factor = min(1.0, (step + 1) / WARMUP_STEPS) * (1 - 0.5 * step / len(batches))
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * factor
            inputs = teaching.collator.inputs([examples.rows[row] for row in batch.tolist()])
            step_of = _StepLoss(model, inputs, soft[torch.from_numpy(batch)], teaching.precision)
            workers.add_gradients(len(batch), step_of, learning)
            torch.nn.utils.clip_grad_norm_(learning, 1.0)
            optimizer.step()
            logits.append(step_of.mean_logit)
            advance(1)
    _set_level(model, examples, float(np.mean(logits[-LAST_STEPS:])))


class _StepLoss:
    """The mean loss of some rows of one batch; remembers the mean logit."""

    def __init__(
        self,
        model: ClickModel,
        inputs: dict[str, torch.Tensor],
        target: torch.Tensor,
        precision: str,
    ) -> None:
        self._model = model
        self._inputs = inputs
        self._target = target
        self._precision = precision
        self._sums: list[float] = []  # appending is safe between threads

    @property
    def mean_logit(self) -> float:
        """Over the rows that were asked for."""
        return sum(self._sums) / len(self._target)

    def __call__(self, part: slice) -> torch.Tensor:
        """Return the cross-entropy between logits and soft targets."""
        device = next(self._model.parameters()).device
        moved = {name: tensor[part].to(device) for name, tensor in self._inputs.items()}
        with autocast(self._precision, device):
            logit = self._model.classifier(**moved).logits[:, 0].float()
        self._sums.append(float(logit.detach().sum()))
        target = self._target[part].to(device)
        return torch.nn.functional.binary_cross_entropy_with_logits(logit, target)


def _draw(examples: Examples, seed: int) -> list[NDArray[np.int64]]:
    rng = np.random.default_rng([seed, STEPS])
    rows = rng.permutation(len(examples))[: STEPS * BATCH_ROWS]
    lengths = examples.lengths[rows]
    return [rows[batch] for batch in length_batches(lengths, BATCH_ROWS, rng)]


def _set_level(model: ClickModel, examples: Examples, mean_logit: float) -> None:
    """Move the last bias so that the mean logit is the log-odds of P(click | examined)."""
    rate = base_rate(examples.target, examples.weight)
    if model.examination is not None and examples.tie is not None:
        seen = model.examination.examination()[examples.tie]
        rate /= float((seen * examples.weight).sum() / examples.weight.sum())
    rate = min(max(rate, 1e-4), 1 - 1e-4)
    linear = [m for m in model.classifier.modules() if isinstance(m, torch.nn.Linear)]
    last = next(module for module in reversed(linear) if module.out_features == 1)
    with torch.no_grad():
        last.bias.add_(math.log(rate / (1 - rate)) - mean_logit)
