"""Domain -> wire: answers and the model's description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr.v1 import error_reason_pb2, prediction_pb2
from ctr_service.bundle.features import Entity, FeatureType
from ctr_service.errors import Reason
from ctr_service.limits import WIRE_LIMITS
from ctr_service.types import Source, Status

if TYPE_CHECKING:
    from ctr_service.bundle.bundle import Bundle
    from ctr_service.types import Answer

STATUS = {s: prediction_pb2.PredictionStatus.Value(f"PREDICTION_STATUS_{s.name}") for s in Status}
SOURCE = {s: prediction_pb2.PredictionSource.Value(f"PREDICTION_SOURCE_{s.name}") for s in Source}
REASON = {r: error_reason_pb2.ErrorReason.Value(f"ERROR_REASON_{r.name}") for r in Reason}
ENTITY = {e: prediction_pb2.Entity.Value(f"ENTITY_{e.name}") for e in Entity}
FEATURE_TYPE = {t: prediction_pb2.FeatureType.Value(f"FEATURE_TYPE_{t.name}") for t in FeatureType}


def encode_answer(
    answer: Answer, *, request_id: str, model_name: str, model_version: str
) -> prediction_pb2.PredictClicksResponse:
    """Build the answer's message; predictions keep the answer's order."""
    timings = answer.timings
    response = prediction_pb2.PredictClicksResponse(
        request_id=request_id,
        model_name=model_name,
        model_version=model_version,
        degraded=answer.degraded,
        timings=prediction_pb2.StageTimings(
            total_ns=timings.total_ns,
            features_ns=timings.features_ns,
            tokens_ns=timings.tokens_ns,
            queue_ns=timings.queue_ns,
            compute_ns=timings.compute_ns,
        ),
        truncated_texts=answer.truncated_texts,
        ignored_features=answer.ignored_features[: WIRE_LIMITS.ignored_features],
    )
    add = response.predictions.add
    for prediction in answer.predictions:
        item_id, status, click_probability, source, defaulted, error = prediction
        if error is None and source is not None and not defaulted:  # nearly every one
            add(
                item_id=item_id,
                click_probability=click_probability,
                status=STATUS[status],
                source=SOURCE[source],
            )
            continue
        # None leaves a field unset, and an unset optional probability is the wire's "absent".
        add(
            item_id=item_id,
            click_probability=click_probability,
            status=STATUS[status],
            source=None if source is None else SOURCE[source],
            defaulted_features=defaulted or None,
            reason=None if error is None else REASON[error.reason],
            reason_detail=None if error is None else error.detail,
        )
    return response


def encode_model(bundle: Bundle, *, graph_name: str) -> prediction_pb2.GetModelResponse:
    """Describe the model of a bundle.

    Args:
        bundle: what serves.
        graph_name: graph, engine and precision that serve, as "joint/onnxruntime/fp32".
    """
    manifest = bundle.manifest
    return prediction_pb2.GetModelResponse(
        name=manifest.model_name,
        version=manifest.model_version,
        manifest_sha256=bundle.manifest_sha256,
        features=[
            prediction_pb2.FeatureSpec(
                name=spec.name, entity=ENTITY[spec.entity], type=FEATURE_TYPE[spec.type]
            )
            for spec in manifest.features.features
        ],
        base_rate=manifest.base_rate,
        graph=graph_name,
        max_row_tokens=manifest.template.max_row_tokens,
    )
