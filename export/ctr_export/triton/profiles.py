"""Bounds of shapes that TensorRT engines are built for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_export.triton.shapes import full_rows, most_rows
from ctr_service.backend.base import FIRST_LENGTHS, INPUT_IDS, LENGTHS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctr_service.bundle.manifest import Layout


@dataclass(frozen=True, slots=True)
class Profile:
    """Bounds of (rows, length), and where kernels are tuned for."""

    least: tuple[int, int]
    best: tuple[int, int]
    most: tuple[int, int]


def bucket_profiles(layout: Layout) -> tuple[Profile, ...]:
    """Return a profile a bucket, tuned for its full batch; together they hold every length."""
    shorter = (0, *layout.buckets_tokens)
    return tuple(
        Profile((1, below + 1), (full_rows(layout, b), b), (full_rows(layout, b), b))
        for below, b in zip(shorter, layout.buckets_tokens, strict=False)
    )


def joint_profile(layout: Layout) -> Profile:
    """Return one profile for all buckets, tuned for a full batch of the middle one.

    ONNX Runtime's provider runs one profile, so it must hold the most rows and the longest row at
    once. No batch is that large, but the engine's memory is.
    """
    buckets = layout.buckets_tokens
    middle = buckets[len(buckets) // 2]
    return Profile((1, 1), (full_rows(layout, middle), middle), (most_rows(layout), buckets[-1]))


def input_shapes(at: tuple[int, int]) -> Mapping[str, tuple[int, ...]]:
    """Return input name -> shape of a batch of (rows, length)."""
    rows, _ = at
    return {INPUT_IDS: at, LENGTHS: (rows,), FIRST_LENGTHS: (rows,)}


def shapes_text(at: tuple[int, int]) -> str:
    """Return the shapes as trtexec and ONNX Runtime's provider take them: `a:8x24,b:8,c:8`."""
    return ",".join(
        f"{name}:{'x'.join(map(str, shape))}" for name, shape in input_shapes(at).items()
    )
