"""One search from features to calibrated probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctr_service.fallback import error_of_all, fall_back
from ctr_service.rendering import render_search
from ctr_service.types import Answer, Prediction, Source, StageTimings, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctr_service.batcher.batcher import Batcher
    from ctr_service.batcher.call import RowOutcome
    from ctr_service.bundle.calibration import Calibration
    from ctr_service.bundle.template import Renderer
    from ctr_service.bundle.tokens import RowBuilder
    from ctr_service.clock import Clock
    from ctr_service.rendering import RenderedSearch
    from ctr_service.types import SearchRequest


class Predictor:
    """Scores searches with one model. Belongs to one event loop."""

    def __init__(  # noqa: PLR0913 -- built once, in app.py; every argument is named there
        self,
        *,
        renderer: Renderer,
        rows: RowBuilder,
        batcher: Batcher,
        calibration: Calibration,
        base_rate: float,
        clock: Clock,
        reserve_ns: int,
    ) -> None:
        """Take the parts.

        Args:
            renderer: the bundle's template and features.
            rows: the bundle's tokenizer.
            batcher: scores rows; must be started.
            calibration: of the graph that the batcher runs.
            base_rate: the last fallback, in [0, 1].
            clock: deadlines are absolute on it.
            reserve_ns: kept of each deadline for calibrating, encoding and sending the answer.
        """
        self._renderer = renderer
        self._rows = rows
        self._batcher = batcher
        self._calibration = calibration
        self._base_rate = base_rate
        self._clock = clock
        self._reserve_ns = reserve_ns

    async def predict(self, request: SearchRequest) -> Answer:
        """Score one search; the answer leaves `reserve_ns` before the deadline at the latest.

        An invalid candidate gets INVALID. A candidate whose score is late, shed or failed gets
        FALLBACK, as long as another one of the search was scored.

        Args:
            request: validated at the edge; its invalid candidates carry their `error`.

        Raises:
            RequestInvalidError: a user or context feature has the wrong type or is not finite.
            OverloadedError: refused before it queued.
            DeadlineExceededError: no candidate was scored in time.
            BackendFailedError: every candidate failed.
            NotServingError: the batcher is not started, or closing.
        """
        began_ns = self._clock.now_ns()
        search = render_search(self._renderer, request)
        rendered_ns = self._clock.now_ns()
        built = self._rows.build(search.segments)
        built_ns = self._clock.now_ns()
        outcomes = await self._batcher.score(
            built.rows,
            deadline_ns=request.deadline_ns - self._reserve_ns,
            priority=request.priority,
        )
        probabilities = self._calibrate(outcomes, request.deadline_ns, began_ns)
        predictions = self._predictions(request, search, outcomes, probabilities)
        return Answer(
            predictions=predictions,
            timings=StageTimings(
                total_ns=self._clock.now_ns() - began_ns,
                features_ns=rendered_ns - began_ns,
                tokens_ns=built_ns - rendered_ns,
                queue_ns=max((outcome.queue_ns for outcome in outcomes), default=0),
                compute_ns=max((outcome.compute_ns for outcome in outcomes), default=0),
            ),
            degraded=None in probabilities,
            truncated_texts=built.truncated_texts,
            ignored_features=search.ignored_features,
        )

    def _calibrate(
        self, outcomes: Sequence[RowOutcome], deadline_ns: int, began_ns: int
    ) -> list[float | None]:
        """Return the probability of each row, None where it has no logit.

        Raises:
            DeadlineExceededError, BackendFailedError: there are rows, and none has a logit.
        """
        logits = [outcome.logit for outcome in outcomes]
        scored = [index for index, logit in enumerate(logits) if logit is not None]
        if logits and not scored:
            raise error_of_all(
                [outcome.error for outcome in outcomes if outcome.error is not None],
                budget_ns=deadline_ns - began_ns,
                elapsed_ns=self._clock.now_ns() - began_ns,
            )
        values = self._calibration.apply(
            np.array([logits[index] for index in scored], dtype=np.float64)
        )
        probabilities: list[float | None] = [None] * len(logits)
        for index, probability in zip(scored, values.tolist(), strict=True):
            probabilities[index] = probability
        return probabilities

    def _predictions(
        self,
        request: SearchRequest,
        search: RenderedSearch,
        outcomes: Sequence[RowOutcome],
        probabilities: Sequence[float | None],
    ) -> tuple[Prediction, ...]:
        predictions: list[Prediction] = []
        for index, candidate in enumerate(request.candidates):
            row = search.row_of[index]
            if row is None:
                invalid = Prediction(candidate.item_id, Status.INVALID, error=search.errors[index])
                predictions.append(invalid)
                continue
            defaulted = search.defaulted[index]
            error = outcomes[row].error
            predictions.append(
                Prediction(
                    candidate.item_id,
                    Status.SCORED,
                    probabilities[row],
                    Source.MODEL,
                    defaulted,
                )
                if error is None
                else fall_back(candidate, error, self._base_rate, defaulted)
            )
        return tuple(predictions)
