"""A start before the labels: the classifier first learns to tell clicked pairs from random ones.

A click log says little a row, and a cross-encoder with a fresh head wanders for thousands of rows
before it compares query and title at all (measured on the demo's log: AUC 0.50 after 8,000 rows).
Some hundred steps on the pairs of `contrast.py` spare it that: on homedepot_small, seed 0, the test
AUC of whole fits was 0.709 to 0.729 without them and 0.721 to 0.735 with them. Another teacher, the
base model's own similarity of both texts, made it worse (0.65). Where the pairs cannot be told
apart the weights are put back as they were.
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

    from ctr_service.types import Row
    from ctr_train.click_model import ClickModel
    from ctr_train.collate import RowCollator
    from ctr_train.examples import Examples
    from ctr_train.progress import Reporter
    from ctr_train.scorer import TorchScorer

STEPS = 300
BATCH_ROWS = 32
PASSES = 4
"""A small log is drawn from at most so often: its clicks bound the steps."""
LEARNING_RATE = 1e-4
WARMUP_SHARE = 0.2
RIGHT, WRONG = 0.78, 0.02
"""Soft targets. A click may be a mistake, and a random product may fit by accident. With 0.005 the
fit on the demo's log was too sure of what it had not learnt (0.89 of the Bayes lift, not 0.91)."""
MIN_AUC = 0.6
"""Of the last fifth of the steps, each batch scored before it is learnt from."""
LAST_SHARE = 0.2
LEVEL_ROWS = 640
"""Rows of the training split whose mean logit is brought to the base rate's."""


@dataclass(frozen=True, slots=True)
class Teaching:
    """How the steps are taken.

    Attributes:
        collator: pads rows to tensors.
        precision: "fp32" or "bf16".
        seed: of the order of rows.
    """

    collator: RowCollator
    precision: str
    seed: int


def pairs_for(clicks: float) -> int:
    """Return how many right pairs to draw from a log of so many clicks."""
    return min(STEPS * BATCH_ROWS // 2, round(PASSES * clicks))


def warm_start(
    model: ClickModel,
    rows: list[Row],
    right: NDArray[np.bool_],
    teaching: Teaching,
    reporter: Reporter,
) -> float:
    """Teach the classifier to tell right rows from wrong ones, in place.

    Args:
        model: its position model is not touched, and its dropout rests meanwhile.
        rows: tokenised pairs; each is seen once.
        right: bool [rows].
        teaching: how.
        reporter: told how far it is.

    Returns:
        The AUC on pairs not yet learnt from, at the end. Below MIN_AUC the weights are as before.
    """
    lengths = np.array([row.length for row in rows], dtype=np.int64)
    batches = length_batches(lengths, BATCH_ROWS, np.random.default_rng([teaching.seed, STEPS]))
    learning = [p for p in model.classifier.parameters() if p.requires_grad]
    before = {name: value.clone() for name, value in model.classifier.state_dict().items()}
    optimizer = torch.optim.AdamW(learning, lr=LEARNING_RATE)
    workers = Workers.for_device(learning[0].device)
    logits = np.empty(len(rows))
    rising = max(1, round(WARMUP_SHARE * len(batches)))
    model.train(mode=False)  # no dropout: several workers would draw in no fixed order
    with reporter.bar("warm start", len(batches)) as advance:
        for step, batch in enumerate(batches):
            factor = min(1.0, (step + 1) / rising) * (1 - 0.5 * step / len(batches))
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * factor
            inputs = teaching.collator.inputs([rows[row] for row in batch.tolist()])
            target = torch.from_numpy(np.where(right[batch], RIGHT, WRONG).astype(np.float32))
            step_of = _StepLoss(model, inputs, target, teaching.precision)
            workers.add_gradients(len(batch), step_of, learning)
            torch.nn.utils.clip_grad_norm_(learning, 1.0)
            optimizer.step()
            logits[batch] = step_of.logits
            advance(1)
    last = np.concatenate(batches[-max(1, round(LAST_SHARE * len(batches))) :])
    value = auc(right[last].astype(np.float64), logits[last], np.ones(len(last)))
    if not value >= MIN_AUC:
        model.classifier.load_state_dict(before)
    return value


class _StepLoss:
    """The mean loss of some rows of one batch; keeps their logits, float64 [rows]."""

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
        self.logits = np.empty(len(target))

    def __call__(self, part: slice) -> torch.Tensor:
        """Return the cross-entropy between logits and soft targets."""
        device = next(self._model.parameters()).device
        moved = {name: tensor[part].to(device) for name, tensor in self._inputs.items()}
        with autocast(self._precision, device):
            logit = self._model.classifier(**moved).logits[:, 0].float()
        self.logits[part] = logit.detach().cpu().numpy()  # the workers' parts do not overlap
        target = self._target[part].to(device)
        return torch.nn.functional.binary_cross_entropy_with_logits(logit, target)


def set_level(model: ClickModel, examples: Examples, scorer: TorchScorer) -> None:
    """Move the last bias so that the mean logit is the log-odds of P(click | examined).

    Args:
        model: its classifier is the scorer's.
        examples: the training split.
        scorer: of the classifier.
    """
    step = max(1, len(examples) // LEVEL_ROWS)
    mean_logit = float(scorer.logits(examples.rows[::step]).mean())
    rate = base_rate(examples.target, examples.weight)
    if model.examination is not None and examples.tie is not None:
        seen = model.examination.examination()[examples.tie]
        rate /= float((seen * examples.weight).sum() / examples.weight.sum())
    rate = min(max(rate, 1e-4), 1 - 1e-4)
    linear = [m for m in model.classifier.modules() if isinstance(m, torch.nn.Linear)]
    last = next(module for module in reversed(linear) if module.out_features == 1)
    with torch.no_grad():
        last.bias.add_(math.log(rate / (1 - rate)) - mean_logit)
