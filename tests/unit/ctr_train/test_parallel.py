"""Dealing a batch out to threads changes nothing but the time."""

from __future__ import annotations

import pytest
import torch

from ctr_train.parallel import Workers


def _gradients(count: int) -> tuple[float, torch.Tensor, torch.Tensor | None]:
    """Return loss and gradients of a small regression, with a parameter that takes no part."""
    torch.manual_seed(0)
    layer, idle = torch.nn.Linear(4, 1), torch.nn.Parameter(torch.ones(2))
    inputs, target = torch.randn(7, 4), torch.randn(7)

    def loss_of(part: slice) -> torch.Tensor:
        loss: torch.Tensor = ((layer(inputs[part])[:, 0] - target[part]) ** 2).mean()
        return loss

    loss = Workers(count).add_gradients(7, loss_of, [*layer.parameters(), idle])
    assert layer.weight.grad is not None
    return loss, layer.weight.grad, idle.grad


@pytest.mark.parametrize("count", [2, 3, 16])
def test_shares_add_up_to_the_whole_batch(count: int) -> None:
    """Loss and gradient of a batch do not depend on how many threads share it."""
    loss, gradient, idle = _gradients(count)
    whole_loss, whole_gradient, _ = _gradients(1)
    assert loss == pytest.approx(whole_loss)
    torch.testing.assert_close(gradient, whole_gradient)
    assert idle is None


def test_every_row_is_dealt_out_once() -> None:
    """The slices of a batch hold each row exactly once, and none is empty."""
    parts = [list(range(5))[part] for part in Workers(8).split(5)]
    assert sorted(row for part in parts for row in part) == list(range(5))
    assert all(parts)


def test_an_error_in_a_share_is_raised() -> None:
    """A failing thread fails the step."""

    def fail(part: slice) -> torch.Tensor:
        raise RuntimeError(f"share {part.start}")

    with pytest.raises(RuntimeError, match="share 0"):
        Workers(2).add_gradients(4, fail, [torch.nn.Parameter(torch.ones(1))])
