"""Binary cross-entropy on click rates and impressions, with examination and class weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn.functional import logsigmoid


@dataclass(frozen=True, slots=True)
class ClassWeight:
    """How much a click and a non-click weigh in the loss."""

    click: float = 1.0
    other: float = 1.0

    @classmethod
    def balanced(cls, base_rate: float) -> ClassWeight:
        """Let both classes weigh alike in sum: 0.5 / share of the class."""
        return cls(click=0.5 / base_rate, other=0.5 / (1 - base_rate))

    @property
    def shift(self) -> float:
        """What the weights add to the log-odds of the loss's optimum."""
        return math.log(self.click / self.other)


def log_click(
    logit: torch.Tensor,
    log_examined: torch.Tensor | None = None,
    log_not_examined: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log P(click) and log P(no click), float32 [rows].

    Args:
        logit: [rows], log-odds of a click given examination.
        log_examined: [rows], log P(examined); None for certainty.
        log_not_examined: [rows], log P(not examined); -inf where it is certain.
    """
    log_attracted, log_not_attracted = logsigmoid(logit.float()), logsigmoid(-logit.float())
    if log_examined is None or log_not_examined is None:
        return log_attracted, log_not_attracted
    # 1 - e s = (1 - s) + s (1 - e), in logarithms.
    other = torch.logaddexp(log_not_attracted, log_attracted + log_not_examined)
    return log_attracted + log_examined, other


def click_loss(
    log_yes: torch.Tensor,
    log_no: torch.Tensor,
    *,
    target: torch.Tensor,
    weight: torch.Tensor,
    class_weight: ClassWeight,
) -> torch.Tensor:
    """Return the mean over rows of weight * cross-entropy, a scalar.

    A row is two: (1, weight * target) and (0, weight * (1 - target)). Class weights move the
    optimum of the plain loss by `class_weight.shift` in log-odds; the same shift is added to the
    prediction inside the loss, so that P(click) itself stays at its level (logit adjustment, Menon
    et al. 2021, arXiv 2007.07314).

    Args:
        log_yes: [rows], log P(click).
        log_no: [rows], log P(no click).
        target: [rows], click rates in [0, 1].
        weight: [rows], impressions, best with mean 1.
        class_weight: weights of both classes.
    """
    if class_weight.shift:
        raised = log_yes + class_weight.shift
        scale = torch.logaddexp(raised, log_no)
        log_yes, log_no = raised - scale, log_no - scale
    clicks = class_weight.click * target * log_yes
    others = class_weight.other * (1 - target) * log_no
    return -(weight * (clicks + others)).mean()
