"""The targets of a bundle: which graph each serves, in which layout, and what it warms up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_export.triton.names import CPU, CUDA, CUDA_TENSORRT, GPU_BATCH_TOKENS, TENSORRT
from ctr_export.triton.shapes import doubling_shapes, end_shapes, gpu_layout, remote_layout
from ctr_export.triton.spec import TargetSpec

if TYPE_CHECKING:
    from ctr_service.bundle.manifest import Layout, Manifest

GPU_PRECISION = "fp32"
"""GPU engines reduce precision themselves; the 8-bit graphs are made for CPUs."""
ENGINE = "onnxruntime"
"""Triton's backends load the bundle's ONNX graphs; OpenVINO's own are for the gateway's process."""


def target_specs(
    manifest: Manifest, *, gpu_batch_tokens: int = GPU_BATCH_TOKENS
) -> tuple[TargetSpec, ...]:
    """Return every target of a bundle; the CPU's serves its default graph.

    Where the default runs on another engine, the CPU's serves the fastest of ONNX Runtime.

    Args:
        manifest: its `triton` is not read.
        gpu_batch_tokens: most padded tokens of a batch on a GPU.
    """
    gpu = gpu_layout(manifest.template.max_row_tokens, max_batch_tokens=gpu_batch_tokens)
    cpu = remote_layout(manifest.layout)
    return (
        _spec(manifest, CPU, _cpu_precision(manifest), cpu, end_shapes(cpu)),
        _spec(manifest, CUDA, GPU_PRECISION, gpu, doubling_shapes(gpu)),
        _spec(manifest, CUDA_TENSORRT, GPU_PRECISION, gpu, doubling_shapes(gpu)),
        _spec(manifest, TENSORRT, GPU_PRECISION, gpu, doubling_shapes(gpu)),
    )


def _cpu_precision(manifest: Manifest) -> str:
    default = manifest.default
    if default.engine == ENGINE:
        return default.precision
    found = manifest.graphs[default.graph][ENGINE]
    return max(found, key=lambda precision: found[precision].pairs_per_second)


def _spec(
    manifest: Manifest,
    target: str,
    precision: str,
    layout: Layout,
    shapes: tuple[tuple[int, int], ...],
) -> TargetSpec:
    graph = manifest.default.graph
    return TargetSpec(
        target=target,
        graph=graph,
        engine=ENGINE,
        precision=precision,
        variant=manifest.variant(graph, ENGINE, precision),
        layout=layout,
        shapes=shapes,
        model_version=manifest.model_version,
    )
