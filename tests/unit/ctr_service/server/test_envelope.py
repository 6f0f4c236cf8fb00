"""Claims of `ctr_service.server.envelope`."""

from __future__ import annotations

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.message import DecodeError

from ctr.v1 import prediction_pb2 as pb
from ctr_service.server.envelope import CANDIDATES, ENVELOPE, enveloped, opened

REQUEST = pb.PredictClicksRequest(
    request_id="r",
    query="røde sko",
    user=pb.User(user_id="u", features={"age": pb.FeatureValue(integer=3)}),
    candidates=[
        pb.Candidate(item_id="a", title="sko", prior_score=0.0, rank=1),
        pb.Candidate(item_id="b", features={"price": pb.FeatureValue(number=2.5)}),
        pb.Candidate(),
    ],
    context_features={"hour": pb.FeatureValue(number=7.0)},
    model=pb.ModelRef(name="m", version="1"),
    priority=pb.PRIORITY_BULK,
)


def test_an_envelope_is_the_contract_but_for_its_candidates() -> None:
    """Field by field the two types are the same, except that candidates are bytes."""
    fields = []
    for kind in (pb.PredictClicksRequest, ENVELOPE):
        message = descriptor_pb2.DescriptorProto()
        kind.DESCRIPTOR.CopyToProto(message)
        fields.append({field.name: field for field in message.field})
    contract, envelope = fields
    assert contract.keys() == envelope.keys()
    assert [name for name in contract if contract[name] != envelope[name]] == [CANDIDATES]
    assert contract[CANDIDATES].number == envelope[CANDIDATES].number


def test_a_request_comes_back_from_its_envelope() -> None:
    """Each candidate is its own bytes, and opened it is the request again."""
    envelope = enveloped(REQUEST)
    assert list(envelope.candidates) == [c.SerializeToString() for c in REQUEST.candidates]
    assert envelope.user.features["age"].integer == 3
    assert opened(envelope) == REQUEST


def test_an_envelope_holds_what_is_no_candidate() -> None:
    """Bytes that are no candidate are found when it is opened, not before."""
    envelope = ENVELOPE.FromString(b"\x2a\x03\xff\xff\xff")
    with pytest.raises(DecodeError):
        opened(envelope)
