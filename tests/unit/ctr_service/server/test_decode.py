"""Decoding: every limit of the wire."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctr.v1 import prediction_pb2 as pb
from ctr_service.bundle.template import Renderer
from ctr_service.errors import Reason, RequestInvalidError
from ctr_service.limits import WIRE_LIMITS
from ctr_service.server.decode import Decoder, parse_message
from ctr_service.server.envelope import ENVELOPE
from ctr_service.types import Priority
from tests.support.tiny_bundle import TINY_SCHEMA, TINY_TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_service.types import SearchRequest

CANARY = "canary-7391"


def around(rest: pb.PredictClicksRequest) -> pb.PredictClicksRequest:
    """A request with one good candidate, and the rest."""
    message = pb.PredictClicksRequest(candidates=[pb.Candidate(item_id="a", title="mug")])
    message.MergeFrom(rest)
    return message


def decode(message: pb.PredictClicksRequest) -> SearchRequest:
    """Decode for the tiny bundle's schema."""
    return received(message.SerializeToString())


def received(raw: bytes) -> SearchRequest:
    """Parse and decode what arrived."""
    decoder = Decoder(Renderer(TINY_TEMPLATE, TINY_SCHEMA))
    return decoder.decode(parse_message(raw, ENVELOPE), request_id="r", deadline_ns=7)


def refused(message: pb.PredictClicksRequest) -> RequestInvalidError:
    """The error that a request is refused with."""
    with pytest.raises(RequestInvalidError) as caught:
        decode(message)
    return caught.value


def numbers(name: str, value: float) -> Mapping[str, pb.FeatureValue]:
    """One feature that is a number."""
    return {name: pb.FeatureValue(number=value)}


@pytest.mark.parametrize(
    ("message", "reason", "metadata"),
    [
        (
            pb.PredictClicksRequest(query="mug"),
            Reason.NO_CANDIDATES,
            {"field": "candidates", "limit": "1", "size": "0"},
        ),
        (
            around(
                pb.PredictClicksRequest(
                    candidates=[pb.Candidate(item_id=str(n)) for n in range(1000)]
                )
            ),
            Reason.TOO_MANY_CANDIDATES,
            {"field": "candidates", "limit": "1000", "size": "1001"},
        ),
        (
            around(pb.PredictClicksRequest(query="q" * 257)),
            Reason.TEXT_TOO_LONG,
            {"field": "query", "limit": "256", "size": "257"},
        ),
        (
            around(pb.PredictClicksRequest(request_id="r" * 129)),
            Reason.ID_TOO_LONG,
            {"field": "request_id", "limit": "128", "size": "129"},
        ),
        (
            around(pb.PredictClicksRequest(user=pb.User(user_id="u" * 129))),
            Reason.ID_TOO_LONG,
            {"field": "user.user_id", "limit": "128", "size": "129"},
        ),
        (
            around(pb.PredictClicksRequest(model=pb.ModelRef(name="m" * 129))),
            Reason.ID_TOO_LONG,
            {"field": "model.name", "limit": "128", "size": "129"},
        ),
        (
            around(pb.PredictClicksRequest(model=pb.ModelRef(version="m" * 129))),
            Reason.ID_TOO_LONG,
            {"field": "model.version", "limit": "128", "size": "129"},
        ),
        (
            around(
                pb.PredictClicksRequest(
                    user=pb.User(features={str(n): pb.FeatureValue() for n in range(65)})
                )
            ),
            Reason.TOO_MANY_FEATURES,
            {"field": "user.features", "limit": "64", "size": "65"},
        ),
        (
            around(pb.PredictClicksRequest(context_features=numbers("hour", math.nan))),
            Reason.NUMBER_NOT_FINITE,
            {"field": "context_features[hour]"},
        ),
        (
            around(
                pb.PredictClicksRequest(
                    user=pb.User(features={"segment": pb.FeatureValue(text="s" * 257)})
                )
            ),
            Reason.TEXT_TOO_LONG,
            {"field": "user.features[segment]", "limit": "256", "size": "257"},
        ),
    ],
)
def test_a_broken_request_is_refused_with_field_limit_and_size(
    message: pb.PredictClicksRequest, reason: Reason, metadata: dict[str, str]
) -> None:
    """Each limit of the contract refuses the request and names field, limit and size."""
    error = refused(message)
    assert (error.reason, error.metadata) == (reason, metadata)
    assert all(value in str(error) for key, value in metadata.items() if key != "size")


def test_values_at_their_limits_pass() -> None:
    """Whatever is exactly as long as its limit is accepted."""
    limits = WIRE_LIMITS
    item = pb.Candidate(
        item_id="i" * limits.id_characters,
        item_version="v" * limits.id_characters,
        title="題" * limits.title_characters,
        features={
            "tags": pb.FeatureValue(
                texts=pb.TextList(values=["x" * limits.feature_characters] * limits.feature_values)
            )
        },
        prior_score=1.0,
    )
    decoded = decode(
        around(pb.PredictClicksRequest(query="詢" * limits.query_characters, candidates=[item]))
    )
    assert [candidate.error for candidate in decoded.candidates] == [None, None]


def test_every_kind_of_feature_value_is_decoded() -> None:
    """Numbers, integers, texts and lists keep their type; a feature without a value is missing."""
    features = {
        "n": pb.FeatureValue(number=1.5),
        "i": pb.FeatureValue(integer=3),
        "t": pb.FeatureValue(text="x"),
        "l": pb.FeatureValue(texts=pb.TextList(values=["a", "b"])),
        "none": pb.FeatureValue(),
    }
    decoded = decode(around(pb.PredictClicksRequest(user=pb.User(user_id="u", features=features))))
    assert decoded.user_features == {"n": 1.5, "i": 3, "t": "x", "l": ("a", "b")}


def test_ids_rank_prior_and_priority_are_carried_over() -> None:
    """Optional fields arrive when they are set, and count as absent when they are not."""
    item = pb.Candidate(item_id="b", title="t", item_version="2", prior_score=0.0, rank=4)
    decoded = decode(around(pb.PredictClicksRequest(candidates=[item], priority=pb.PRIORITY_BULK)))
    plain, full = decoded.candidates
    assert (plain.prior_score, plain.rank, plain.item_version) == (None, None, "")
    assert (full.prior_score, full.rank, full.item_version) == (0.0, 4, "2")
    assert (decoded.request_id, decoded.deadline_ns) == ("r", 7)
    assert decoded.priority is Priority.BULK


@pytest.mark.parametrize("number", [0, 1, 99])
def test_an_unknown_priority_counts_as_unspecified(number: int) -> None:
    """A priority that this release does not know is served as an interactive one."""
    message = pb.PredictClicksRequest.FromString(bytes((7 << 3, number)))
    assert message.priority == number
    assert decode(around(message)).priority is Priority.INTERACTIVE


def test_errors_never_repeat_what_was_sent() -> None:
    """Neither texts nor the names of unknown features come back in an error."""
    message = around(
        pb.PredictClicksRequest(context_features=numbers(CANARY, math.nan), query=CANARY)
    )
    error = refused(message)
    assert CANARY not in f"{error} {error.metadata}"
    item = pb.Candidate(item_id=CANARY * 20, title=CANARY, features=numbers(CANARY, math.nan))
    broken = decode(around(pb.PredictClicksRequest(candidates=[item]))).candidates[1].error
    assert broken is not None
    assert CANARY not in broken.detail


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xff\xff",
        b"\x12\x02\xff\xfe",  # query, not UTF-8
        b"\x12\x05ab",  # query, cut short
        b"\x2a\x04\x0a\x02\xc3\x28",  # candidates[0].item_id, not UTF-8
    ],
)
def test_malformed_bytes_are_an_invalid_request(raw: bytes) -> None:
    """Bytes that do not parse, and texts that are not UTF-8, are MALFORMED_REQUEST."""
    with pytest.raises(RequestInvalidError) as caught:
        received(raw)
    assert caught.value.reason is Reason.MALFORMED_REQUEST
    assert caught.value.metadata == {"size": str(len(raw))}
    assert caught.value.__suppress_context__


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_are_refused(raw: bytes) -> None:
    """Whatever bytes arrive, the outcome is a request or a RequestInvalidError."""
    try:
        decoded = received(raw)
    except RequestInvalidError:
        return
    assert len(decoded.candidates) == len(pb.PredictClicksRequest.FromString(raw).candidates)
