"""Claims about the loss that teaches a student what its teacher says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ctr_train.soft_targets import SoftTargets, soft_loss

TEACHER = torch.tensor([-6.0, -1.0, 0.0, 0.5, 4.0])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 20.0])
def test_a_student_that_agrees_loses_nothing(temperature: float) -> None:
    """The figure is the distance, not the teacher's own doubt: 0 at agreement, else above."""
    assert float(soft_loss(TEACHER, TEACHER, temperature)) == pytest.approx(0, abs=1e-6)
    assert float(soft_loss(TEACHER + 0.5, TEACHER, temperature)) > 1e-4


def test_the_loss_is_the_divergence_of_two_coins() -> None:
    """Two rows by hand at temperature 2: 4 x the mean of p log(p/q) + (1-p) log((1-p)/(1-q))."""
    expected = 0.0
    for ours, theirs in ((1.0, 3.0), (-2.0, 0.0)):
        q, p = 1 / (1 + math.exp(-ours / 2)), 1 / (1 + math.exp(-theirs / 2))
        expected += 4 * (p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))) / 2
    loss = soft_loss(torch.tensor([1.0, -2.0]), torch.tensor([3.0, 0.0]), 2.0)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_a_high_temperature_is_the_squared_error_of_logits() -> None:
    """Its gradient is (logit - teacher) / 4 a row, whatever the logits' size."""
    logit = torch.tensor([0.0, 3.0, -2.0, 1.0, -1.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(soft_loss(logit, TEACHER, 100.0), [logit])
    expected = (logit.detach() - TEACHER) / 4 / len(TEACHER)
    np.testing.assert_allclose(gradient.numpy(), expected.numpy(), rtol=2e-2)


def test_extreme_logits_stay_finite() -> None:
    """A teacher that is certain asks for no infinite step."""
    logit = torch.tensor([-80.0, 80.0], requires_grad=True)
    loss = soft_loss(logit, torch.tensor([80.0, -80.0]), 1.0)
    (gradient,) = torch.autograd.grad(loss, [logit])
    assert math.isfinite(float(loss.detach()))
    assert torch.isfinite(gradient).all()


def test_clicks_weigh_as_much_as_was_asked_for() -> None:
    """The rest is the teacher's."""
    mixed = SoftTargets(temperature=2.0, click_share=0.25).mix(
        torch.tensor(8.0), TEACHER + 1, TEACHER
    )
    soft = float(soft_loss(TEACHER + 1, TEACHER, 2.0))
    assert float(mixed) == pytest.approx(0.25 * 8 + 0.75 * soft)
