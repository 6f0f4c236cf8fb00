"""What one pair costs on the wire between gateway and Triton."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ctr_service.bundle.manifest import TensorSpec

DTYPE_BYTES = {"int32": 4, "int64": 8, "float32": 4, "float16": 2}
USUAL_TENSORS = 3
"""Ids, mask and token types, each int64 [rows, length]: what a BERT graph usually takes."""


def pair_bytes(tensors: Iterable[TensorSpec], bucket_tokens: int) -> int:
    """Return the bytes of one row of these tensors, padded to a bucket; headers come on top."""
    total = 0
    for tensor in tensors:
        numbers = 1
        for size in tensor.shape[1:]:
            numbers *= bucket_tokens if size < 0 else size
        total += numbers * DTYPE_BYTES[tensor.dtype]
    return total


def usual_pair_bytes(bucket_tokens: int) -> int:
    """Return the same of a graph that takes ids, mask and types as int64."""
    return USUAL_TENSORS * bucket_tokens * DTYPE_BYTES["int64"]
