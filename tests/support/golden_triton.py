"""The golden Triton configs: short layouts, a made-up digest.

After a change that is meant: `python -m tests.support.golden_triton`, and read the diff.
"""

from __future__ import annotations

from pathlib import Path

from ctr_export.triton.config import config_text, make_config
from ctr_export.triton.names import CPU, CUDA, CUDA_TENSORRT, TENSORRT
from ctr_export.triton.shapes import doubling_shapes, end_shapes, gpu_layout
from ctr_export.triton.spec import TargetSpec
from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS, LOGITS
from ctr_service.bundle.calibration import PlattCalibration
from ctr_service.bundle.manifest import GraphVariant, Layout, ParityFigures, TensorSpec

GOLDEN = Path(__file__).parents[1] / "golden" / "triton"
SHA256 = "ab" * 32
CPU_LAYOUT = Layout(buckets_tokens=(8, 12), max_batch_tokens=32, sessions=2, threads_a_session=1)
GPU_LAYOUT = gpu_layout(20, max_batch_tokens=64)
FIGURES = dict.fromkeys(ParityFigures.model_fields, 0.0)

VARIANT = GraphVariant(
    file="graphs/joint.onnxruntime.fp32.onnx",
    sha256=SHA256,
    size_bytes=1,
    inputs=(
        TensorSpec(name=INPUT_IDS, dtype="int32", shape=(-1, -1)),
        TensorSpec(name=LENGTHS, dtype="int32", shape=(-1,)),
        TensorSpec(name=FIRST_LENGTHS, dtype="int32", shape=(-1,)),
    ),
    outputs=(TensorSpec(name=LOGITS, dtype="float32", shape=(-1,)),),
    calibration=PlattCalibration(slope=1.0, intercept=0.0),
    parity=ParityFigures.model_validate(FIGURES),
    costs=(),
    pairs_per_second=1.0,
)


def golden_texts() -> dict[str, str]:
    """Return target -> what its `config.pbtxt` is now."""
    shapes = {
        CPU: end_shapes(CPU_LAYOUT),
        CUDA: doubling_shapes(GPU_LAYOUT),
        CUDA_TENSORRT: doubling_shapes(GPU_LAYOUT),
        TENSORRT: doubling_shapes(GPU_LAYOUT),
    }
    return {
        target: config_text(
            make_config(
                TargetSpec(
                    target=target,
                    graph="joint",
                    engine="onnxruntime",
                    precision="fp32",
                    variant=VARIANT,
                    layout=CPU_LAYOUT if target == CPU else GPU_LAYOUT,
                    shapes=used,
                    model_version="w0123456789ab",
                )
            )
        )
        for target, used in shapes.items()
    }


def main() -> None:
    """Write the golden files anew."""
    for target, text in golden_texts().items():
        (GOLDEN / f"{target}.pbtxt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
