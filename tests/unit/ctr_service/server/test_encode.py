"""Encoding, and the equality of the wire's and the domain's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctr.v1 import error_reason_pb2
from ctr.v1 import prediction_pb2 as pb
from ctr_service.bundle.bundle import load_bundle
from ctr_service.bundle.features import Entity, FeatureType
from ctr_service.errors import Reason
from ctr_service.server import encode
from ctr_service.types import Answer, ItemError, Prediction, Source, StageTimings, Status
from tests.support.tiny_bundle import make_tiny_bundle

if TYPE_CHECKING:
    import enum
    from collections.abc import Mapping
    from pathlib import Path

    from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

TIMINGS = StageTimings(total_ns=5, features_ns=1, tokens_ns=2, queue_ns=3, compute_ns=4)


@pytest.mark.parametrize(
    ("domain", "wire", "prefix", "table"),
    [
        (Status, pb.PredictionStatus, "PREDICTION_STATUS_", encode.STATUS),
        (Source, pb.PredictionSource, "PREDICTION_SOURCE_", encode.SOURCE),
        (Reason, error_reason_pb2.ErrorReason, "ERROR_REASON_", encode.REASON),
        (Entity, pb.Entity, "ENTITY_", encode.ENTITY),
        (FeatureType, pb.FeatureType, "FEATURE_TYPE_", encode.FEATURE_TYPE),
    ],
)
def test_the_wire_and_the_domain_name_the_same_values(
    domain: type[enum.Enum],
    wire: EnumTypeWrapper,
    prefix: str,
    table: Mapping[enum.Enum, int],
) -> None:
    """An enum of the wire holds the domain's members and UNSPECIFIED = 0, nothing else."""
    names = {member.name for member in domain}
    assert set(wire.keys()) == {f"{prefix}{name}" for name in names | {"UNSPECIFIED"}}
    assert wire.Value(f"{prefix}UNSPECIFIED") == 0
    assert table == {member: wire.Value(f"{prefix}{member.name}") for member in domain}


def test_an_answer_keeps_order_and_every_field() -> None:
    """Scored, fallen back and invalid items come out in order with what the contract says."""
    answer = Answer(
        predictions=(
            Prediction("a", Status.SCORED, 0.25, Source.MODEL, ("item.price",)),
            Prediction(
                "b",
                Status.FALLBACK,
                0.0,
                Source.PRIOR,
                error=ItemError(Reason.DEADLINE_EXCEEDED, "late"),
            ),
            Prediction("c", Status.INVALID, error=ItemError(Reason.TEXT_TOO_LONG, "long")),
        ),
        timings=TIMINGS,
        degraded=True,
        truncated_texts=2,
        ignored_features=tuple(f"item.f{n}" for n in range(20)),
    )
    wire = encode.encode_answer(answer, request_id="r", model_name="m", model_version="v")
    scored, fallen, invalid = wire.predictions
    assert (scored.item_id, scored.click_probability, scored.source) == ("a", 0.25, 1)
    assert list(scored.defaulted_features) == ["item.price"]
    assert scored.reason == error_reason_pb2.ERROR_REASON_UNSPECIFIED
    assert fallen.HasField("click_probability")
    assert (fallen.status, fallen.source) == (2, pb.PREDICTION_SOURCE_PRIOR)
    assert fallen.reason == error_reason_pb2.ERROR_REASON_DEADLINE_EXCEEDED
    assert not invalid.HasField("click_probability")
    assert (invalid.status, invalid.source, invalid.reason_detail) == (3, 0, "long")
    assert (wire.request_id, wire.model_name, wire.model_version) == ("r", "m", "v")
    assert (wire.degraded, wire.truncated_texts) == (True, 2)
    assert len(wire.ignored_features) == 16
    assert (wire.timings.total_ns, wire.timings.compute_ns) == (5, 4)


def test_the_model_is_described_from_its_bundle(tmp_path: Path) -> None:
    """GetModel carries the manifest's names, the schema in order and the graph that serves."""
    bundle = load_bundle(make_tiny_bundle(tmp_path / "bundle"))
    wire = encode.encode_model(bundle, graph_name="joint/onnxruntime/fp32")
    assert (wire.name, wire.version, wire.graph) == ("tiny", "t1", "joint/onnxruntime/fp32")
    assert wire.manifest_sha256 == bundle.manifest_sha256
    assert (wire.base_rate, wire.max_row_tokens) == (0.25, 130)
    assert [(f.name, f.entity, f.type) for f in wire.features] == [
        ("price", pb.ENTITY_ITEM, pb.FEATURE_TYPE_NUMBER),
        ("brand", pb.ENTITY_ITEM, pb.FEATURE_TYPE_TEXT),
        ("tags", pb.ENTITY_ITEM, pb.FEATURE_TYPE_TEXTS),
        ("segment", pb.ENTITY_USER, pb.FEATURE_TYPE_TEXT),
        ("hour", pb.ENTITY_CONTEXT, pb.FEATURE_TYPE_NUMBER),
    ]
