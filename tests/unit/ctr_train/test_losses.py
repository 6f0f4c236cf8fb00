"""Claims about the loss: what it equals, where its optimum lies."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ctr_train.losses import ClassWeight, click_loss, log_click
from ctr_train.position import ExaminationModel

PLAIN = ClassWeight()
logits = st.floats(-30, 30)
rates = st.floats(0, 1)


@settings(deadline=None)  # the first call of a PyTorch operator is slow
@given(logit=logits, rate=rates, weight=st.floats(0.1, 100))
def test_a_rate_counts_as_its_clicks_and_non_clicks(
    logit: float, rate: float, weight: float
) -> None:
    """One row (rate, w) costs what rows (1, w * rate) and (0, w * (1 - rate)) cost together."""
    one = _loss([logit], [rate], [weight])
    two = 2 * _loss([logit, logit], [1.0, 0.0], [weight * rate, weight * (1 - rate)])

    assert one == pytest.approx(two, rel=1e-5, abs=1e-6)


@settings(deadline=None)  # the first call of a PyTorch operator is slow
@given(logit=logits, examined=st.floats(0.001, 0.999))
def test_click_probabilities_sum_to_one(logit: float, examined: float) -> None:
    """P(click) is examination times attraction, and P(no click) is the rest."""
    log_yes, log_no = log_click(
        torch.tensor([logit]),
        torch.tensor([math.log(examined)]),
        torch.tensor([math.log1p(-examined)]),
    )

    attraction = 1 / (1 + math.exp(-logit))
    assert log_yes.exp().item() == pytest.approx(examined * attraction, rel=1e-4, abs=1e-7)
    assert (log_yes.exp() + log_no.exp()).item() == pytest.approx(1, abs=1e-5)


def test_extreme_logits_and_certain_examination_keep_gradients_finite() -> None:
    """Neither 80 log-odds nor the first position (log 0) makes a gradient infinite."""
    logit = torch.tensor([80.0, -80.0, 0.0], requires_grad=True)
    model = ExaminationModel(torch.tensor([1.0, 0.3]).double().numpy())
    log_yes, log_no = log_click(logit, *model(torch.tensor([0, 0, 1])))
    loss = click_loss(
        log_yes,
        log_no,
        target=torch.tensor([1.0, 0.0, 1.0]),
        weight=torch.ones(3),
        class_weight=PLAIN,
    )
    gradients = torch.autograd.grad(loss, [logit, model.logit])

    assert torch.isfinite(loss)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("examined", [None, 0.4])
def test_balanced_classes_keep_the_level_of_the_probability(
    rate: float, examined: float | None
) -> None:
    """The optimum of the balanced loss is the true P(click), as without class weights."""
    if examined is not None:
        rate *= examined
    weight = ClassWeight.balanced(rate)
    logits = torch.linspace(-8, 8, 2_001, dtype=torch.float64)
    certain = unsure = None
    if examined is not None:
        certain = torch.full_like(logits, math.log(examined))
        unsure = torch.full_like(logits, math.log1p(-examined))
    log_yes, log_no = log_click(logits, certain, unsure)
    losses = [
        click_loss(
            yes, no, target=torch.tensor([rate]), weight=torch.ones(1), class_weight=weight
        ).item()
        for yes, no in zip(log_yes[:, None], log_no[:, None], strict=True)
    ]
    best = min(range(len(losses)), key=losses.__getitem__)

    assert log_yes[best].exp().item() == pytest.approx(rate, rel=0.02)


def _loss(logit: list[float], target: list[float], weight: list[float]) -> float:
    log_yes, log_no = log_click(torch.tensor(logit, dtype=torch.float32))
    return click_loss(
        log_yes,
        log_no,
        target=torch.tensor(target, dtype=torch.float32),
        weight=torch.tensor(weight, dtype=torch.float32),
        class_weight=PLAIN,
    ).item()
