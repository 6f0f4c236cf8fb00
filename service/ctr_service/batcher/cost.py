"""What a batch costs, learnt from every batch that ran.

A run of `rows` rows padded to `bucket` tokens is expected to take

    seconds = (start + token * charged) * factor[bucket]

`charged` are the tokens that the graph computes: `rows * bucket`, or where it skips its padding the
rows' own tokens and, for attention, `square * rows * bucket ** 2`. `start` is what a run costs
before its first row, `token` the price of a token, and `factor` what a line cannot say (attention
grows with the square of the length). `square` comes from the first costs and stays. The others
follow every observation by normalised least mean squares (Haykin, Adaptive Filter Theory, chapter
6) on their logarithms, the line by the speed that both its terms share and by the tilt between
them. So they stay positive, old batches fade by a constant gain, and a stream of equal batches
moves nothing that it does not show. The error of one batch counts at most a factor of two: a hiccup
of the machine does not move the model, a lasting change does within some thirty batches.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.batcher.packing import Price

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctr_service.backend.base import Cost

GAIN = 0.2
"""Share of an error that one observation corrects."""
FACTOR_WEIGHT = 0.1
"""How much less a bucket's factor moves than the line: the line follows the machine's speed."""
FACTOR_FADE = 0.995
MAX_LOG_ERROR = math.log(2)
MIN_SECONDS = 1e-7
START_SHARE = 0.2
"""The start's share of the shortest run, where what was measured does not say or says less."""
MIN_OVERHEAD_TOKENS = 4.0
"""No engine starts a run for less: below it the fit is noise, and batches would become tiny."""
KEPT_ERRORS = 256
MIN_ERRORS = 32
FIRST_MARGIN = 1.5
"""Margin until enough errors are known."""
MAX_MARGIN = 3.0
SHARED_MARGIN = 1.5
"""Taken as the runs' own alone, even a small margin let goodput at three times the load fall from
0.90 to 0.76 of the bound, in simulated time on a graph that computes its padding."""
MARGIN_QUANTILE = 0.99
MAX_SQUARE_TOKENS = 0.01
"""Most of `square`: an attention in float32 beside 8-bit products costs 0.0017 at a width of 384 by
count of operations. What a fit says beyond it is noise."""
MIN_FIT_SHAPES = 4
"""Shapes from which a fit of three terms says anything."""
PACKING_MEMORY = 0.95
"""Weight of the past in the mean cost of a token as batches are packed of late."""


class CostModel:
    """Tokens -> seconds, learnt online. Belongs to one event loop."""

    def __init__(self, costs: Sequence[Cost] = (), *, skips_padding: bool = False) -> None:
        """Start from measured costs, the warm-up's or the bundle's; without any, nothing is known.

        Args:
            costs: of batches without padding and with different `rows * bucket`, best at least two.
            skips_padding: whether the graph does.
        """
        self._skips_padding = skips_padding
        self._square_tokens = 0.0
        self._log_start = 0.0
        self._log_token = 0.0
        self._log_factor: dict[int, float] = {}
        self._errors: deque[float] = deque(maxlen=KEPT_ERRORS)
        self._observed = 0
        self._margin = FIRST_MARGIN
        self._packed_seconds = 0.0
        self._packed_tokens = 0.0
        self._packed_runs = 0.0
        self.known = bool(costs)
        if costs:
            self._fit(costs)

    @property
    def overhead_tokens(self) -> float:
        """What the start of a run costs, in padded tokens."""
        if not self.known:
            return MIN_OVERHEAD_TOKENS
        return max(MIN_OVERHEAD_TOKENS, math.exp(self._log_start - self._log_token))

    @property
    def price(self) -> Price:
        """What a run costs beside its tokens."""
        return Price(self.overhead_tokens, self._square_tokens)

    @property
    def margin(self) -> float:
        """The 99th percentile of observed over expected seconds of late; 1 to 3."""
        return self._margin

    def seconds_within(self, seconds: float) -> float:
        """Return the most expected seconds of one slot that end within `seconds`, errors and all.

        Up to SHARED_MARGIN the margin counts on all of it: what runs share, as riders that delay a
        list. What is beyond are hiccups of single runs, and the error of n runs in a row grows with
        the root of n: three hiccups in 256 runs make a margin of 3, and taken on all that waits it
        refused lists at two fifths of the load whose deadline was eighteen times their time. Solves

            shared * expected + (margin - shared) * sqrt(expected * mean run) = seconds

        where `expected` is a run or more, else `margin * expected = seconds`.
        """
        run = self._packed_seconds / self._packed_runs if self._packed_runs else math.inf
        if seconds <= self._margin * run:
            return seconds / self._margin
        shared = min(self._margin, SHARED_MARGIN)
        own = (self._margin - shared) * math.sqrt(run)
        return ((math.sqrt(own**2 + 4 * shared * seconds) - own) / (2 * shared)) ** 2

    def run_seconds(self, bucket_tokens: int, rows: int, queued_tokens: int | None = None) -> float:
        """Return the expected seconds of one run; 0 while nothing is known.

        Args:
            bucket_tokens: the length that rows are padded to.
            rows: number of rows.
            queued_tokens: the rows' own buckets in sum; None where all are of this bucket.
        """
        if not self.known:
            return 0.0
        charged = self._charged(bucket_tokens, rows, queued_tokens)
        line = math.exp(self._log_start) + math.exp(self._log_token) * charged
        return line * math.exp(self._log_factor.get(bucket_tokens, 0.0))

    def drain_seconds(self, tokens: float) -> float:
        """Return the expected seconds of one slot for rows of `tokens` tokens in all.

        Uses what a token cost as batches were packed of late: starts and padding are in it.
        """
        if self._packed_tokens:
            return tokens * self._packed_seconds / self._packed_tokens
        return tokens * math.exp(self._log_token) if self.known else 0.0

    def observe(self, *, bucket_tokens: int, rows: int, queued_tokens: int, seconds: float) -> None:
        """Learn from one successful run.

        Args:
            bucket_tokens: the length that rows were padded to.
            rows: number of rows.
            queued_tokens: the rows' own buckets in sum, as they were counted in the queue.
            seconds: from handing the batch to the backend to its answer.
        """
        seconds = max(seconds, MIN_SECONDS)
        self._packed_seconds = self._packed_seconds * PACKING_MEMORY + seconds
        self._packed_tokens = self._packed_tokens * PACKING_MEMORY + queued_tokens
        self._packed_runs = self._packed_runs * PACKING_MEMORY + 1
        if not self.known:
            self._begin(self._charged(bucket_tokens, rows, queued_tokens), seconds)
            return
        error = math.log(seconds / self.run_seconds(bucket_tokens, rows, queued_tokens))
        self._keep_error(error)
        charged = self._charged(bucket_tokens, rows, queued_tokens)
        self._step(bucket_tokens, charged, max(-MAX_LOG_ERROR, min(MAX_LOG_ERROR, error)))

    def computed_tokens(self, bucket_tokens: int, rows: int, queued_tokens: int | None) -> int:
        """Return the tokens that a run computes, attention on padding left out.

        Args:
            bucket_tokens: the length that rows are padded to.
            rows: number of rows.
            queued_tokens: the rows' own buckets in sum; None where all are of this bucket.
        """
        if self._skips_padding and queued_tokens is not None:
            return queued_tokens
        return rows * bucket_tokens

    def _charged(self, bucket_tokens: int, rows: int, queued_tokens: int | None) -> float:
        """Return what is paid for, in tokens."""
        square = self._square_tokens * rows * bucket_tokens**2
        return self.computed_tokens(bucket_tokens, rows, queued_tokens) + square

    def _begin(self, charged: float, seconds: float) -> None:
        self._log_start = math.log(START_SHARE * seconds)
        self._log_token = math.log((1 - START_SHARE) * seconds / charged)
        self.known = True

    def _step(self, bucket_tokens: int, charged: float, error: float) -> None:
        start = math.exp(self._log_start)
        start_share = start / (start + math.exp(self._log_token) * charged)
        # The gradient of log(seconds) by the speed that both share, by the tilt between them, and
        # by the bucket's factor.
        tilt = 2 * start_share - 1
        step = GAIN * error / (1 + tilt**2 + FACTOR_WEIGHT)
        self._log_start += step * (1 + tilt)
        self._log_token += step * (1 - tilt)
        factor = self._log_factor.get(bucket_tokens, 0.0)
        self._log_factor[bucket_tokens] = FACTOR_FADE * factor + step * FACTOR_WEIGHT

    def _keep_error(self, error: float) -> None:
        self._errors.append(error)
        self._observed += 1
        if self._observed >= MIN_ERRORS and self._observed % (MIN_ERRORS // 2) == 0:
            # Without numpy, which takes ten times as long to begin on a cold cache.
            ordered = sorted(self._errors)
            worst = math.exp(ordered[math.ceil(MARGIN_QUANTILE * (len(ordered) - 1))])
            self._margin = max(1.0, min(MAX_MARGIN, worst))

    def _fit(self, costs: Sequence[Cost]) -> None:
        """Fit the line by least squares of relative errors, and each bucket's mean residual."""
        tokens = np.array([cost.bucket_tokens * cost.rows for cost in costs], dtype=np.float64)
        seconds = np.maximum([cost.seconds for cost in costs], MIN_SECONDS)
        if self._skips_padding and len(costs) >= MIN_FIT_SHAPES:
            self._square_tokens = _fit_square(costs, tokens, seconds)
            tokens = np.array([self._charged(c.bucket_tokens, c.rows, None) for c in costs])
        start, token = _fit_relative(seconds, np.ones_like(tokens), tokens)
        cheapest = float((seconds / tokens).min())
        self._log_token = math.log(max(float(token), START_SHARE * cheapest))
        self._log_start = math.log(max(float(start), START_SHARE * float(seconds.min())))
        residuals: dict[int, list[float]] = {}
        for cost, observed in zip(costs, seconds, strict=True):
            expected = self.run_seconds(cost.bucket_tokens, cost.rows)
            residuals.setdefault(cost.bucket_tokens, []).append(math.log(observed / expected))
        self._log_factor = {bucket: float(np.mean(r)) for bucket, r in residuals.items()}


def _fit_relative(seconds: NDArray[np.float64], *terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the coefficients of a sum of terms, by least squares of relative errors."""
    columns = np.stack(terms, axis=1) / seconds[:, None]
    found, *_ = np.linalg.lstsq(columns, np.ones_like(seconds), rcond=None)
    return np.asarray(found, dtype=np.float64)


def _fit_square(
    costs: Sequence[Cost], tokens: NDArray[np.float64], seconds: NDArray[np.float64]
) -> float:
    """Return what the square of the length costs, in tokens."""
    squares = tokens * np.array([cost.bucket_tokens for cost in costs], dtype=np.float64)
    _, token, square = _fit_relative(seconds, np.ones_like(tokens), tokens, squares)
    return float(min(max(square / token, 0.0), MAX_SQUARE_TOKENS)) if token > 0 else 0.0
