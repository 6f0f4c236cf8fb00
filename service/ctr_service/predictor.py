"""One search from features to calibrated probabilities."""

from __future__ import annotations

from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from ctr_service.fallback import error_of_all, fall_back, stand_in
from ctr_service.prior import PriorCalibrator
from ctr_service.rendering import render_search
from ctr_service.traces import current_trace
from ctr_service.types import Answer, Candidate, Prediction, StageTimings, Status, maker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.bundle.calibration import Calibration
    from ctr_service.bundle.template import Renderer
    from ctr_service.clock import Clock
    from ctr_service.features.stage import FeatureStage
    from ctr_service.rendering import RenderedSearch
    from ctr_service.scores.asked import ScoredRows
    from ctr_service.scores.scorer import Scorer
    from ctr_service.types import SearchRequest, Source

_make_prediction = maker(Prediction)
_SCORED = Status.SCORED
_ITEM_ID = itemgetter(Candidate._fields.index("item_id"))
A_CANDIDATES_RESERVE_NS = 20_000
"""Time kept back for each candidate beside the fixed reserve: calibrating, encoding and sending a
list of 1,000 took longer than 5 ms, and its caller gave up a moment before the answer came."""
PRIORS_A_LIST = 8
"""Scored items of a list from which the map of priors learns."""


class Predictor:
    """Scores searches with one model. Belongs to one event loop."""

    def __init__(  # noqa: PLR0913 -- built once, in scoring.py; every argument is named there
        self,
        *,
        renderer: Renderer,
        scorer: Scorer,
        calibration: Calibration,
        base_rate: float,
        clock: Clock,
        reserve_ns: int,
        stage: FeatureStage | None = None,
    ) -> None:
        """Take the parts.

        Args:
            renderer: the bundle's template and features.
            scorer: gives rows their logits.
            calibration: of the graph that the scorer's batcher runs.
            base_rate: the last fallback, in [0, 1].
            clock: deadlines are absolute on it.
            reserve_ns: kept of each deadline for calibrating, encoding and sending the answer.
            stage: fills in what comes by id; None without a feature store.
        """
        self._stage = stage
        self._renderer = renderer
        self._scorer = scorer
        self._calibration = calibration
        self._base_rate = base_rate
        self._clock = clock
        self._reserve_ns = reserve_ns
        self._priors = PriorCalibrator()
        self._lists = 0

    async def predict(self, request: SearchRequest) -> Answer:
        """Score one search; the answer is begun `reserve_ns`, and 20 us a candidate, early enough.

        An invalid candidate gets INVALID. A candidate whose score is late, shed or failed gets
        FALLBACK, as long as another one of the search was scored or has an expired score.

        Args:
            request: validated at the edge; its invalid candidates carry their `error`.

        Raises:
            RequestInvalidError: a user or context feature has the wrong type or is not finite.
            OverloadedError: refused before it queued, or by the backend's own queue.
            DeadlineExceededError: no candidate was scored in time.
            BackendFailedError: every candidate failed.
            NotServingError: the batcher is not started, or closing.
        """
        trace = current_trace()
        trace.scoring_ns = began_ns = self._clock.now_ns()
        reserve_ns = self._reserve_ns + A_CANDIDATES_RESERVE_NS * len(request.candidates)
        deadline_ns = request.deadline_ns - reserve_ns
        if self._stage is not None:
            request = await self._stage.enrich(request, deadline_ns=deadline_ns)
        search = render_search(self._renderer, request)
        trace.rendered_ns = rendered_ns = self._clock.now_ns()
        scored = await self._scorer.score(
            search.segments, deadline_ns=deadline_ns, priority=request.priority
        )
        trace.scored_ns = self._clock.now_ns()
        probabilities = self._calibrate(scored, request.deadline_ns, began_ns)
        gather = scored.gather
        predictions = self._predictions(request, search, scored, probabilities)
        self._learn_priors(request, predictions)
        return Answer(
            predictions=predictions,
            timings=StageTimings(
                total_ns=self._clock.now_ns() - began_ns,
                features_ns=rendered_ns - began_ns,
                tokens_ns=scored.tokens_ns,
                queue_ns=gather.queue_ns,
                compute_ns=gather.compute_ns,
            ),
            degraded=bool(gather.errors),
            truncated_texts=len(gather.cut_texts),
            ignored_features=search.ignored_features,
            row_tokens=scored.row_tokens,
        )

    def _calibrate(self, scored: ScoredRows, deadline_ns: int, began_ns: int) -> list[float]:
        """Return the probability of each row; NaN where it has neither a logit nor an expired one.

        Raises:
            DeadlineExceededError, BackendFailedError: there are rows, and none has either.
        """
        gather, stale = scored.gather, scored.stale
        logits = gather.logits
        if gather.errors:
            if len(gather.errors) == len(logits) and not stale:
                raise error_of_all(
                    list(gather.errors.values()),
                    budget_ns=deadline_ns - began_ns,
                    elapsed_ns=self._clock.now_ns() - began_ns,
                )
            logits = [stale.get(row) if row in gather.errors else v for row, v in enumerate(logits)]
        # None becomes NaN, and NaN stays NaN.
        calibrated = self._calibration.apply(np.array(logits, dtype=np.float64))
        probabilities: list[float] = calibrated.tolist()
        return probabilities

    def _predictions(
        self,
        request: SearchRequest,
        search: RenderedSearch,
        scored: ScoredRows,
        probabilities: list[float],
    ) -> tuple[Prediction, ...]:
        errors, sources, row_of = scored.gather.errors, scored.gather.sources, search.row_of
        if not errors and not search.errors:
            return _all_scored(request.candidates, search, sources, probabilities)
        predictions: list[Prediction] = []
        for index, candidate in enumerate(request.candidates):
            row = row_of[index]
            if row is None:
                invalid = Prediction(candidate.item_id, Status.INVALID, error=search.errors[index])
                predictions.append(invalid)
                continue
            probability = probabilities[row]
            defaulted = search.defaulted[index]
            error = errors.get(row)
            predictions.append(
                _make_prediction(
                    (candidate.item_id, _SCORED, probability, sources[row], defaulted, None)
                )
                if error is None
                else fall_back(
                    candidate.item_id,
                    error,
                    stand_in(
                        stale=probability if row in scored.stale else None,
                        prior=self._prior_of(candidate),
                        base_rate=self._base_rate,
                    ),
                    defaulted=defaulted,
                )
            )
        return tuple(predictions)

    def _prior_of(self, candidate: Candidate) -> float | None:
        prior = candidate.prior_score
        return None if prior is None else self._priors.apply(prior)

    def _learn_priors(self, request: SearchRequest, predictions: tuple[Prediction, ...]) -> None:
        """Show the map of priors a few scored items, others of each list in turn."""
        stride = -(-len(predictions) // PRIORS_A_LIST)
        self._lists += 1
        for index in range(self._lists % stride, len(predictions), stride):
            prior, found = request.candidates[index].prior_score, predictions[index]
            if prior is None or found.status is not _SCORED or found.click_probability is None:
                continue
            self._priors.learn(prior, found.click_probability)


def _all_scored(
    candidates: Sequence[Candidate],
    search: RenderedSearch,
    sources: Sequence[Source],
    probabilities: Sequence[float],
) -> tuple[Prediction, ...]:
    """Return the predictions of a list of which each item has its score, as nearly every one."""
    rows = [row for row in search.row_of if row is not None]
    return tuple(
        map(
            _make_prediction,
            zip(
                map(_ITEM_ID, candidates),
                repeat(_SCORED),
                map(probabilities.__getitem__, rows),
                map(sources.__getitem__, rows),
                search.defaulted,
                repeat(None),
                strict=False,
            ),
        )
    )
