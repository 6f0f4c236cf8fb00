"""Looking into an answer: how many items were scored, fell back, are invalid, came from a cache."""

from __future__ import annotations

from typing import NamedTuple

from ctr.v1 import prediction_pb2 as pb

_CACHED = frozenset({pb.PREDICTION_SOURCE_CACHE, pb.PREDICTION_SOURCE_COALESCED})


class Counts(NamedTuple):
    """Items of one answer by status; `cached` ones are scored ones that were not computed."""

    scored: int
    fallback: int
    invalid: int
    cached: int


def probabilities_of(raw: bytes) -> list[float]:
    """Return the click probability of each item, NaN where there is none."""
    predictions = pb.PredictClicksResponse.FromString(raw).predictions
    return [
        p.click_probability if p.HasField("click_probability") else float("nan")
        for p in predictions
    ]


def count_answer(raw: bytes) -> Counts:
    """Count the items of a PredictClicksResponse.

    Raises:
        google.protobuf.message.DecodeError: the bytes are no such message.
    """
    predictions = pb.PredictClicksResponse.FromString(raw).predictions
    statuses = [prediction.status for prediction in predictions]
    cached = sum(prediction.source in _CACHED for prediction in predictions)
    return Counts(
        statuses.count(pb.PREDICTION_STATUS_SCORED),
        statuses.count(pb.PREDICTION_STATUS_FALLBACK),
        statuses.count(pb.PREDICTION_STATUS_INVALID),
        cached,
    )
