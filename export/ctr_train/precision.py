"""bf16 where the processor computes it natively, else float32."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

BF16, FP32 = "bf16", "fp32"


def training_device() -> torch.device:
    """Return a CUDA device where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def resolve_precision(asked: str, device: torch.device) -> str:
    """Return "bf16" or "fp32" for "auto", "bf16" or "fp32".

    Without native instructions bf16 on a processor is slower than float32, not faster.
    """
    if asked != "auto":
        return asked
    if device.type == "cuda":
        return BF16 if torch.cuda.is_bf16_supported() else FP32
    capabilities = torch.cpu.get_capabilities()
    native = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return BF16 if native else FP32


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which matrices are multiplied at `precision`."""
    if precision == FP32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def usable_cores() -> int:
    """Return how many cores this process may run on, which a container may have cut down."""
    return len(os.sched_getaffinity(0))
