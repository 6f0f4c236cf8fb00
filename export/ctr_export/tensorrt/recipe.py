"""What a plan is built from, and the trtexec command that builds the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx

from ctr_export.triton.accelerators import WORKSPACE_BYTES
from ctr_export.triton.profiles import bucket_profiles, shapes_text

if TYPE_CHECKING:
    from pathlib import Path

    from ctr_export.triton.profiles import Profile
    from ctr_service.bundle.manifest import Layout

EXACT_OPS = ("LayerNormalization",)
"""Kept in FP32: the squares that they sum overflow FP16, whose largest number is 65,504."""
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what is built.

    Attributes:
        graph: the float32 ONNX file.
        timing_cache: kernels' timings; read if it exists, written after the build.
        profiles: one a bucket.
        exact_layers: names of the nodes that stay in FP32; the others may take FP16.
        workspace_bytes: most scratch memory of a kernel.
    """

    graph: Path
    timing_cache: Path
    profiles: tuple[Profile, ...]
    exact_layers: tuple[str, ...]
    workspace_bytes: int = WORKSPACE_BYTES


def make_recipe(graph: Path, layout: Layout, timing_cache: Path) -> Recipe:
    """Read the graph's node names and lay out the profiles."""
    nodes = onnx.load(str(graph), load_external_data=False).graph.node
    exact = tuple(node.name for node in nodes if node.op_type in EXACT_OPS)
    return Recipe(graph, timing_cache, bucket_profiles(layout), exact)


def trtexec_command(recipe: Recipe, plan: Path) -> list[str]:
    """Return the words of the trtexec command that builds the same plan.

    For comparing and for people: `ctr-export tensorrt` does not run it, because it also judges
    the plan and writes down what built it.
    """
    words = [
        "trtexec",
        f"--onnx={recipe.graph}",
        f"--saveEngine={plan}",
        f"--timingCacheFile={recipe.timing_cache}",
        f"--memPoolSize=workspace:{recipe.workspace_bytes // MIB}M",
        "--fp16",
    ]
    if recipe.exact_layers:
        words.append("--precisionConstraints=obey")
        words.append(
            "--layerPrecisions=" + ",".join(f"{name}:fp32" for name in recipe.exact_layers)
        )
    for index, profile in enumerate(recipe.profiles):
        words += [
            f"--profile={index}",
            f"--minShapes={shapes_text(profile.least)}",
            f"--optShapes={shapes_text(profile.best)}",
            f"--maxShapes={shapes_text(profile.most)}",
        ]
    return [*words, "--skipInference"]
