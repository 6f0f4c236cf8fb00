"""The scalability law's fit, on curves that are the law, and on one that is not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ctr_bench.usl import fit_usl

NUMBERS = (1, 2, 4, 8, 16, 32)


def law(rate: float, contention: float, coherence: float) -> list[float]:
    """Throughputs by the law."""
    return [rate * n / (1 + contention * (n - 1) + coherence * n * (n - 1)) for n in NUMBERS]


@pytest.mark.parametrize("shape", [(300.0, 0.05, 0.002), (40.0, 0.4, 0.0), (1_000.0, 0.0, 0.01)])
def test_the_parameters_of_a_curve_come_back(shape: tuple[float, float, float]) -> None:
    """Within a thousandth, and no point is off."""
    fit = fit_usl(NUMBERS, law(*shape))
    assert (fit.rate, fit.contention, fit.coherence) == pytest.approx(shape, rel=1e-3, abs=1e-4)
    assert fit.worst_residual < 1e-3
    assert fit.at(8) == pytest.approx(law(*shape)[3], rel=1e-3)


def test_noise_shows_in_the_residuals() -> None:
    """5 % of noise is 5 % of residual, not a better law."""
    rng = np.random.default_rng(0)
    noisy = np.array(law(300, 0.05, 0.002)) * (1 + 0.05 * rng.standard_normal(len(NUMBERS)))
    assert 0.005 < fit_usl(NUMBERS, noisy.tolist()).worst_residual < 0.2


def test_a_greatest_throughput_beyond_what_was_measured_is_said_to_be_extrapolated() -> None:
    """Greatest at 22 of 32 measured; at 70 it was not measured; without coherence there is none."""
    inside = fit_usl(NUMBERS, law(300, 0.05, 0.002))
    assert inside.best_number == pytest.approx(math.sqrt(0.95 / 0.002), rel=1e-2)
    assert "extrapolated" not in inside.sentence("its callers")
    beyond = fit_usl(NUMBERS, law(300, 0.05, 0.0002))
    assert "extrapolated: 32 was the most" in beyond.sentence("its callers")
    assert not beyond.measured(70)
    rising = fit_usl(NUMBERS, law(300, 0.05, 0.0))
    assert "nothing is said beyond that" in rising.sentence("its callers")


@pytest.mark.parametrize(
    ("numbers", "throughputs"),
    [((1, 2, 4), (1, 2, 3)), ((1, 1, 2, 4), (1, 1, 2, 3)), ((1, 2, 4, 8), (1, 2, 0, 4))],
)
def test_too_little_to_fit_is_refused(
    numbers: tuple[float, ...], throughputs: tuple[float, ...]
) -> None:
    """Three parameters need four numbers, and logarithms no zero."""
    with pytest.raises(ValueError, match=r"4 numbers|above 0"):
        fit_usl(numbers, throughputs)
