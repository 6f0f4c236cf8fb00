"""A config's inputs and outputs against the graph's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tritonclient.grpc import model_config_pb2 as pb

from ctr_export.triton.graph_io import DYNAMIC
from ctr_export.triton.violation import Violation, is_not

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ctr_export.triton.graph_io import GraphIO, GraphTensor

TYPES = {
    "INT32": pb.TYPE_INT32,
    "INT64": pb.TYPE_INT64,
    "FLOAT": pb.TYPE_FP32,
    "FLOAT16": pb.TYPE_FP16,
}
"""ONNX's name of a type -> Triton's."""


def check_tensors(config: pb.ModelConfig, graph: GraphIO) -> Iterator[Violation]:
    """Yield what differs: names, types, dimensions beside the rows."""
    yield from _check_side("input", config.input, graph.inputs)
    yield from _check_side("output", config.output, graph.outputs)


def _check_side(
    side: str, configured: Iterable[pb.ModelInput | pb.ModelOutput], own: Iterable[GraphTensor]
) -> Iterator[Violation]:
    found = {tensor.name: tensor for tensor in configured}
    wanted = {tensor.name: tensor for tensor in own}
    for name in sorted(found.keys() - wanted.keys()):
        yield Violation(
            f"{side}[{name}].name", f"the graph has no such {side}; it has {', '.join(wanted)}"
        )
    for name, tensor in wanted.items():
        if name not in found:
            yield Violation(side, f"the graph's {name} is missing")
        else:
            yield from _check_tensor(f"{side}[{name}]", found[name], tensor)


def _check_tensor(
    where: str, found: pb.ModelInput | pb.ModelOutput, own: GraphTensor
) -> Iterator[Violation]:
    if TYPES.get(own.dtype) != found.data_type:
        configured = pb.DataType.Name(found.data_type)
        yield Violation(f"{where}.data_type", is_not(configured, f"the graph's {own.dtype}"))
    if own.shape[:1] != (DYNAMIC,):
        yield Violation(f"{where}.dims", f"the graph's shape {own.shape} has no dynamic rows")
        return
    reshaped = found.HasField("reshape")
    dims = tuple(found.reshape.shape if reshaped else found.dims)
    if dims != own.shape[1:]:
        field = "reshape.shape" if reshaped else "dims"
        yield Violation(f"{where}.{field}", is_not(list(dims), list(own.shape[1:])))
    if reshaped and tuple(found.dims) != (1,):
        yield Violation(f"{where}.dims", is_not(list(found.dims), "[1], one number a row"))
