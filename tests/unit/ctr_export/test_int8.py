"""Claims about 8-bit products."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper, numpy_helper

from ctr_export.int8 import MICROSOFT, Scaling, quantize
from ctr_export.products import constant_products, quantize_weight, smoothing_factors
from ctr_export.ranges import activation_ranges
from ctr_export.saturation import weight_limit
from ctr_service.backend.onnx_session import OnnxSession

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

WIDTH, HIDDEN = 24, 32
LENGTHS = "lengths"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two products in a row, of a [rows, length, width] input, and one of two activations."""
    rng = np.random.default_rng(0)
    first = rng.normal(0, 0.3, (WIDTH, HIDDEN)).astype(np.float32)
    second = rng.normal(0, 0.3, (HIDDEN, 4)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "second"], ["c"], name="second"),
        helper.make_node("Transpose", ["c"], ["t"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["t", "c"], ["y"], name="activations"),
        helper.make_node("Identity", [LENGTHS], ["unused"]),
    ]
    graph = helper.make_graph(
        nodes,
        "plain",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", "length", WIDTH]),
            helper.make_tensor_value_info(LENGTHS, TensorProto.INT32, ["rows"]),
        ],
        [
            helper.make_tensor_value_info("c", TensorProto.FLOAT, ["rows", "length", 4]),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 4, 4]),
            helper.make_tensor_value_info("unused", TensorProto.INT32, ["rows"]),
        ],
        [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    path = tmp_path_factory.mktemp("plain") / "plain.onnx"
    onnx.save(model, str(path))
    return path


def _run(path: Path, x: Floats) -> Floats:
    lengths = np.full(len(x), x.shape[1], dtype=np.int32)
    return np.asarray(OnnxSession(path, threads=1).run({"x": x, LENGTHS: lengths})["c"])


def _made(plain: Path, folder: Path, scaling: Scaling) -> Path:
    batch = {"x": _input(), LENGTHS: np.full(6, 9, dtype=np.int32)}
    ranges = activation_ranges(plain, [batch])
    target = folder / f"{scaling.value}.onnx"
    fixed = ranges if scaling is Scaling.FIXED else None
    quantize(plain, target, scaling, fixed, weight_limit=weight_limit())
    return target


def _input(seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(0, 1, (6, 9, WIDTH)).astype(np.float32)


@pytest.mark.parametrize("scaling", list(Scaling))
def test_products_come_close_to_float32(plain: Path, tmp_path: Path, scaling: Scaling) -> None:
    """Each scaling gives the product to about 2 % of its spread, and is not exact by accident."""
    x = _input()
    exact, rounded = _run(plain, x), _run(_made(plain, tmp_path, scaling), x)
    error = np.abs(rounded - exact).max() / exact.std()
    assert 1e-4 < error < 0.06


@pytest.mark.parametrize("scaling", list(Scaling))
def test_every_constant_product_is_replaced(plain: Path, tmp_path: Path, scaling: Scaling) -> None:
    """Both weights become int8; the product of two activations stays in float32."""
    made = onnx.load(str(_made(plain, tmp_path, scaling)))
    kinds = [node.op_type for node in made.graph.node]
    assert kinds.count("MatMulIntegerToFloat") == 2
    assert kinds.count("MatMul") == 1
    assert constant_products(made) == []
    weights = {item.name: item.data_type for item in made.graph.initializer}
    assert list(weights.values()).count(TensorProto.INT8) == 2
    assert "first" not in weights
    assert MICROSOFT in {opset.domain for opset in made.opset_import}


def test_a_scale_a_token_makes_rows_independent(plain: Path, tmp_path: Path) -> None:
    """With an outlier as batch-mate a row's numbers do not change by one bit."""
    path = _made(plain, tmp_path, Scaling.TOKEN)
    x = _input()
    loud = np.concatenate((x, 1000 * _input(1)))
    np.testing.assert_array_equal(_run(path, loud)[:6], _run(path, x))


def test_a_scale_a_batch_does_not(plain: Path, tmp_path: Path) -> None:
    """The same outlier spoils every row of a batch with one scale: what the gate is for."""
    path = _made(plain, tmp_path, Scaling.TENSOR)
    x = _input()
    loud = np.concatenate((x, 1000 * _input(1)))
    assert np.abs(_run(path, loud)[:6] - _run(path, x)).max() > 0.5


def test_an_empty_token_is_no_division_by_zero(plain: Path, tmp_path: Path) -> None:
    """A token whose state is all zero gives zero."""
    x = _input()
    x[2, 3] = 0
    assert (_run(_made(plain, tmp_path, Scaling.TOKEN), x)[2, 3] == 0).all()


def test_a_weight_that_two_products_share_is_written_once(plain: Path, tmp_path: Path) -> None:
    """Layers may share weights; the graph still loads and gives both products."""
    model = onnx.load(str(plain))
    model.graph.node.append(helper.make_node("MatMul", ["x", "first"], ["again"]))
    model.graph.output.append(
        helper.make_tensor_value_info("again", TensorProto.FLOAT, ["rows", "length", HIDDEN])
    )
    onnx.save(model, str(tmp_path / "shared.onnx"))
    quantize(
        tmp_path / "shared.onnx", tmp_path / "made.onnx", Scaling.TOKEN, weight_limit=weight_limit()
    )
    x = _input()
    exact, rounded = _run(plain, x), _run(tmp_path / "made.onnx", x)
    assert np.abs(rounded - exact).max() / exact.std() < 0.06


def test_padding_does_not_widen_a_range(plain: Path) -> None:
    """Only real tokens are seen while ranges are taken."""
    x = _input()
    x[:, 5:] = 99.0
    lengths = np.full(6, 5, dtype=np.int32)
    seen = activation_ranges(plain, [{"x": x, LENGTHS: lengths}])["x"]
    np.testing.assert_array_equal(seen.low, x[:, :5].min(axis=(0, 1)))
    np.testing.assert_array_equal(seen.high, x[:, :5].max(axis=(0, 1)))


def test_ranges_hold_every_batch(plain: Path) -> None:
    """Each further batch can only widen a channel's range."""
    lengths = np.full(6, 9, dtype=np.int32)
    batches = [{"x": _input(seed), LENGTHS: lengths} for seed in range(3)]
    both = np.concatenate([batch["x"] for batch in batches])
    seen = activation_ranges(plain, batches)["x"]
    np.testing.assert_array_equal(seen.low, both.min(axis=(0, 1)))
    np.testing.assert_array_equal(seen.high, both.max(axis=(0, 1)))


def test_an_outlier_channel_does_not_cost_the_others(plain: Path, tmp_path: Path) -> None:
    """A channel forty times as wide as the rest is evened out before the range is fixed."""
    x = _input()
    x[:, :, 3] *= 40
    weight = onnx.load(str(plain))
    for item in weight.graph.initializer:
        if item.name == "first":
            values = numpy_helper.to_array(item).copy()
            values[3] /= 40
            item.CopyFrom(numpy_helper.from_array(values, "first"))
    onnx.save(weight, str(tmp_path / "uneven.onnx"))
    batch = {"x": x, LENGTHS: np.full(6, 9, dtype=np.int32)}
    ranges = activation_ranges(tmp_path / "uneven.onnx", [batch])
    quantize(
        tmp_path / "uneven.onnx",
        tmp_path / "made.onnx",
        Scaling.FIXED,
        ranges,
        weight_limit=weight_limit(),
    )
    exact, rounded = _run(tmp_path / "uneven.onnx", x), _run(tmp_path / "made.onnx", x)
    assert np.abs(rounded - exact).max() / exact.std() < 0.06


@given(
    arrays.arrays(np.float32, (7,), elements=st.floats(0, 1e3, width=32)),
    arrays.arrays(np.float32, (7,), elements=st.floats(0, 1e3, width=32)),
)
def test_smoothing_factors_are_finite_and_mean_one(activation: Floats, weight: Floats) -> None:
    """Whatever the channels hold, no factor is zero or infinite, and their geometric mean is 1."""
    factors = smoothing_factors(activation, weight)
    assert np.isfinite(factors).all()
    assert (factors > 0).all()
    assert np.log(factors.astype(np.float64)).mean() == pytest.approx(0, abs=1e-4)


@given(
    arrays.arrays(
        np.float32, (5, 3), elements=st.floats(-1e3, 1e3, width=32, allow_subnormal=False)
    )
)
def test_a_weight_is_rounded_by_at_most_half_a_step(weight: Floats) -> None:
    """Every column is rounded to its own grid of 127 steps a side; zero columns stay zero."""
    rounded, scale = quantize_weight(weight)
    assert rounded.dtype == np.int8
    assert np.abs(rounded.astype(np.int64)).max() <= 127
    error = np.abs(rounded * scale - weight)
    assert (error <= scale / 2 * 1.001 + 1e-30).all()
