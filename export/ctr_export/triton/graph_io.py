"""A graph's own inputs and outputs, read from the file: what a config is checked against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx

from ctr_export.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DYNAMIC = -1


@dataclass(frozen=True, slots=True)
class GraphTensor:
    """One input or output.

    Attributes:
        dtype: ONNX's name of it, `INT32` for example.
        shape: DYNAMIC for a dimension without a fixed size.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GraphIO:
    """What a graph takes and gives."""

    inputs: tuple[GraphTensor, ...]
    outputs: tuple[GraphTensor, ...]


def read_graph_io(path: Path) -> GraphIO:
    """Read a graph's signature; constants count as no input.

    Raises:
        ExportError: the file is no ONNX graph.
    """
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf's own class differs between its implementations
        raise ExportError(f"{path.name} is no ONNX graph ({type(error).__name__})") from error
    constants = {item.name for item in model.graph.initializer}
    inputs = (value for value in model.graph.input if value.name not in constants)
    return GraphIO(_tensors(inputs), _tensors(model.graph.output))


def _tensors(values: Iterable[onnx.ValueInfoProto]) -> tuple[GraphTensor, ...]:
    return tuple(
        GraphTensor(
            value.name,
            onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type),
            tuple(
                dim.dim_value if dim.HasField("dim_value") else DYNAMIC
                for dim in value.type.tensor_type.shape.dim
            ),
        )
        for value in values
    )
