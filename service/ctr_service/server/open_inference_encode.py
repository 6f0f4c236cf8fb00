"""Domain -> Open Inference: answers as tensors, and what model and server say of themselves.

A candidate that is INVALID has no probability: its place holds NaN, and the outputs `status` and
`reason` say why. Its neighbours are scored.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from tritonclient.grpc import model_config_pb2, service_pb2

from ctr_service.server.open_inference_bytes import pack_bytes
from ctr_service.server.open_inference_tensors import (
    CLICK_PROBABILITY,
    LISTED_INPUTS,
    OUTPUTS,
    REASON,
    STATUS,
)
from ctr_service.types import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ctr.v1 import prediction_pb2
    from ctr_service.server.open_inference_tensors import Tensor
    from ctr_service.types import Answer, Prediction

PLATFORM = "ctr_serve"
SERVER_NAME = "ctr-serve"
EXTENSIONS = ("model_configuration", "statistics", "parameters")
_CONFIG_TYPES = {
    "BYTES": model_config_pb2.DataType.TYPE_STRING,
    "FP32": model_config_pb2.DataType.TYPE_FP32,
}


def encode_infer(
    answer: Answer, outputs: Sequence[Tensor], *, request_id: str, name: str, version: str
) -> service_pb2.ModelInferResponse:
    """Build the answer's message; elements keep the answer's order.

    Its parameters say what tensors do not: `degraded`, and how many candidates are `fallbacks` and
    `invalid`, and how many texts were cut (`truncated_texts`).
    """
    response = service_pb2.ModelInferResponse(model_name=name, model_version=version, id=request_id)
    statuses = [prediction.status for prediction in answer.predictions]
    parameters = response.parameters
    parameters["degraded"].bool_param = answer.degraded
    parameters["fallbacks"].int64_param = statuses.count(Status.FALLBACK)
    parameters["invalid"].int64_param = statuses.count(Status.INVALID)
    parameters["truncated_texts"].int64_param = answer.truncated_texts
    for tensor in outputs:
        response.outputs.add(
            name=tensor.name, datatype=tensor.datatype, shape=[len(answer.predictions)]
        )
        response.raw_output_contents.append(_WRITERS[tensor](answer.predictions))
    return response


def server_metadata(version: str) -> service_pb2.ServerMetadataResponse:
    """Say what the server is, and which extensions of the protocol it has."""
    return service_pb2.ServerMetadataResponse(
        name=SERVER_NAME, version=version, extensions=EXTENSIONS
    )


def model_metadata(model: prediction_pb2.GetModelResponse) -> service_pb2.ModelMetadataResponse:
    """Say which tensors the model takes and gives; -1 is the number of candidates."""
    kind = service_pb2.ModelMetadataResponse.TensorMetadata
    return service_pb2.ModelMetadataResponse(
        name=model.name,
        versions=[model.version],
        platform=PLATFORM,
        inputs=[kind(name=t.name, datatype=t.datatype, shape=[t.size]) for t in LISTED_INPUTS],
        outputs=[kind(name=t.name, datatype=t.datatype, shape=[t.size]) for t in OUTPUTS],
    )


def model_config(model: prediction_pb2.GetModelResponse) -> service_pb2.ModelConfigResponse:
    """Say the same as Triton's configuration does.

    `max_batch_size` is 0: a request is one list, and the server forms batches itself.
    """
    config = model_config_pb2.ModelConfig(
        name=model.name,
        platform=PLATFORM,
        backend=PLATFORM,
        max_batch_size=0,
        input=[
            model_config_pb2.ModelInput(
                name=t.name, data_type=_CONFIG_TYPES[t.datatype], dims=[t.size], optional=t.optional
            )
            for t in LISTED_INPUTS
        ],
        output=[
            model_config_pb2.ModelOutput(
                name=t.name, data_type=_CONFIG_TYPES[t.datatype], dims=[t.size]
            )
            for t in OUTPUTS
        ],
    )
    for name, value in (
        ("version", model.version),
        ("graph", model.graph),
        ("manifest_sha256", model.manifest_sha256),
        ("max_row_tokens", str(model.max_row_tokens)),
    ):
        config.parameters[name].string_value = value
    return service_pb2.ModelConfigResponse(config=config)


def _probabilities(predictions: Sequence[Prediction]) -> bytes:
    values = [
        math.nan if prediction.click_probability is None else prediction.click_probability
        for prediction in predictions
    ]
    return struct.pack(f"<{len(values)}f", *values)


def _statuses(predictions: Sequence[Prediction]) -> bytes:
    return pack_bytes(prediction.status.name.encode() for prediction in predictions)


def _reasons(predictions: Sequence[Prediction]) -> bytes:
    return pack_bytes(
        b"" if prediction.error is None else prediction.error.reason.name.encode()
        for prediction in predictions
    )


_WRITERS: Mapping[Tensor, Callable[[Sequence[Prediction]], bytes]] = {
    CLICK_PROBABILITY: _probabilities,
    STATUS: _statuses,
    REASON: _reasons,
}
