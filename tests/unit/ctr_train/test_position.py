"""Claims about the position model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ctr_service.bundle.calibration import sigmoid
from ctr_train.click_model import ClickModel
from ctr_train.losses import ClassWeight, click_loss
from ctr_train.metrics import auc
from ctr_train.position import ExaminationModel, examination_at, first_guess, tie_positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRUE_EXAMINATION = (1.0, 0.97, 0.66, 0.60, 0.41, 0.28, 0.27, 0.18, 0.19, 0.18)
FEATURES = 8


@dataclass(frozen=True)
class Output:
    """What a Hugging Face classifier returns, as far as it is looked at."""

    logits: torch.Tensor


class Linear(torch.nn.Module):
    """A logistic regression in the place of a BERT."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(torch.zeros(FEATURES))
        self.bias = torch.nn.Parameter(torch.tensor(-1.0))

    def forward(self, x: torch.Tensor) -> Output:
        """Return one logit a row."""
        return Output((x @ self.weights + self.bias)[:, None])


@dataclass(frozen=True)
class Clicks:
    """A generated log: the old ranker liked the last feature, which attracts nobody."""

    x: NDArray[np.float64]
    position: NDArray[np.int32]
    attraction: NDArray[np.float64]
    click: NDArray[np.float64]


@pytest.fixture(scope="module")
def log() -> Clicks:
    """1,500 searches of ten items, ranked by attraction, a promoted feature, and noise."""
    rng = np.random.default_rng(0)
    searches, items = 1_500, len(TRUE_EXAMINATION)
    x = rng.normal(size=(searches, items, FEATURES))
    truth = x @ np.append(np.linspace(0.9, -0.6, FEATURES - 1), 0.0) - 1.0
    merit = truth + 2 * x[:, :, -1] + rng.normal(size=truth.shape)
    rank = np.argsort(np.argsort(-merit, axis=1), axis=1)
    attraction = sigmoid(truth)
    click = rng.random(truth.shape) < attraction * np.asarray(TRUE_EXAMINATION)[rank]
    return Clicks(
        x.reshape(-1, FEATURES),
        (rank.ravel() + 1).astype(np.int32),
        attraction.ravel(),
        click.ravel().astype(np.float64),
    )


@dataclass(frozen=True)
class Fits:
    """The same log fitted with and without its positions."""

    with_positions: NDArray[np.float64]
    without: NDArray[np.float64]
    examination: NDArray[np.float64]
    guess: NDArray[np.float64]


@pytest.fixture(scope="module")
def fits(log: Clicks) -> Fits:
    """Both fits, once for all tests."""
    with_positions, examination = _fit(log, with_positions=True)
    without, nothing = _fit(log, with_positions=False)
    assert examination is not None
    assert nothing is None
    guess = first_guess(log.position.astype(np.int64) - 1, log.click, np.ones(len(log.click)))
    return Fits(with_positions, without, examination, guess)


def test_the_served_score_has_the_level_of_attraction(log: Clicks, fits: Fits) -> None:
    """With the position model the mean is right within 0.02; without it a third is missing."""
    truth = log.attraction

    assert abs(fits.with_positions.mean() - truth.mean()) < 0.02
    assert fits.without.mean() < 0.7 * truth.mean()
    assert _error(fits.with_positions, truth) < 0.3 * _error(fits.without, truth)


def test_the_served_score_has_the_order_of_attraction(log: Clicks, fits: Fits) -> None:
    """Without it, what the old ranker put on top looks attractive, and order suffers."""
    truth = log.attraction
    attractive = (truth > np.median(truth)).astype(np.float64)

    gain = _correlation(fits.with_positions, truth) - _correlation(fits.without, truth)
    assert gain > 0.01
    assert auc(attractive, fits.with_positions) > auc(attractive, fits.without) + 0.005


def test_the_examination_of_the_log_is_found(fits: Fits) -> None:
    """Learnt shares are nearer to the truth than click rates by position, which hold merit too."""
    learnt, guessed = (np.abs(e - TRUE_EXAMINATION).mean() for e in (fits.examination, fits.guess))

    assert learnt < 0.04
    assert learnt < 0.6 * guessed


@given(
    position=st.lists(st.integers(1, 60), min_size=1, max_size=200),
    rate=st.floats(0.0, 1.0),
    weight=st.floats(0.5, 50),
)
def test_ties_begin_at_zero_and_never_fall(position: list[int], rate: float, weight: float) -> None:
    """Each position up to the last has a tie, consecutive, the first seen one in tie 0."""
    places = np.array(position, dtype=np.int32)
    ties = tie_positions(places, np.full(len(places), rate), np.full(len(places), weight))

    assert len(ties) == places.max()
    assert ties[places.min() - 1] == 0
    assert set(np.diff(ties).tolist()) <= {0, 1}


def test_rare_positions_are_tied_to_their_neighbours() -> None:
    """Ten frequent positions stand alone; the ninety rare ones below share what they can."""
    position = np.concatenate([np.repeat(np.arange(1, 11), 1000), np.arange(11, 101)])
    target = np.full(len(position), 0.1)
    ties = tie_positions(position.astype(np.int32), target, np.ones(len(position)))

    assert ties[:10].tolist() == list(range(10))
    assert set(ties[10:].tolist()) == {9}


def test_one_position_alone_leaves_nothing_to_learn() -> None:
    """A log of top places only has one tie, so no position model is made."""
    ties = tie_positions(np.ones(500, dtype=np.int32), np.full(500, 0.2), np.ones(500))

    assert ties.tolist() == [0]


def test_the_first_guess_is_the_ratio_of_click_rates() -> None:
    """With many impressions smoothing vanishes; with none it would be 1."""
    tie = np.repeat([0, 1, 2], 100_000)
    target = np.repeat([0.2, 0.1, 0.02], 100_000)

    guess = first_guess(tie, target, np.ones(len(tie)))

    assert guess == pytest.approx([1.0, 0.5, 0.1], rel=0.01)


def test_examination_starts_at_the_guess_and_stays_a_probability() -> None:
    """The learnt shares begin where the guess is; the first is 1 whatever is learnt."""
    model = ExaminationModel(np.array([1.0, 0.5, 0.02]))
    assert model.examination() == pytest.approx([1.0, 0.5, 0.02], rel=1e-5)

    with torch.no_grad():
        model.logit.fill_(60.0)
    assert model.examination().max() <= 1.0
    with torch.no_grad():
        model.logit.fill_(-200.0)
    assert model.examination()[0] == 1.0
    assert model.examination().min() > 0.0


def test_a_position_beyond_the_last_takes_the_last() -> None:
    """Serving-time lists may be longer than those of the log."""
    position = np.array([1, 2, 3, 99], dtype=np.int32)

    assert examination_at(position, (1.0, 0.5)).tolist() == [1.0, 0.5, 0.5, 0.5]


def _fit(
    log: Clicks, *, with_positions: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Train on the log and return P(click | examined) of its rows, and the examination."""
    ties = tie_positions(log.position, log.click, np.ones(len(log.click)))
    tie = ties[log.position - 1]
    examination = None
    if with_positions:
        examination = ExaminationModel(first_guess(tie, log.click, np.ones(len(tie))))
    model = ClickModel(Linear(), examination)
    x, target = torch.from_numpy(log.x).float(), torch.from_numpy(log.click).float()
    ones, places = torch.ones(len(target)), torch.from_numpy(tie)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(200):
        log_yes, log_no, _ = model(x=x, tie=places if with_positions else None)
        loss = click_loss(log_yes, log_no, target=target, weight=ones, class_weight=ClassWeight())
        parameters = list(model.parameters())
        for parameter, gradient in zip(
            parameters, torch.autograd.grad(loss, parameters), strict=True
        ):
            parameter.grad = gradient
        optimizer.step()
    with torch.no_grad():
        attraction = sigmoid(model.classifier(x).logits[:, 0].numpy())
    return attraction, None if examination is None else examination.examination()


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    first, second = (np.argsort(np.argsort(values)).astype(np.float64) for values in (a, b))
    return float(np.corrcoef(first, second)[0, 1])


def _error(probability: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    return float(np.abs(probability - truth).mean())
