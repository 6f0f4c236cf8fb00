"""The loss that teaches a student what its teacher says.

A label says clicked or not; the teacher says how likely, for rows that nobody looked at as well.
Hinton, Vinyals and Dean (2015, arXiv 1503.02531, section 2): cross-entropy with the teacher's
probabilities at a raised temperature, beside the cross-entropy with the labels, which weighs less.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import logsigmoid


def soft_loss(logit: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return T^2 * KL(sigmoid(teacher / T) || sigmoid(logit / T)), mean over rows, a scalar.

    The factor T^2 keeps the gradient's size: for a large T it is that of (logit - teacher)^2 / 8,
    so a high temperature is the mean squared error of logits (section 2.1 there). It is 0 where
    both say the same, so the figure tells how far the student is.

    Args:
        logit: [rows], the student's log-odds of a click given examination.
        teacher: [rows], the teacher's.
        temperature: above 0.
    """
    ours, theirs = logit.float() / temperature, teacher.float() / temperature
    said = torch.sigmoid(theirs)
    gap = said * (logsigmoid(theirs) - logsigmoid(ours))
    gap = gap + (1 - said) * (logsigmoid(-theirs) - logsigmoid(-ours))
    return temperature**2 * gap.mean()


@dataclass(frozen=True, slots=True)
class SoftTargets:
    """How a student learns.

    Attributes:
        temperature: of the soft targets.
        click_share: weight of the log's own clicks in the loss; the teacher has the rest.
    """

    temperature: float
    click_share: float

    def mix(
        self, click_loss: torch.Tensor, logit: torch.Tensor, teacher: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of a batch, a scalar.

        Args:
            click_loss: of the same rows, a scalar.
            logit: [rows], the student's.
            teacher: [rows], the teacher's logits.
        """
        soft = soft_loss(logit, teacher, self.temperature)
        return self.click_share * click_loss + (1 - self.click_share) * soft
