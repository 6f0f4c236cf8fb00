"""Claims about the configs that are written."""

from __future__ import annotations

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from ctr_export.triton.names import CPU, CUDA, CUDA_TENSORRT, IDENTITY, TENSORRT
from tests.support.golden_triton import GOLDEN, SHA256, golden_texts

TARGETS = (CPU, CUDA, CUDA_TENSORRT, TENSORRT)
REWRITE = "if it is meant: python -m tests.support.golden_triton, and read the diff"


def _parse(target: str) -> pb.ModelConfig:
    config: pb.ModelConfig = text_format.Parse(golden_texts()[target], pb.ModelConfig())
    return config


@pytest.mark.parametrize("target", TARGETS)
def test_the_config_is_the_golden_one(target: str) -> None:
    """Not a byte of a config changes unseen."""
    golden = (GOLDEN / f"{target}.pbtxt").read_text(encoding="utf-8")
    assert golden_texts()[target] == golden, REWRITE


def test_there_is_a_golden_file_for_every_target_and_no_other() -> None:
    """A target that goes or comes changes the golden folder."""
    assert {path.stem for path in GOLDEN.iterdir()} == set(TARGETS) == golden_texts().keys()


@pytest.mark.parametrize("target", TARGETS)
def test_triton_neither_batches_nor_waits(target: str) -> None:
    """The queue is bounded, rejects what is late, honours a request's timeout, and never waits."""
    batching = _parse(target).dynamic_batching
    policy = batching.default_queue_policy
    assert batching.max_queue_delay_microseconds == 0
    assert list(batching.preferred_batch_size) == [1]
    assert policy.timeout_action == policy.REJECT
    assert policy.default_timeout_microseconds == 10_000_000
    assert policy.allow_timeout_override
    assert policy.max_queue_size == 16


@pytest.mark.parametrize("target", TARGETS)
def test_every_config_says_which_model_it_serves(target: str) -> None:
    """Version, digest, precision, engine, graph and target stand in the parameters."""
    parameters = {key: value.string_value for key, value in _parse(target).parameters.items()}
    assert parameters["ctr_graph_sha256"] == SHA256
    assert parameters["ctr_model_version"] == "w0123456789ab"
    assert parameters.keys() >= set(IDENTITY)


def test_tensorrt_in_onnx_runtime_keeps_layer_norms_in_fp32() -> None:
    """FP16 elsewhere; engine and timing cache on a volume of their own, a folder a graph."""
    accelerators = _parse(CUDA_TENSORRT).optimization.execution_accelerators
    options = dict(accelerators.gpu_execution_accelerator[0].parameters)
    assert options["precision_mode"] == "FP16"
    assert options["trt_layer_norm_fp32_fallback"] == "1"
    assert options["trt_engine_cache_path"] == f"/var/cache/ctr-triton/{SHA256[:16]}"
    assert options["trt_profile_max_shapes"] == "input_ids:8x20,lengths:8,first_lengths:8"


def test_the_baseline_is_real_float32() -> None:
    """TF32, which CUDA's provider takes by default, is off."""
    accelerators = _parse(CUDA).optimization.execution_accelerators
    (cuda,) = accelerators.gpu_execution_accelerator
    assert cuda.name == "cuda"
    assert dict(cuda.parameters) == {"use_tf32": "0"}


def test_a_plan_has_a_profile_a_bucket_and_a_cuda_graph_a_shape() -> None:
    """Exact graphs only: none has a lower bound, and each is one of the warmed shapes."""
    config = _parse(TENSORRT)
    assert list(config.instance_group[0].profile) == ["0", "1", "2"]
    assert config.instance_group[0].count == 2
    captured = {
        f"{spec.batch_size}x{spec.input['input_ids'].dim[0]}"
        for spec in config.optimization.cuda.graph_spec
    }
    assert captured == {sample.name for sample in config.model_warmup}
    assert not any(
        spec.HasField("graph_lower_bound") for spec in config.optimization.cuda.graph_spec
    )
