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
    FIXED    from calibration rows, a range for each X, after its channels were evened out
             (SmoothQuant, see products.py). Least work at run time; rows that are unlike the
             calibration rows are clipped.

Products of two activations (attention), embeddings and the classifier head stay in float32.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ctr_export.products import (
    MAX_SIGNED,
    constant_products,
    quantize_weight,
    smoothing_factors,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ctr_export.ranges import ChannelRange

    Floats = NDArray[np.float32]

MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operators; MatMulIntegerToFloat is one."""
MAX_UNSIGNED = 255
MIDDLE = 128
"""The unsigned integer that stands for 0 where the scale is symmetric."""
TINY = 1e-12
"""A token whose state is all zero gets this for its maximum, so that nothing is divided by 0."""


class Scaling(enum.Enum):
    """Where the scale of an activation comes from."""

    TENSOR = "tensor"
    TOKEN = "token"  # noqa: S105 -- a token of text, no secret
    FIXED = "fixed"


@dataclass(frozen=True, slots=True, eq=False)
class _Quantized:
    """One quantized activation: names of tensors, and what its weights must make good.

    Attributes:
        values, scale, zero_point: inputs of the product.
        token_scale: multiplies the product afterwards; None where `scale` is all there is.
        factors: what each channel was divided by, float32 [channels]; None for 1.
    """

    values: str
    scale: str
    zero_point: str
    token_scale: str | None = None
    factors: Floats | None = None


def quantize(
    source: Path,
    target: Path,
    scaling: Scaling,
    ranges: Mapping[str, ChannelRange] | None = None,
    *,
    weight_limit: int = MAX_SIGNED,
) -> None:
    """Write a graph with 8-bit products.

    Args:
        source: the float32 graph, not fused: fusion hides the products.
        target: the file to write.
        scaling: where an activation's scale comes from.
        ranges: activation name -> calibrated range; needed for FIXED only.
        weight_limit: largest absolute value of an 8-bit weight; see `saturation.py`.
    """
    model = onnx.load(str(source))
    products = constant_products(model)
    writer = _Writer(model, products, scaling, ranges or {}, weight_limit)
    outputs = {node.output[0] for node in products}
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        if node.output[0] in outputs:
            writer.product(node)
        else:
            model.graph.node.append(node)
    writer.drop_unused_constants()
    if all(opset.domain != MICROSOFT for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    onnx.save(model, str(target))


class _Writer:
    """Appends quantized products to a graph; an activation is quantized once for all its users."""

    def __init__(
        self,
        model: onnx.ModelProto,
        products: list[onnx.NodeProto],
        scaling: Scaling,
        ranges: Mapping[str, ChannelRange],
        weight_limit: int,
    ) -> None:
        self._weight_limit = weight_limit
        self._graph = model.graph
        constants = {item.name: item for item in model.graph.initializer}
        # (activation, weight) -> values. Smoothing makes a weight depend on what it meets.
        self._weights: dict[tuple[str, str], Floats] = {
            (node.input[0], node.input[1]): numpy_helper.to_array(constants[node.input[1]])
            for node in products
        }
        self._scaling = scaling
        self._ranges = ranges
        self._activations: dict[str, _Quantized] = {}
        self._written: set[str] = set()
        self._add("int8.one", np.float32(1))
        self._add("int8.middle", np.uint8(MIDDLE))
        self._add("int8.max_signed", np.float32(MAX_SIGNED))
        self._add("int8.tiny", np.float32(TINY))
        self._add("int8.last_axis", np.array([-1], dtype=np.int64))

    def product(self, node: onnx.NodeProto) -> None:
        """Append the 8-bit product that replaces a MatMul."""
        activation, weight = node.input
        quantized = self._activations.get(activation) or self._quantize_activation(activation)
        self._activations[activation] = quantized
        # Layers may share a weight, as ALBERT's do; it is written once for each that is the same.
        name = weight if quantized.factors is None else f"{weight}.{activation}"
        if name not in self._written:
            self._add_weight(name, self._weights[activation, weight], quantized.factors)
        output = node.output[0]
        raw = output if quantized.token_scale is None else f"{output}.scaled"
        inputs = [quantized.values, f"{name}.int8", quantized.scale, f"{name}.scale"]
        self._append("MatMulIntegerToFloat", [*inputs, quantized.zero_point], raw, MICROSOFT)
        if quantized.token_scale is not None:
            self._append("Mul", [raw, quantized.token_scale], output)

    def drop_unused_constants(self) -> None:
        """Remove what no node reads any more: the float weights, and helpers of other scalings."""
        used = {name for node in self._graph.node for name in node.input}
        kept = [item for item in self._graph.initializer if item.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)

    def _quantize_activation(self, name: str) -> _Quantized:
        if self._scaling is Scaling.TENSOR:
            return self._by_tensor(name)
        if self._scaling is Scaling.TOKEN:
            return self._by_token(name)
        return self._by_range(name)

    def _by_tensor(self, name: str) -> _Quantized:
        made = _Quantized(f"{name}.int8", f"{name}.scale", f"{name}.zero_point")
        self._append("DynamicQuantizeLinear", [name], made.values, "", made.scale, made.zero_point)
        return made

    def _by_token(self, name: str) -> _Quantized:
        scale = f"{name}.scale"
        self._append("Abs", [name], f"{name}.abs")
        self._append(
            "ReduceMax", [f"{name}.abs", "int8.last_axis"], f"{name}.max"
        )  # keeps the axis
        self._append("Max", [f"{name}.max", "int8.tiny"], f"{name}.positive")
        self._append("Div", [f"{name}.positive", "int8.max_signed"], scale)
        self._append("Div", [name, scale], f"{name}.scaled")
        inputs = [f"{name}.scaled", "int8.one", "int8.middle"]
        self._append("QuantizeLinear", inputs, f"{name}.int8")
        return _Quantized(f"{name}.int8", "int8.one", "int8.middle", token_scale=scale)

    def _by_range(self, name: str) -> _Quantized:
        seen = self._ranges[name]
        own = [np.abs(w).max(axis=1) for (met, _), w in self._weights.items() if met == name]
        widest = np.maximum(np.abs(seen.low), np.abs(seen.high))
        factors = smoothing_factors(widest, np.max(own, axis=0))
        # 0 must be exact, so the range always holds it.
        low = min(float((seen.low / factors).min()), 0.0)
        high = max(float((seen.high / factors).max()), 0.0)
        scale = np.float32(max(high - low, TINY) / MAX_UNSIGNED)
        zero_point = np.uint8(np.clip(np.round(-low / scale), 0, MAX_UNSIGNED))
        self._add(f"{name}.even", (1 / factors).astype(np.float32))
        self._add(f"{name}.scale", scale)
        self._add(f"{name}.zero_point", zero_point)
        self._append("Mul", [name, f"{name}.even"], f"{name}.smooth")
        inputs = [f"{name}.smooth", f"{name}.scale", f"{name}.zero_point"]
        self._append("QuantizeLinear", inputs, f"{name}.int8")
        return _Quantized(f"{name}.int8", inputs[1], inputs[2], factors=factors)

    def _add_weight(self, name: str, weight: Floats, factors: Floats | None) -> None:
        evened = weight if factors is None else weight * factors[:, None]
        rounded, scale = quantize_weight(evened, self._weight_limit)
        self._add(f"{name}.int8", rounded)
        self._add(f"{name}.scale", scale)
        self._written.add(name)

    def _add(self, name: str, array: NDArray[np.generic] | np.generic) -> None:
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))

    def _append(
        self, kind: str, inputs: list[str], output: str, domain: str = "", *more_outputs: str
    ) -> None:
        outputs = [output, *more_outputs]
        node = helper.make_node(kind, inputs, outputs, f"{output}/{kind}", None, domain)
        self._graph.node.append(node)
