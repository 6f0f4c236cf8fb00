"""One question before a run: does the target serve, in this protocol, this model?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import grpc

from ctr.v1 import prediction_pb2 as pb
from ctr_bench.errors import BenchError
from ctr_bench.job import OPEN_INFERENCE
from ctr_bench.searches import FeatureNames
from ctr_client.client import PredictionClient
from ctr_client.errors import PredictionError
from ctr_client.options import ClientOptions
from ctr_client.security import PLAIN, SecurityError, open_channel

if TYPE_CHECKING:
    from ctr_bench.job import Protocol
    from ctr_client.security import Security

DEADLINE_S = 5.0
MODEL_METADATA = "/inference.GRPCInferenceService/ModelMetadata"
_KINDS = {
    pb.FEATURE_TYPE_NUMBER: "number",
    pb.FEATURE_TYPE_TEXT: "text",
    pb.FEATURE_TYPE_TEXTS: "texts",
}


@dataclass(frozen=True, slots=True)
class Served:
    """What the target says of itself; features are not in Open Inference."""

    model_name: str
    model_version: str
    features: FeatureNames = field(default_factory=FeatureNames)


def ask_target(target: str, protocol: Protocol, model: str, security: Security) -> Served:
    """Ask the target for its model.

    Raises:
        BenchError: nothing serves there, or not this protocol or model; says what to do.
    """
    try:
        if protocol == OPEN_INFERENCE:
            return _by_metadata(target, model, security)
        return _by_get_model(target, model, security)
    except SecurityError as error:
        raise BenchError(str(error)) from None


def get_model(target: str, model: str = "", security: Security = PLAIN) -> pb.GetModelResponse:
    """Ask a target that speaks ctr.v1 for its model; once, without retries.

    Raises:
        BenchError: nothing serves there, or not ctr.v1 or this model; says what to do.
        SecurityError: a certificate or a token cannot be read.
    """
    options = ClientOptions(max_attempts=1)
    with PredictionClient(target, options, security=security) as client:
        try:
            return client.get_model(name=model, deadline_s=DEADLINE_S)
        except PredictionError as error:
            raise _refused(target, "ctr.v1", model, error.code, str(error)) from None


def _by_get_model(target: str, model: str, security: Security) -> Served:
    answer = get_model(target, model, security)
    item, user, context = (
        {s.name: _KINDS[s.type] for s in answer.features if s.entity == entity}
        for entity in (pb.ENTITY_ITEM, pb.ENTITY_USER, pb.ENTITY_CONTEXT)
    )
    return Served(answer.name, answer.version, FeatureNames(item, user, context))


def _by_metadata(target: str, model: str, security: Security) -> Served:
    # tritonclient's messages take 40 ms to import, and only this protocol needs them.
    from tritonclient.grpc import service_pb2  # noqa: PLC0415 -- see above

    asked = service_pb2.ModelMetadataRequest(name=model).SerializeToString()
    with open_channel(target, ClientOptions(max_attempts=1).channel_options(), security) as channel:
        method = channel.unary_unary(MODEL_METADATA, None, None)
        try:
            raw = method(asked, timeout=DEADLINE_S, metadata=security.metadata())
        except grpc.RpcError as error:
            call = cast("grpc.Call", error)
            said = call.details() or ""
            raise _refused(target, OPEN_INFERENCE, model, call.code(), said) from None
    answer = service_pb2.ModelMetadataResponse.FromString(raw)
    return Served(answer.name, ", ".join(answer.versions))


def _refused(
    target: str, protocol: str, model: str, code: grpc.StatusCode, said: str
) -> BenchError:
    other = "ctr.v1" if protocol == OPEN_INFERENCE else OPEN_INFERENCE
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return BenchError(
            f"nothing serves at {target}: start a server, or name another (one with TLS answers to "
            "--tls or --tls-ca of `ctr-bench run` alone)"
        )
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return BenchError(
            f"{target} does not speak {protocol}; try `ctr-bench run --protocol {other}`"
        )
    if code is grpc.StatusCode.NOT_FOUND or (model and code is grpc.StatusCode.INVALID_ARGUMENT):
        return BenchError(f"{target} does not serve the model of --model: {said}")
    if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        return BenchError(f"{target} lets nobody in without its token; see --token-file: {said}")
    return BenchError(f"{target} cannot say which model it serves: {said} ({code.name})")
