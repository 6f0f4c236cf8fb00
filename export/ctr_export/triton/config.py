"""`config.pbtxt`, as Triton's own ModelConfig message: what every target has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from ctr_export.triton import names
from ctr_export.triton.accelerators import (
    add_cuda_accelerator,
    add_tensorrt_accelerator,
    add_tensorrt_plan,
)
from ctr_export.triton.names import CPU, CUDA, CUDA_TENSORRT, TENSORRT
from ctr_export.triton.shapes import most_rows
from ctr_export.triton.warmup import FIRST_LENGTH_FILE, length_file
from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS
from ctr_service.limits import WIRE_LIMITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_export.triton.spec import TargetSpec
    from ctr_service.bundle.manifest import TensorSpec

HEADER = """\
# Written by `ctr-export build`; docs/gpu.md explains it. The gateway forms the batches
# (docs/decisions/0011): leave `preferred_batch_size` and the queue's delay. Zeros are left out by
# protobuf: max_queue_delay_microseconds 0, timeout_action REJECT. `ctr-export triton-check` checks.
"""
DTYPES = {"int32": pb.TYPE_INT32, "int64": pb.TYPE_INT64, "float32": pb.TYPE_FP32}
DTYPES["float16"] = pb.TYPE_FP16
BACKENDS = {CPU: "python", CUDA: "onnxruntime", CUDA_TENSORRT: "onnxruntime", TENSORRT: "tensorrt"}
ONE_REQUEST_A_BATCH = 1
"""As preferred batch size: the scheduler never joins two requests whose rows exceed it together,
so each of the gateway's batches runs alone (docs/decisions/0011)."""
QUEUE_REQUESTS_AN_INSTANCE = 8
"""Batches that may wait for an instance. A gateway sends as many as it has slots and one more; what
is beyond several gateways' is refused at once instead of waiting for a deadline that it misses."""
DEFAULT_TIMEOUT_US = WIRE_LIMITS.deadline_ns // 1_000
"""The wire's longest deadline. A request's own timeout counts only below it, and only where it is
not 0."""


def make_config(spec: TargetSpec) -> pb.ModelConfig:
    """Return a target's config."""
    config = pb.ModelConfig(
        name=spec.model,
        backend=BACKENDS[spec.target],
        max_batch_size=most_rows(spec.layout),
        version_policy=pb.ModelVersionPolicy(specific={"versions": [int(names.VERSION)]}),
    )
    for tensor in spec.variant.inputs:
        dims, reshape = _dims(tensor)
        config.input.add(
            name=tensor.name, data_type=DTYPES[tensor.dtype], dims=dims, reshape=reshape
        )
    for tensor in spec.variant.outputs:
        dims, reshape = _dims(tensor)
        config.output.add(
            name=tensor.name, data_type=DTYPES[tensor.dtype], dims=dims, reshape=reshape
        )
    _add_queue(config, spec)
    _add_parameters(config, spec)
    _add_warmup(config, spec)
    _add_engine(config, spec)
    return config


def config_text(config: pb.ModelConfig) -> str:
    """Return `config.pbtxt`: the same bytes for the same config."""
    return HEADER + text_format.MessageToString(config, use_short_repeated_primitives=True)


def _dims(tensor: TensorSpec) -> tuple[list[int], pb.ModelTensorReshape | None]:
    """Return Triton's `dims` without the rows, and `reshape` where nothing is left of them.

    Triton knows no tensor without dimensions: on the wire it is [rows, 1], for the graph [rows].
    """
    dims = list(tensor.shape[1:])
    return (dims, None) if dims else ([1], pb.ModelTensorReshape(shape=[]))


def _add_queue(config: pb.ModelConfig, spec: TargetSpec) -> None:
    batching = config.dynamic_batching
    batching.preferred_batch_size.append(ONE_REQUEST_A_BATCH)
    batching.max_queue_delay_microseconds = 0
    policy = batching.default_queue_policy
    policy.timeout_action = pb.ModelQueuePolicy.REJECT
    policy.default_timeout_microseconds = DEFAULT_TIMEOUT_US
    policy.allow_timeout_override = True
    policy.max_queue_size = QUEUE_REQUESTS_AN_INSTANCE * spec.layout.sessions


def _add_parameters(config: pb.ModelConfig, spec: TargetSpec) -> None:
    parameters = {
        names.MODEL_VERSION: spec.model_version,
        names.GRAPH_SHA256: spec.variant.sha256,
        names.PRECISION: spec.precision,
        names.ENGINE: spec.engine,
        names.GRAPH: spec.graph,
        names.TARGET: spec.target,
    }
    set_parameters(config, parameters)


def set_parameters(config: pb.ModelConfig, parameters: Mapping[str, str]) -> None:
    """Set model parameters."""
    for key, value in parameters.items():
        config.parameters[key].string_value = value


def _add_warmup(config: pb.ModelConfig, spec: TargetSpec) -> None:
    """Add a sample a shape: [PAD] ids in rows of the bucket's full length.

    Triton runs a sample as so many requests of one row, joined to one batch.
    """
    for rows, bucket in spec.shapes:
        sample = config.model_warmup.add(name=f"{rows}x{bucket}", batch_size=rows)
        ids, lengths, first = (sample.inputs[n] for n in (INPUT_IDS, LENGTHS, FIRST_LENGTHS))
        for tensor in (ids, lengths, first):
            tensor.data_type = pb.TYPE_INT32
        ids.dims.append(bucket)
        ids.zero_data = True
        lengths.dims.append(1)
        lengths.input_data_file = length_file(bucket)
        first.dims.append(1)
        first.input_data_file = FIRST_LENGTH_FILE


def _add_engine(config: pb.ModelConfig, spec: TargetSpec) -> None:
    group = config.instance_group.add(count=spec.layout.sessions)
    group.kind = pb.ModelInstanceGroup.KIND_GPU
    if spec.target == CPU:
        group.kind = pb.ModelInstanceGroup.KIND_CPU
        set_parameters(config, {names.THREADS: str(spec.layout.threads_a_session)})
    elif spec.target == CUDA:
        add_cuda_accelerator(config)
    elif spec.target == CUDA_TENSORRT:
        add_tensorrt_accelerator(config, spec)
    elif spec.target == TENSORRT:
        add_tensorrt_plan(config, spec)
