"""How each candidate is made from the plain float32 graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_export.catalogue import DYNAMIC, FUSED, STATIC, TOKEN
from ctr_export.fusion import fuse
from ctr_export.int8 import Scaling, quantize
from ctr_export.ranges import activation_ranges

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from transformers import PreTrainedConfig

    from ctr_export.chunks import Chunk


@dataclass(frozen=True, slots=True)
class Material:
    """What a candidate is made from.

    Attributes:
        plain: the plain float32 graph.
        config: the model's.
        range_chunks: held-out rows, for the ranges of activations.
    """

    plain: Path
    config: PreTrainedConfig
    range_chunks: Sequence[Chunk]


def make_graph(precision: str, material: Material, target: Path) -> None:
    """Write a candidate's graph to `target`.

    Raises:
        KeyError: the precision is not made from the plain graph.
    """
    MAKERS[precision](material, target)


def _fused(material: Material, target: Path) -> None:
    fuse(material.plain, target, material.config)


def _token(material: Material, target: Path) -> None:
    quantize(material.plain, target, Scaling.TOKEN)


def _static(material: Material, target: Path) -> None:
    batches = (chunk.tensors for chunk in material.range_chunks)
    quantize(material.plain, target, Scaling.FIXED, activation_ranges(material.plain, batches))


def _dynamic(material: Material, target: Path) -> None:
    quantize(material.plain, target, Scaling.TENSOR)


MAKERS = {FUSED: _fused, TOKEN: _token, STATIC: _static, DYNAMIC: _dynamic}
"""Precision -> maker, for every candidate but the plain one."""
