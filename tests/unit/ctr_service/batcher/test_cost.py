"""Claims of `ctr_service.batcher.cost`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from ctr_service.backend.base import Cost
from ctr_service.batcher.cost import (
    FIRST_MARGIN,
    MAX_MARGIN,
    MIN_OVERHEAD_TOKENS,
    SHARED_MARGIN,
    CostModel,
)

if TYPE_CHECKING:
    from collections.abc import Callable

START_S, TOKEN_S = 1e-3, 1e-4
SHAPES = [(bucket, rows) for bucket in (16, 32, 64) for rows in (1, 4, 8, 16)]


def true_seconds(bucket: int, rows: int) -> float:
    """A backend that follows the line."""
    return START_S + TOKEN_S * bucket * rows


def feed(model: CostModel, runs: int, seconds: Callable[[int, int], float], seed: int = 0) -> None:
    """Let the model see `runs` runs of random shapes."""
    rng = np.random.default_rng(seed)
    for _ in range(runs):
        bucket, rows = SHAPES[rng.integers(len(SHAPES))]
        model.observe(
            bucket_tokens=bucket,
            rows=rows,
            queued_tokens=bucket * rows,
            seconds=seconds(bucket, rows),
        )


def worst_ratio(model: CostModel, seconds: Callable[[int, int], float]) -> float:
    """Return the largest factor by which a shape's expected seconds are wrong."""
    ratios = [model.run_seconds(b, r) / seconds(b, r) for b, r in SHAPES]
    return max(max(ratio, 1 / ratio) for ratio in ratios)


def test_it_knows_nothing_until_it_is_told() -> None:
    """Without costs and before the first run every expectation is zero and `known` says so."""
    model = CostModel()
    assert not model.known
    assert (model.run_seconds(16, 4), model.drain_seconds(100)) == (0, 0)
    assert model.overhead_tokens == MIN_OVERHEAD_TOKENS


def test_measured_costs_give_the_line_at_once() -> None:
    """Costs of the warm-up are fitted: start, price of a token, and so the overhead in tokens."""
    costs = [Cost(b, r, true_seconds(b, r)) for b, r in SHAPES]
    model = CostModel(costs)
    assert worst_ratio(model, true_seconds) < 1.01
    assert model.overhead_tokens == pytest.approx(START_S / TOKEN_S, rel=0.02)
    assert model.drain_seconds(1000) == pytest.approx(1000 * TOKEN_S, rel=0.02)


def test_one_cost_alone_still_gives_a_positive_line() -> None:
    """A single measured shape, or shapes that speak for a falling line, give no negative price."""
    for costs in ([Cost(32, 8, 0.01)], [Cost(16, 1, 0.01), Cost(64, 8, 0.005)]):
        model = CostModel(costs)
        assert 0 < model.run_seconds(64, 1) < model.run_seconds(64, 16)


def test_a_start_that_seems_free_is_not_believed() -> None:
    """Costs without a start, as noise can make them, still leave batches of several rows."""
    model = CostModel([Cost(b, r, TOKEN_S * b * r) for b, r in SHAPES])
    assert model.overhead_tokens >= MIN_OVERHEAD_TOKENS
    feed(model, 300, lambda b, r: TOKEN_S * b * r)
    assert model.overhead_tokens == MIN_OVERHEAD_TOKENS


def test_it_learns_from_nothing() -> None:
    """A hundred runs of mixed shapes are enough to expect every shape within a third."""
    model = CostModel()
    feed(model, 100, true_seconds)
    assert worst_ratio(model, true_seconds) < 4 / 3


@pytest.mark.parametrize("factor", [0.25, 4.0])
def test_it_follows_a_backend_that_changes_speed(factor: float) -> None:
    """After a lasting change by a factor of four, forty runs bring it within a quarter."""
    model = CostModel([Cost(b, r, true_seconds(b, r)) for b, r in SHAPES])
    feed(model, 40, lambda b, r: factor * true_seconds(b, r))
    assert worst_ratio(model, lambda b, r: factor * true_seconds(b, r)) < 1.25


def test_a_hiccup_does_not_move_it() -> None:
    """One run that takes a hundred times as long changes no expectation by more than a quarter."""
    model = CostModel([Cost(b, r, true_seconds(b, r)) for b, r in SHAPES])
    model.observe(bucket_tokens=32, rows=8, queued_tokens=256, seconds=100 * true_seconds(32, 8))
    assert worst_ratio(model, true_seconds) < 1.25


def test_equal_batches_do_not_spoil_the_rest() -> None:
    """A thousand noisy runs of one shape leave the expectation of the others where it was."""
    model = CostModel([Cost(b, r, true_seconds(b, r)) for b, r in SHAPES])
    rng = np.random.default_rng(0)
    for _ in range(1000):
        seconds = true_seconds(32, 8) * rng.uniform(0.9, 1.1)
        model.observe(bucket_tokens=32, rows=8, queued_tokens=256, seconds=seconds)
    assert worst_ratio(model, true_seconds) < 1.4


def test_a_bucket_that_costs_more_than_the_line_is_learnt() -> None:
    """A bucket three times as dear as the line says is expected within a third; others too."""

    def bent(bucket: int, rows: int) -> float:
        return true_seconds(bucket, rows) * (3 if bucket == 64 else 1)

    model = CostModel([Cost(b, r, bent(b, r)) for b, r in SHAPES])
    assert worst_ratio(model, bent) < 1.35
    feed(model, 500, bent)
    assert worst_ratio(model, bent) < 1.35


def test_the_margin_covers_the_slowest_percent() -> None:
    """Where one run in twenty takes 1.8 times as long, the margin says so; it starts careful."""
    model = CostModel([Cost(b, r, true_seconds(b, r)) for b, r in SHAPES])
    assert model.margin == FIRST_MARGIN
    rng = np.random.default_rng(1)
    feed(model, 300, lambda b, r: true_seconds(b, r) * (1.8 if rng.random() < 0.05 else 1.0))
    assert 1.5 < model.margin < 2.2
    feed(model, 300, true_seconds)
    assert model.margin < 1.2
    feed(model, 300, lambda b, r: true_seconds(b, r) * (50 if rng.random() < 0.1 else 1.0))
    assert model.margin == MAX_MARGIN


def test_errors_of_many_runs_add_up_as_the_root_of_their_number() -> None:
    """One run is given the whole margin; a thousand little more than what they share."""
    model = CostModel([Cost(b, r, true_seconds(b, r)) for b, r in SHAPES])
    assert model.seconds_within(1.0) == pytest.approx(1 / FIRST_MARGIN), "no run is known yet"
    rng = np.random.default_rng(2)
    for _ in range(256):
        slow = 2.5 if rng.random() < 0.05 else 1.0
        model.observe(bucket_tokens=32, rows=4, queued_tokens=128, seconds=slow * 0.01)
    margin, previous = model.margin, 0.0
    assert margin > 1.5 * SHARED_MARGIN
    for allowed_s in (0.001, 0.01, 0.1, 1.0, 10.0):
        surely = model.seconds_within(allowed_s)
        assert allowed_s / margin <= surely <= allowed_s
        assert surely > previous
        previous = surely
    assert model.seconds_within(0.001) == pytest.approx(0.001 / margin)
    assert model.seconds_within(10.0) > 0.9 * 10.0 / SHARED_MARGIN


def test_draining_costs_what_batches_cost_as_they_are_packed() -> None:
    """Starts and padding are in the price of a queued token."""
    model = CostModel()
    for _ in range(50):
        model.observe(bucket_tokens=32, rows=4, queued_tokens=100, seconds=true_seconds(32, 4))
    assert model.drain_seconds(1000) == pytest.approx(10 * true_seconds(32, 4), rel=0.01)


def test_a_run_of_no_time_is_no_error() -> None:
    """A clock that did not move between begin and end gives a tiny cost, not a broken model."""
    model = CostModel()
    feed(model, 50, lambda _b, _r: 0.0)
    assert model.known
    assert 0 < model.run_seconds(16, 4) < 1e-5


SQUARE = 0.0015


def unpadded_seconds(bucket: int, rows: int, own_tokens: int) -> float:
    """Return what a graph that skips padding takes, to the model's own form."""
    return START_S + TOKEN_S * (own_tokens + SQUARE * rows * bucket**2)


def unpadded_model() -> CostModel:
    """Return a model that was warmed up on such a graph."""
    costs = [Cost(b, r, unpadded_seconds(b, r, b * r)) for b, r in SHAPES]
    return CostModel(costs, skips_padding=True)


def test_attentions_square_is_read_off_the_warm_up() -> None:
    """Batches without padding tell it, because they come in several lengths."""
    assert unpadded_model().price.square_tokens == pytest.approx(SQUARE, rel=0.05)


def test_padding_is_not_charged_where_it_is_skipped() -> None:
    """A batch of mixed lengths costs its own tokens, and attention on the padded rows."""
    expected = unpadded_model().run_seconds(32, 8, queued_tokens=100)
    assert expected == pytest.approx(unpadded_seconds(32, 8, 100), rel=0.05)


def test_a_graph_that_computes_padding_is_charged_for_it() -> None:
    """Its own tokens change nothing, and attention is no part of the price."""
    model = CostModel([Cost(b, r, true_seconds(b, r)) for b, r in SHAPES])
    assert model.run_seconds(32, 8, queued_tokens=100) == model.run_seconds(32, 8)
    assert model.price.square_tokens == 0


def test_what_was_computed_is_told_without_padding_that_was_skipped() -> None:
    """Telemetry counts it; a graph that computes padding computes all of it."""
    assert unpadded_model().computed_tokens(32, 8, queued_tokens=100) == 100
    padded = CostModel([Cost(b, r, true_seconds(b, r)) for b, r in SHAPES])
    assert padded.computed_tokens(32, 8, queued_tokens=100) == 256
