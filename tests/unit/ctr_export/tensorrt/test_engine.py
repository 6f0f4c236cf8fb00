"""Claims about the calls to TensorRT, against a stand-in: the real one needs a GPU.

They show that the code runs and asks for what the recipe says, not that TensorRT agrees.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch

from ctr_export.errors import MachineError, PlanRefusedError
from ctr_export.tensorrt.recipe import Recipe
from ctr_export.triton.profiles import bucket_profiles
from ctr_export.triton.shapes import gpu_layout
from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS
from tests.support.tensorrt_world import GPU

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAYOUT = gpu_layout(20, max_batch_tokens=64)


class _Context:
    """Writes each row's length as its logit, through the addresses that it is given."""

    def __init__(self) -> None:
        self.profile = -1
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        self.works = True

    def set_optimization_profile_async(self, index: int, _stream: int) -> bool:
        self.profile = index
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.shapes[name] = shape
        return True

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def execute_async_v3(self, _stream: int) -> bool:
        rows = self.shapes[LENGTHS][0]
        lengths = (ctypes.c_int32 * rows).from_address(self.addresses[LENGTHS])
        logits = (ctypes.c_float * rows).from_address(self.addresses[LOGITS])
        logits[:] = [float(length) for length in lengths]
        return self.works


@pytest.fixture
def trt() -> MagicMock:
    """TensorRT's module, made up."""
    module = MagicMock()
    network = module.Builder.return_value.create_network.return_value
    layers = [SimpleNamespace(name=name, precision=None) for name in ("norm", "product", "norm_2")]
    network.num_layers = len(layers)
    network.get_layer = layers.__getitem__
    builder = module.Builder.return_value
    builder.build_serialized_network.return_value = b"plan"
    config = builder.create_builder_config.return_value
    config.get_timing_cache.return_value.serialize.return_value = b"timings"
    engine = module.Runtime.return_value.deserialize_cuda_engine.return_value
    engine.contexts = [_Context() for _ in LAYOUT.buckets_tokens]
    engine.create_execution_context.side_effect = engine.contexts
    module.layers = layers
    return module


@pytest.fixture
def engine(trt: MagicMock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module under test, on the made-up TensorRT and on the CPU's memory."""
    monkeypatch.setitem(sys.modules, "tensorrt", trt)
    monkeypatch.delitem(sys.modules, "ctr_export.tensorrt.engine", raising=False)
    module = importlib.import_module("ctr_export.tensorrt.engine")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: GPU.name)
    monkeypatch.setattr(torch.cuda, "device", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "Stream", lambda _: MagicMock(cuda_stream=1))
    monkeypatch.setattr(torch, "device", lambda *_: "cpu")
    yield module
    sys.modules.pop("ctr_export.tensorrt.engine", None)


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """Three profiles; one layer stays exact."""
    return Recipe(
        tmp_path / "joint.onnx", tmp_path / "cache/timings", bucket_profiles(LAYOUT), ("norm",)
    )


def test_a_build_asks_for_what_the_recipe_says(
    engine: Any,  # noqa: ANN401 -- a module
    trt: MagicMock,
    recipe: Recipe,
) -> None:
    """Profiles, FP16, the exact layers in FP32, the workspace; the timings are written."""
    assert engine.TensorRtMaker(0, GPU).build(recipe) == b"plan"
    builder = trt.Builder.return_value
    config = builder.create_builder_config.return_value
    assert [call.args[0] for call in config.set_flag.call_args_list] == [
        trt.BuilderFlag.FP16,
        trt.BuilderFlag.OBEY_PRECISION_CONSTRAINTS,
    ]
    assert [layer.precision for layer in trt.layers] == [trt.float32, None, trt.float32]
    config.set_memory_pool_limit.assert_called_once_with(
        trt.MemoryPoolType.WORKSPACE, recipe.workspace_bytes
    )
    config.create_timing_cache.assert_called_once_with(b"")
    assert config.add_optimization_profile.call_count == len(recipe.profiles)
    shapes = builder.create_optimization_profile.return_value.set_shape.call_args_list
    assert shapes[0].args == (INPUT_IDS, (1, 1), (8, 8), (8, 8))
    assert shapes[1].args == (LENGTHS, (1,), (8,), (8,))
    assert recipe.timing_cache.read_bytes() == b"timings"


def test_a_second_build_reads_the_timings(
    engine: Any,  # noqa: ANN401 -- a module
    trt: MagicMock,
    recipe: Recipe,
) -> None:
    """The cache of one build is what the next begins with."""
    engine.TensorRtMaker(0, GPU).build(recipe)
    engine.TensorRtMaker(0, GPU).build(recipe)
    config = trt.Builder.return_value.create_builder_config.return_value
    assert config.create_timing_cache.call_args.args == (b"timings",)


def test_an_unreadable_graph_is_refused_with_tensorrts_reasons(
    engine: Any,  # noqa: ANN401 -- a module
    trt: MagicMock,
    recipe: Recipe,
) -> None:
    """Every error of the parser is in the sentence."""
    parser = trt.OnnxParser.return_value
    parser.parse_from_file.return_value = False
    parser.num_errors = 1
    parser.get_error.return_value.desc.return_value = "no such operator"
    with pytest.raises(PlanRefusedError, match=r"cannot read joint\.onnx: no such operator"):
        engine.TensorRtMaker(0, GPU).build(recipe)


def test_a_layer_norm_that_cannot_be_found_is_refused(
    engine: Any,  # noqa: ANN401 -- a module
    trt: MagicMock,
    recipe: Recipe,
) -> None:
    """Under another name it would run in FP16, and overflow for some rows."""
    trt.layers[0].name = trt.layers[2].name = "other"
    with pytest.raises(PlanRefusedError, match="no layer norm, which must stay in FP32"):
        engine.TensorRtMaker(0, GPU).build(recipe)


def test_a_build_without_a_plan_is_refused(
    engine: Any,  # noqa: ANN401 -- a module
    trt: MagicMock,
    recipe: Recipe,
) -> None:
    """TensorRT says None, and the reason on its log; no timings are written."""
    trt.Builder.return_value.build_serialized_network.return_value = None
    with pytest.raises(PlanRefusedError, match="lower the batch tokens"):
        engine.TensorRtMaker(0, GPU).build(recipe)
    assert not recipe.timing_cache.exists()


def _batch(rows: int, length: int) -> dict[str, np.ndarray[Any, Any]]:
    return {
        INPUT_IDS: np.ones((rows, length), np.int32),
        LENGTHS: np.arange(1, rows + 1, dtype=np.int32),
        FIRST_LENGTHS: np.full(rows, 2, np.int32),
    }


def test_a_batch_runs_in_its_buckets_profile(
    engine: Any,  # noqa: ANN401 -- a module
    trt: MagicMock,
    recipe: Recipe,
) -> None:
    """Every length finds its profile, and the logits come back."""
    plan = engine.TensorRtMaker(0, GPU).open(b"plan", recipe)
    contexts = trt.Runtime.return_value.deserialize_cuda_engine.return_value.contexts
    assert [context.profile for context in contexts] == [0, 1, 2]
    for length, index in ((1, 0), (8, 0), (9, 1), (16, 1), (20, 2)):
        logits = plan.run(_batch(3, length))
        np.testing.assert_array_equal(logits, np.array([1, 2, 3], np.float32))
        assert contexts[index].shapes == {
            INPUT_IDS: (3, length),
            LENGTHS: (3,),
            FIRST_LENGTHS: (3,),
        }
    with pytest.raises(PlanRefusedError, match="no profile of the plan holds rows of 21 tokens"):
        plan.run(_batch(1, 21))
    plan.close()


def test_a_failing_plan_is_refused(
    engine: Any,  # noqa: ANN401 -- a module
    trt: MagicMock,
    recipe: Recipe,
) -> None:
    """An execution that fails, and a plan that does not load, each have a sentence."""
    plan = engine.TensorRtMaker(0, GPU).open(b"plan", recipe)
    runtime = trt.Runtime.return_value.deserialize_cuda_engine
    runtime.return_value.contexts[0].works = False
    with pytest.raises(PlanRefusedError, match="failed on a batch of 2 x 8"):
        plan.run(_batch(2, 8))
    runtime.return_value = None
    with pytest.raises(PlanRefusedError, match="cannot load"):
        engine.TensorRtMaker(0, GPU).open(b"plan", recipe)


def test_a_gpu_that_cuda_counts_otherwise_is_refused(
    engine: Any,  # noqa: ANN401 -- a module
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The driver's order and CUDA's differ on mixed machines."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA T4")
    with pytest.raises(MachineError, match="CUDA_DEVICE_ORDER=PCI_BUS_ID"):
        engine.TensorRtMaker(0, GPU)
