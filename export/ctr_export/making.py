"""How each candidate is made from a float32 graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_export.catalogue import (
    DYNAMIC,
    FUSED,
    IR_SUFFIX,
    OPENVINO_STATIC,
    PLAIN,
    STATIC,
    TOKEN,
    UNPADDED,
)
from ctr_export.chunks import unpadded
from ctr_export.fusion import fuse
from ctr_export.int8 import Scaling, quantize
from ctr_export.nncf_int8 import quantize_for_openvino
from ctr_export.ranges import activation_ranges
from ctr_export.saturation import HALF_RANGE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from transformers import PreTrainedConfig

    from ctr_export.chunks import Chunk


ONNX_SUFFIX = ".onnx"


@dataclass(frozen=True, slots=True)
class Material:
    """What a candidate is made from.

    Attributes:
        plain: the plain float32 graph.
        source: the one that skips padding, where the model has one; else the plain one again.
        config: the model's.
        range_chunks: held-out rows, for the ranges of activations.
        weight_limit: largest absolute value of an 8-bit weight; see `saturation.py`.
    """

    plain: Path
    source: Path
    config: PreTrainedConfig
    range_chunks: Sequence[Chunk]
    weight_limit: int

    @property
    def files(self) -> dict[str, Path]:
        """Candidates whose graphs are here already."""
        return {PLAIN: self.plain, UNPADDED: self.source}

    @property
    def skips_padding(self) -> bool:
        """Whether what is made from `source` does."""
        return self.source != self.plain


def make_graph(name: str, material: Material, folder: Path) -> Path:
    """Write a candidate's graph into a folder; return its file.

    Raises:
        EngineUnavailableError: what makes it is not installed.
        KeyError: the candidate is not made from another graph.
    """
    suffix = IR_SUFFIX if name == OPENVINO_STATIC else ONNX_SUFFIX
    target = folder / f"{name.replace('/', '.')}{suffix}"
    MAKERS[name](material, target)
    return target


def _fused(material: Material, target: Path) -> None:
    fuse(material.plain, target, material.config)


def _token(material: Material, target: Path) -> None:
    quantize(material.source, target, Scaling.TOKEN, weight_limit=material.weight_limit)


def _static(material: Material, target: Path) -> None:
    batches = (chunk.tensors for chunk in material.range_chunks)
    ranges = activation_ranges(material.source, batches)
    quantize(material.source, target, Scaling.FIXED, ranges, weight_limit=material.weight_limit)


def _dynamic(material: Material, target: Path) -> None:
    quantize(material.source, target, Scaling.TENSOR, weight_limit=material.weight_limit)


def _openvino_static(material: Material, target: Path) -> None:
    quantize_for_openvino(
        material.source,
        target,
        unpadded(material.range_chunks),
        half_range=material.weight_limit == HALF_RANGE,
    )


MAKERS = {
    FUSED: _fused,
    TOKEN: _token,
    STATIC: _static,
    DYNAMIC: _dynamic,
    OPENVINO_STATIC: _openvino_static,
}
"""Candidate's name -> maker, for every one that is made from another graph."""
