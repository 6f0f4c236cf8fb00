"""Which shapes a target meets: its layout, and the (rows, bucket) that are warmed up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctr_export.triton.names import GPU_BATCH_TOKENS
from ctr_service.bundle.manifest import Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

GPU_STEP_TOKENS = 8
"""FP16 matrix units work on multiples of 8."""
GPU_MOST_GROWTH = 1.25
"""A GPU bucket is at most so many times the one before, where the step allows. Each costs a profile
of the plan and its memory, so they are coarser than on a CPU."""
GPU_WIDEST = 16
"""The last bucket is at most so many times the first. The one profile of ONNX Runtime's TensorRT
holds the most rows at the longest row, which is then at most 16 times a batch's budget."""
TRAVEL_FACTOR = 2
"""A batch that travels to another process is so many times as large as one that does not: more rows
share what the way costs. Measured on two cores: a tenth more pairs/s (docs/decisions/0012)."""
GPU_INSTANCES = 2
"""One computes while the other copies."""


def gpu_layout(longest_tokens: int, *, max_batch_tokens: int = GPU_BATCH_TOKENS) -> Layout:
    """Return the layout of the GPU targets.

    Args:
        longest_tokens: the template's longest row; the last bucket.
        max_batch_tokens: most `rows * bucket` of a batch, raised to one longest row.
    """
    buckets: list[int] = []
    bucket = max(GPU_STEP_TOKENS, -(-longest_tokens // GPU_WIDEST))
    bucket = -(-bucket // GPU_STEP_TOKENS) * GPU_STEP_TOKENS
    while bucket < longest_tokens:
        buckets.append(bucket)
        grown = int(bucket * GPU_MOST_GROWTH) // GPU_STEP_TOKENS * GPU_STEP_TOKENS
        bucket = max(bucket + GPU_STEP_TOKENS, grown)
    return Layout(
        buckets_tokens=(*buckets, longest_tokens),
        max_batch_tokens=max(max_batch_tokens, longest_tokens),
        sessions=GPU_INSTANCES,
        threads_a_session=1,
    )


def remote_layout(layout: Layout) -> Layout:
    """Return the CPU target's layout: the one in process, with larger batches."""
    tokens = layout.max_batch_tokens * TRAVEL_FACTOR
    return layout.model_copy(update={"max_batch_tokens": tokens})


def full_rows(layout: Layout, bucket_tokens: int) -> int:
    """Return the rows of a full batch of a bucket, as the gateway packs it."""
    return max(1, layout.max_batch_tokens // bucket_tokens)


def most_rows(layout: Layout) -> int:
    """Return the rows of the largest batch: Triton's `max_batch_size`, which counts rows."""
    return full_rows(layout, layout.buckets_tokens[0])


def end_shapes(layout: Layout) -> tuple[tuple[int, int], ...]:
    """Return (rows, bucket) of one row and of a full batch of every bucket."""
    return _shapes(layout, [{1, full_rows(layout, b)} for b in layout.buckets_tokens])


def doubling_shapes(layout: Layout) -> tuple[tuple[int, int], ...]:
    """Return (rows, bucket) of 1, 2, 4 ... rows and of a full batch of every bucket.

    On a GPU libraries choose and load kernels by size: the first batch of a new size waits for it.
    """
    rows = []
    for bucket in layout.buckets_tokens:
        full = full_rows(layout, bucket)
        rows.append({1 << power for power in range(full.bit_length())} | {full})
    return _shapes(layout, rows)


def _shapes(layout: Layout, rows: Sequence[set[int]]) -> tuple[tuple[int, int], ...]:
    pairs = zip(layout.buckets_tokens, rows, strict=True)
    return tuple((count, bucket) for bucket, counts in pairs for count in sorted(counts))
