"""Searches scored over gRPC, one after another, as one caller would."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctr.v1.prediction_pb2 import PREDICTION_STATUS_SCORED, PredictClicksRequest
from ctr_client import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ctr_client.client import PredictionClient
    from ctr_demo.searches import Search
    from ctr_service.clock import Clock

DEADLINE_S = 10.0
"""The server's maximum: the demo compares scores, so it gives every list time to finish."""


@dataclass(frozen=True, slots=True)
class ScoredSearch:
    """A search, its probabilities in the items' order (NaN where not SCORED), and its latency."""

    search: Search
    probabilities: tuple[float, ...]
    latency_ns: int

    @property
    def scored(self) -> int:
        """How many items have the model's own score."""
        return sum(not math.isnan(p) for p in self.probabilities)


def score_searches(
    client: PredictionClient,
    searches: Sequence[Search],
    clock: Clock,
    advance: Callable[[], None],
) -> list[ScoredSearch]:
    """Send each search when the one before it was answered.

    Args:
        client: connected to a gateway that serves.
        searches: in sending order.
        clock: measures the latency that the caller sees.
        advance: called after each answer.
    """
    results: list[ScoredSearch] = []
    for index, search in enumerate(searches):
        request = to_request(search, f"demo-{index}")
        started_ns = clock.now_ns()
        answer = client.predict_clicks(request, deadline_s=DEADLINE_S)
        latency_ns = clock.now_ns() - started_ns
        probabilities = tuple(
            p.click_probability if p.status == PREDICTION_STATUS_SCORED else math.nan
            for p in answer.predictions
        )
        results.append(ScoredSearch(search, probabilities, latency_ns))
        advance()
    return results


def served_probabilities(scored: Sequence[ScoredSearch]) -> NDArray[np.float64]:
    """Return the probabilities of all items in serving order, float64 [rows]; NaN if unscored."""
    return np.array([p for result in scored for p in result.probabilities], dtype=np.float64)


def to_request(search: Search, request_id: str) -> PredictClicksRequest:
    """Write a search as the wire's message."""
    return messages.search(
        search.query,
        [
            messages.Item(item_id=item.item_id, title=item.title, features=item.features)
            for item in search.items
        ],
        user=search.user_features,
        context=search.context_features,
        request_id=request_id,
    )
