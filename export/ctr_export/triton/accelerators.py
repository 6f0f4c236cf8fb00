"""What CUDA and TensorRT add to a config. Not yet run on a GPU.

Keys are those that Triton's onnxruntime backend hands to the provider (its README, "Parameter
mapping"); a key that it does not know fails the load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_export.triton.names import PLAN_FILE
from ctr_export.triton.profiles import bucket_profiles, input_shapes, joint_profile, shapes_text

if TYPE_CHECKING:
    from tritonclient.grpc import model_config_pb2 as pb

    from ctr_export.triton.spec import TargetSpec

CACHE_FOLDER = "/var/cache/ctr-triton"
"""Where engines and timings are kept, in Triton's container: a volume that outlives the pod, or the
first start builds for minutes every time. Outside the bundle, which never changes."""
WORKSPACE_BYTES = 4 << 30
"""Scratch memory that a kernel may take; TensorRT skips kernels that need more."""


def add_cuda_accelerator(config: pb.ModelConfig) -> None:
    """Run the ONNX graph in real float32: CUDA's provider else rounds products to TF32.

    TF32 has 10 bits of mantissa, and moves probabilities by thousandths: no baseline. The option
    needs ONNX Runtime 1.18, Triton 24.06.
    """
    accelerator = config.optimization.execution_accelerators.gpu_execution_accelerator.add(
        name="cuda"
    )
    accelerator.parameters["use_tf32"] = "0"


def add_tensorrt_accelerator(config: pb.ModelConfig, spec: TargetSpec) -> None:
    """Run the ONNX graph by ONNX Runtime's TensorRT provider, in FP16, LayerNorm in FP32.

    Squares summed in LayerNorm overflow FP16, whose largest number is 65,504.
    """
    profile = joint_profile(spec.layout)
    folder = f"{CACHE_FOLDER}/{spec.variant.sha256[:16]}"
    accelerator = config.optimization.execution_accelerators.gpu_execution_accelerator.add(
        name="tensorrt"
    )
    options = {
        "precision_mode": "FP16",
        "max_workspace_size_bytes": str(WORKSPACE_BYTES),
        "trt_layer_norm_fp32_fallback": "1",
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": folder,
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": folder,
        "trt_profile_min_shapes": shapes_text(profile.least),
        "trt_profile_opt_shapes": shapes_text(profile.best),
        "trt_profile_max_shapes": shapes_text(profile.most),
    }
    for key, value in options.items():
        accelerator.parameters[key] = value


def add_tensorrt_plan(config: pb.ModelConfig, spec: TargetSpec) -> None:
    """Run a plan: one profile a bucket, and a CUDA graph for exactly every warmed shape.

    A captured graph starts all kernels at once, which is most of a small batch's time. Shapes
    between the captured ones run without: padding rows up to one would need allowing inexact
    matches, which hands garbage rows back.
    """
    config.default_model_filename = PLAN_FILE
    profiles = bucket_profiles(spec.layout)
    config.instance_group[0].profile.extend(str(index) for index in range(len(profiles)))
    cuda = config.optimization.cuda
    cuda.graphs = True
    for at in spec.shapes:
        graph = cuda.graph_spec.add(batch_size=at[0])
        for name, shape in input_shapes(at).items():
            graph.input[name].dim.extend(shape[1:])
