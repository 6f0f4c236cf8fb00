"""Looking into an answer of ctr.v1: items by status, stages, and which model answered."""

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


class Answer(NamedTuple):
    """What is kept of one answer.

    Attributes:
        degraded: as the server says it.
        features_ns, queue_ns, model_ns: stages as the server timed them; 0 where it did not.
        version: of the model.
    """

    counts: Counts
    degraded: bool = False
    features_ns: int = 0
    queue_ns: int = 0
    model_ns: int = 0
    version: str = ""


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
    return read_answer(raw).counts


def read_answer(raw: bytes) -> Answer:
    """Look into a PredictClicksResponse.

    Raises:
        google.protobuf.message.DecodeError: the bytes are no such message.
    """
    response = pb.PredictClicksResponse.FromString(raw)
    statuses = [prediction.status for prediction in response.predictions]
    cached = [prediction.source in _CACHED for prediction in response.predictions].count(True)
    scored = statuses.count(pb.PREDICTION_STATUS_SCORED)
    if scored == len(statuses):  # most answers; saves two walks
        counts = Counts(scored, 0, 0, cached)
    else:
        counts = Counts(
            scored,
            statuses.count(pb.PREDICTION_STATUS_FALLBACK),
            statuses.count(pb.PREDICTION_STATUS_INVALID),
            cached,
        )
    timings = response.timings
    return Answer(
        counts,
        response.degraded,
        timings.features_ns,
        timings.queue_ns,
        timings.compute_ns,
        response.model_version,
    )
