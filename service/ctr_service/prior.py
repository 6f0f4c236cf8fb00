"""A caller's prior on the model's scale, so that both may stand in one list. Pure, learnt online.

A caller's own estimate orders items well enough and may still be three times too high; put beside
the model's probabilities as it is, every late item would pass every scored one. So the map

    sigmoid(slope * logit(prior) + intercept)

is fitted (Platt, 1999) to pairs of prior and probability of items that were scored. It rises, so
the caller's order stays; a prior that says nothing becomes the mean of what the model says. Pairs
are kept as sums in bins of the prior and fade, so memory is constant and a caller who changes his
estimate is followed.
"""

from __future__ import annotations

import math

import numpy as np

from ctr_service.bundle.calibration import sigmoid

MAX_LOGIT = 9.0
"""Priors count as at least 0.00012 and at most 0.99988: 0 and 1 have no logit."""
BINS = 36
FIRST_FIT_PAIRS, MOST_FIT_PAIRS = 64, 4_096
"""A fit after so many pairs, then after twice as many each time; one takes about 0.2 ms."""
MAX_PAIRS = 16_384
"""Beyond it the past is halved."""
PULL_PAIRS = 10.0
"""The identity counts as so many pairs, so that a few of them do not turn the map."""
MIN_SLOPE = 0.01
STEPS = 25
MAX_STEP = 1.0
ENOUGH = 1e-6


class PriorCalibrator:
    """One map for all callers of a process. Belongs to one event loop."""

    def __init__(self) -> None:
        """Begin with the identity."""
        self._pairs = [0.0] * BINS
        self._logits = [0.0] * BINS
        self._probabilities = [0.0] * BINS
        self._new_pairs = 0
        self._fit_pairs = FIRST_FIT_PAIRS
        self._slope: float | None = None
        self._intercept = 0.0

    def learn(self, prior: float, probability: float) -> None:
        """Take a scored item's prior and its probability, both in [0, 1]."""
        logit = _logit(prior)
        at = min(BINS - 1, int((logit + MAX_LOGIT) * BINS / (2 * MAX_LOGIT)))
        self._pairs[at] += 1
        self._logits[at] += logit
        self._probabilities[at] += probability
        self._new_pairs += 1
        if self._new_pairs >= self._fit_pairs:
            self._fit()

    def apply(self, prior: float) -> float:
        """Return what a prior is worth, in [0, 1]: itself until enough was learnt."""
        if self._slope is None:
            return prior
        scaled = self._slope * _logit(prior) + self._intercept
        return 1 / (1 + math.exp(-scaled))

    def _fit(self) -> None:
        pairs = np.array(self._pairs)
        used = pairs > 0
        weights = pairs[used]
        logits = np.array(self._logits)[used] / weights
        means = np.array(self._probabilities)[used] / weights
        slope, intercept = 1.0, 0.0
        # Newton's method on the cross entropy, each step bounded; the slope stays above its bound.
        for _ in range(STEPS):
            p = sigmoid(slope * logits + intercept)
            miss, curve = weights * (p - means), weights * p * (1 - p)
            by_slope = float(miss @ logits) + PULL_PAIRS * (slope - 1)
            by_intercept = float(miss.sum()) + PULL_PAIRS * intercept
            slope_2 = float(curve @ (logits * logits)) + PULL_PAIRS
            both = float(curve @ logits)
            intercept_2 = float(curve.sum()) + PULL_PAIRS
            if slope <= MIN_SLOPE and by_slope > 0:
                slope_step, intercept_step = 0.0, by_intercept / intercept_2
            else:
                area = slope_2 * intercept_2 - both * both
                slope_step = (intercept_2 * by_slope - both * by_intercept) / area
                intercept_step = (slope_2 * by_intercept - both * by_slope) / area
            slope = max(MIN_SLOPE, slope - _bounded(slope_step))
            intercept -= _bounded(intercept_step)
            if max(abs(slope_step), abs(intercept_step)) < ENOUGH:
                break
        self._slope, self._intercept = slope, intercept
        self._new_pairs = 0
        self._fit_pairs = min(MOST_FIT_PAIRS, 2 * self._fit_pairs)
        if float(pairs.sum()) > MAX_PAIRS:
            for sums in (self._pairs, self._logits, self._probabilities):
                sums[:] = [value / 2 for value in sums]


def _logit(probability: float) -> float:
    if probability <= 0:
        return -MAX_LOGIT
    if probability >= 1:
        return MAX_LOGIT
    return max(-MAX_LOGIT, min(MAX_LOGIT, math.log(probability / (1 - probability))))


def _bounded(step: float) -> float:
    return max(-MAX_STEP, min(MAX_STEP, step))
