"""A batch as the bytes of a ModelInferRequest, and the answer's bytes as arrays.

The message is put together by hand from serialized parts, which protobuf allows: parts of a message
may follow one another in any order. The generated class would copy each tensor three times (into
bytes, into the message, into the wire's buffer); here it is copied once, into the wire's buffer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from tritonclient.grpc import service_pb2

from ctr_service.backend.triton_faults import FaultKind, TritonFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

NS_PER_US = 1_000
RAW_INPUT_TAG = bytes([7 << 3 | 2])
"""Field 7, `raw_input_contents`, length-delimited. A test compares with the generated class."""
MAX_HEADERS = 4_096
"""Shapes whose header is kept: rows x buckets, far above what one layout has."""
DTYPES: Mapping[str, np.dtype[np.generic]] = {
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
}
"""Triton's names; tensors travel in the machine's order, which is little-endian where it runs."""


@dataclass(frozen=True, slots=True)
class TensorWire:
    """How a tensor of the graph travels.

    Attributes:
        name: of the graph and of Triton's config alike.
        datatype: Triton's name of the dtype.
        rank: of the graph's tensor.
        padded: True where the wire has one dimension of 1 more than the graph: Triton's batched
            configs know no tensor of rank 1.
    """

    name: str
    datatype: str
    rank: int
    padded: bool

    def shape(self, array: NDArray[np.generic]) -> tuple[int, ...]:
        """Return the shape of an array on the wire."""
        return (*array.shape, 1) if self.padded else array.shape


@dataclass(frozen=True, slots=True)
class ModelWire:
    """What a request to one model looks like.

    Attributes:
        model: Triton's name of it.
        version: the version number that was checked; requests ask for no other.
        inputs, outputs: in the graph's order.
    """

    model: str
    version: str
    inputs: tuple[TensorWire, ...]
    outputs: tuple[TensorWire, ...]

    def encode(self, tensors: Mapping[str, NDArray[np.generic]], timeout_ns: int) -> bytes:
        """Return a serialized ModelInferRequest.

        Args:
            tensors: input name -> array; contiguous ones are not copied on the way.
            timeout_ns: what is left until the deadline; Triton drops the request from its queue
                after it.

        Raises:
            TritonFault: a tensor is missing, or has another dtype or rank than the model takes.
        """
        shapes: list[tuple[int, ...]] = []
        raw: list[bytes | memoryview] = []
        for spec in self.inputs:
            array = tensors.get(spec.name)
            if array is None or array.ndim != spec.rank or array.dtype != DTYPES[spec.datatype]:
                raise TritonFault(
                    FaultKind.REFUSED,
                    f"input {spec.name} must be {spec.datatype} of rank {spec.rank}",
                )
            shapes.append(spec.shape(array))
            raw += (RAW_INPUT_TAG, _varint(array.nbytes), _bytes_of(array))
        return b"".join((_header(self, tuple(shapes)), _timeout(timeout_ns // NS_PER_US), *raw))

    def decode(
        self, answer: service_pb2.ModelInferResponse, rows: int
    ) -> dict[str, NDArray[np.generic]]:
        """Return output name -> array, views of the answer's bytes.

        Raises:
            TritonFault: another model or version answered, or not with `rows` rows of every output.
        """
        if (answer.model_name, answer.model_version) != (self.model, self.version):
            raise TritonFault(FaultKind.GARBLED, "another model or version answered")
        found = {
            tensor.name: (tensor, raw)
            for tensor, raw in zip(answer.outputs, answer.raw_output_contents, strict=False)
        }
        return {spec.name: _array(spec, found.get(spec.name), rows) for spec in self.outputs}


def _array(
    spec: TensorWire,
    found: tuple[service_pb2.ModelInferResponse.InferOutputTensor, bytes] | None,
    rows: int,
) -> NDArray[np.generic]:
    if found is None:
        raise TritonFault(FaultKind.GARBLED, f"output {spec.name} is missing")
    tensor, raw = found
    shape = tuple(tensor.shape)
    if spec.padded and shape[-1:] == (1,):
        shape = shape[:-1]
    dtype = DTYPES[spec.datatype]
    fits = len(shape) == spec.rank and shape[:1] == (rows,)
    if tensor.datatype != spec.datatype or not fits:
        raise TritonFault(FaultKind.GARBLED, f"output {spec.name} has another dtype or shape")
    if len(raw) != dtype.itemsize * int(np.prod(shape)):
        raise TritonFault(FaultKind.GARBLED, f"output {spec.name} has {len(raw)} bytes")
    return np.frombuffer(raw, dtype).reshape(shape)


@lru_cache(maxsize=MAX_HEADERS)
def _header(wire: ModelWire, shapes: tuple[tuple[int, ...], ...]) -> bytes:
    """Serialize all that depends on the shapes alone."""
    message = service_pb2.ModelInferRequest(model_name=wire.model, model_version=wire.version)
    for spec, shape in zip(wire.inputs, shapes, strict=True):
        message.inputs.add(name=spec.name, datatype=spec.datatype, shape=shape)
    for spec in wire.outputs:
        message.outputs.add(name=spec.name)
    return bytes(message.SerializeToString())


def _timeout(microseconds: int) -> bytes:
    message = service_pb2.ModelInferRequest()
    # 0 would be no override at all: Triton would fall back to the config's default.
    message.parameters["timeout"].int64_param = max(1, microseconds)
    return bytes(message.SerializeToString())


def _varint(number: int) -> bytes:
    """Encode a length as protobuf does: seven bits a byte, the lowest first."""
    encoded = bytearray()
    while number > 0x7F:  # noqa: PLR2004 -- the seven bits
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _bytes_of(array: NDArray[np.generic]) -> memoryview:
    """Return the array's own memory, or that of a copy where it is not contiguous."""
    return np.ascontiguousarray(array).data.cast("B")
