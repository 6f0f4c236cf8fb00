"""Decoding: a broken item is its own error."""

from __future__ import annotations

import math

import pytest

from ctr.v1 import prediction_pb2 as pb
from ctr_service.bundle.template import Renderer
from ctr_service.errors import Reason
from ctr_service.server.decode import Decoder
from ctr_service.server.envelope import enveloped
from tests.support.tiny_bundle import TINY_SCHEMA, TINY_TEMPLATE

RENDERER = Renderer(TINY_TEMPLATE, TINY_SCHEMA)


def number(value: float) -> dict[str, pb.FeatureValue]:
    """A price."""
    return {"price": pb.FeatureValue(number=value)}


@pytest.mark.parametrize(
    ("item", "reason", "field"),
    [
        (pb.Candidate(title="x"), Reason.EMPTY_ITEM_ID, "candidates[1].item_id"),
        (pb.Candidate(item_id="a"), Reason.DUPLICATE_ITEM_ID, "candidates[1].item_id"),
        (pb.Candidate(item_id="b"), Reason.NO_FEATURE_STORE, "candidates[1].title"),
        (pb.Candidate(item_id="i" * 129), Reason.ID_TOO_LONG, "candidates[1].item_id"),
        (
            pb.Candidate(item_id="b", item_version="v" * 129),
            Reason.ID_TOO_LONG,
            "candidates[1].item_version",
        ),
        (
            pb.Candidate(item_id="b", title="t" * 1025),
            Reason.TEXT_TOO_LONG,
            "candidates[1].title",
        ),
        (
            pb.Candidate(item_id="b", prior_score=1.5),
            Reason.PRIOR_OUT_OF_RANGE,
            "candidates[1].prior_score",
        ),
        (
            pb.Candidate(item_id="b", prior_score=math.nan),
            Reason.PRIOR_OUT_OF_RANGE,
            "candidates[1].prior_score",
        ),
        (
            pb.Candidate(item_id="b", features=number(math.inf)),
            Reason.NUMBER_NOT_FINITE,
            "candidates[1].features[price]",
        ),
        (
            pb.Candidate(
                item_id="b",
                features={"tags": pb.FeatureValue(texts=pb.TextList(values=["t"] * 65))},
            ),
            Reason.TOO_MANY_FEATURES,
            "candidates[1].features[tags]",
        ),
        (
            pb.Candidate(
                item_id="b",
                features={"tags": pb.FeatureValue(texts=pb.TextList(values=["t" * 257]))},
            ),
            Reason.TEXT_TOO_LONG,
            "candidates[1].features[tags]",
        ),
        (
            pb.Candidate(
                item_id="b", features={str(n): pb.FeatureValue(integer=n) for n in range(65)}
            ),
            Reason.TOO_MANY_FEATURES,
            "candidates[1].features",
        ),
    ],
)
def test_a_broken_item_fails_alone(item: pb.Candidate, reason: Reason, field: str) -> None:
    """A broken item becomes an error of that item; its neighbours stay as they are."""
    good = (pb.Candidate(item_id="a", title="mug"), pb.Candidate(item_id="z", title="t"))
    message = pb.PredictClicksRequest(candidates=[good[0], item, good[1]])
    decoded = Decoder(RENDERER).decode(enveloped(message), request_id="r", deadline_ns=7)
    first, broken, last = decoded.candidates
    assert first.error is None
    assert last.error is None
    assert broken.item_id == item.item_id
    assert broken.error is not None
    assert broken.error.reason is reason
    assert field in broken.error.detail


def test_items_may_come_by_id_where_there_is_a_store() -> None:
    """Where that is allowed, an item comes through that is nothing but an id, and says so."""
    message = pb.PredictClicksRequest(candidates=[pb.Candidate(item_id="a")])
    decoder = Decoder(RENDERER, by_id=True)
    (item,) = decoder.decode(enveloped(message), request_id="r", deadline_ns=7).candidates
    assert item.error is None
    assert (item.item_id, item.title, item.defaulted) == ("a", "", ("item.title",))
