"""8-bit integer matrix products in an ONNX graph.

Every product of an activation X with a constant weight W becomes one of unsigned 8-bit X and signed
8-bit W, the pair that AVX-512 VNNI and AVX2 multiply natively (signed activations have no fast
kernel: measured 7 times slower). W is symmetric with one scale a column, 127 / max|W|. What differs
is where X's scale comes from (`Scaling`):

    TENSOR   from the whole batch at run time (DynamicQuantizeLinear). A row's score then depends on
             its batch-mates, which the gate's invariance check refuses.
    TOKEN    from each token's own state at run time: s = max|x| / 127, x / s is rounded, and the
             product is multiplied by s. One token's integers depend on nothing else, so no row
             depends on its batch. After "vector-wise" quantization, Dettmers et al. 2022,
             arXiv 2208.07339, section 3.1.
    FIXED    from calibration rows, a range for each X. No work at run time, but one outlier channel
             costs every other one its resolution.

Products of two activations (attention), embeddings and the classifier head stay in float32.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import onnx
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operators; MatMulIntegerToFloat is one."""
MAX_SIGNED = 127
MAX_UNSIGNED = 255
MIDDLE = 128
"""The unsigned integer that stands for 0 where the scale is symmetric."""
TINY = 1e-12
"""A token whose state is all zero gets this for its maximum, so that nothing is divided by 0."""

Range: TypeAlias = tuple[float, float]
"""Lowest and highest value of an activation."""


class Scaling(enum.Enum):
    """Where the scale of an activation comes from."""

    TENSOR = "tensor"
    TOKEN = "token"  # noqa: S105 -- a token of text, no secret
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class _Quantized:
    """Names of the tensors that stand for one quantized activation.

    `token_scale` multiplies the product afterwards; None where `scale` is all there is.
    """

    values: str
    scale: str
    zero_point: str
    token_scale: str | None


def constant_products(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Return the MatMul nodes whose second input is a constant matrix, in the graph's order."""
    constants = {item.name for item in model.graph.initializer if len(item.dims) == 2}  # noqa: PLR2004 -- a matrix has two dimensions
    return [
        node for node in model.graph.node if node.op_type == "MatMul" and node.input[1] in constants
    ]


def quantize(
    source: Path, target: Path, scaling: Scaling, ranges: Mapping[str, Range] | None = None
) -> None:
    """Write a graph with 8-bit products.

    Args:
        source: the float32 graph, not fused: fusion hides the products.
        target: the file to write.
        scaling: where an activation's scale comes from.
        ranges: activation name -> calibrated range; needed for FIXED only.
    """
    model = onnx.load(str(source))
    products = {node.output[0] for node in constant_products(model)}
    writer = _Writer(model, scaling, ranges or {})
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        if node.output[0] in products:
            writer.product(node)
        else:
            model.graph.node.append(node)
    writer.drop_replaced_weights()
    if all(opset.domain != MICROSOFT for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    onnx.save(model, str(target))


def quantize_weight(
    weight: NDArray[np.float32],
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round a weight [inputs, outputs] to int8 with one symmetric scale a column [outputs]."""
    scale = np.abs(weight).max(axis=0) / MAX_SIGNED
    scale[scale == 0] = 1.0
    rounded = np.clip(np.round(weight / scale), -MAX_SIGNED, MAX_SIGNED)
    return rounded.astype(np.int8), scale.astype(np.float32)


class _Writer:
    """Appends quantized products to a graph; an activation is quantized once for all its users."""

    def __init__(
        self, model: onnx.ModelProto, scaling: Scaling, ranges: Mapping[str, Range]
    ) -> None:
        self._graph = model.graph
        self._weights = {item.name: item for item in model.graph.initializer}
        self._scaling = scaling
        self._ranges = ranges
        self._done: dict[str, _Quantized] = {}
        self._replaced: set[str] = set()
        self._add("int8.one", np.float32(1))
        self._add("int8.middle", np.uint8(MIDDLE))
        self._add("int8.max_signed", np.float32(MAX_SIGNED))
        self._add("int8.tiny", np.float32(TINY))
        self._add("int8.last_axis", np.array([-1], dtype=np.int64))

    def product(self, node: onnx.NodeProto) -> None:
        """Append the 8-bit product that replaces a MatMul."""
        activation, weight_name = node.input
        quantized = self._done.get(activation) or self._quantize_activation(activation)
        self._done[activation] = quantized
        if weight_name not in self._replaced:  # layers may share their weights, as ALBERT's do
            weight, scale = quantize_weight(numpy_helper.to_array(self._weights[weight_name]))
            self._replaced.add(weight_name)
            self._add(f"{weight_name}.int8", weight)
            self._add(f"{weight_name}.scale", scale)
        output = node.output[0]
        raw = output if quantized.token_scale is None else f"{output}.scaled"
        self._append(
            "MatMulIntegerToFloat",
            [
                quantized.values,
                f"{weight_name}.int8",
                quantized.scale,
                f"{weight_name}.scale",
                quantized.zero_point,
            ],
            [raw],
            domain=MICROSOFT,
        )
        if quantized.token_scale is not None:
            self._append("Mul", [raw, quantized.token_scale], [output])

    def drop_replaced_weights(self) -> None:
        """Remove the float weights that no node reads any more."""
        used = {name for node in self._graph.node for name in node.input}
        kept = [
            item
            for item in self._graph.initializer
            if item.name in used or item.name not in self._replaced | _HELPERS
        ]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)

    def _quantize_activation(self, name: str) -> _Quantized:
        if self._scaling is Scaling.TENSOR:
            return self._by_tensor(name)
        if self._scaling is Scaling.TOKEN:
            return self._by_token(name)
        return self._by_range(name)

    def _by_tensor(self, name: str) -> _Quantized:
        outputs = [f"{name}.int8", f"{name}.scale", f"{name}.zero_point"]
        self._append("DynamicQuantizeLinear", [name], outputs)
        return _Quantized(outputs[0], outputs[1], outputs[2], token_scale=None)

    def _by_token(self, name: str) -> _Quantized:
        def own(part: str) -> str:
            return f"{name}.{part}"

        self._append("Abs", [name], [own("abs")])
        self._append("ReduceMax", [own("abs"), "int8.last_axis"], [own("max")])  # keeps the axis
        self._append("Max", [own("max"), "int8.tiny"], [own("positive")])
        self._append("Div", [own("positive"), "int8.max_signed"], [own("scale")])
        self._append("Div", [name, own("scale")], [own("scaled")])
        self._append("QuantizeLinear", [own("scaled"), "int8.one", "int8.middle"], [own("int8")])
        return _Quantized(own("int8"), "int8.one", "int8.middle", token_scale=own("scale"))

    def _by_range(self, name: str) -> _Quantized:
        low, high = self._ranges[name]
        low, high = min(low, 0.0), max(high, 0.0)  # 0 must be exact: it is what padding adds
        scale = np.float32(max(high - low, TINY) / MAX_UNSIGNED)
        zero_point = np.uint8(np.clip(np.round(-low / scale), 0, MAX_UNSIGNED))
        self._add(f"{name}.scale", scale)
        self._add(f"{name}.zero_point", zero_point)
        inputs = [name, f"{name}.scale", f"{name}.zero_point"]
        self._append("QuantizeLinear", inputs, [f"{name}.int8"])
        return _Quantized(f"{name}.int8", inputs[1], inputs[2], token_scale=None)

    def _add(self, name: str, array: NDArray[np.generic] | np.generic) -> None:
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))

    def _append(self, kind: str, inputs: list[str], outputs: list[str], domain: str = "") -> None:
        name = f"{outputs[0]}/{kind}"
        node = helper.make_node(kind, inputs, outputs, name, None, domain)
        self._graph.node.append(node)


_HELPERS = frozenset({"int8.one", "int8.middle", "int8.max_signed", "int8.tiny", "int8.last_axis"})
