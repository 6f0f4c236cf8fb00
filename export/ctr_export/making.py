"""How each candidate is made from the plain float32 graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctr_export.catalogue import DYNAMIC, FUSED, IR_SUFFIX, OPENVINO_STATIC, STATIC, TOKEN
from ctr_export.chunks import unpadded
from ctr_export.fusion import fuse
from ctr_export.int8 import Scaling, quantize
from ctr_export.nncf_int8 import quantize_for_openvino
from ctr_export.ranges import activation_ranges

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
        config: the model's.
        range_chunks: held-out rows, for the ranges of activations.
    """

    plain: Path
    config: PreTrainedConfig
    range_chunks: Sequence[Chunk]


def make_graph(name: str, material: Material, folder: Path) -> Path:
    """Write a candidate's graph into a folder; return its file.

    Raises:
        EngineUnavailableError: what makes it is not installed.
        KeyError: the candidate is not made from the plain graph.
    """
    suffix = IR_SUFFIX if name == OPENVINO_STATIC else ONNX_SUFFIX
    target = folder / f"{name.replace('/', '.')}{suffix}"
    MAKERS[name](material, target)
    return target


def _fused(material: Material, target: Path) -> None:
    fuse(material.plain, target, material.config)


def _token(material: Material, target: Path) -> None:
    quantize(material.plain, target, Scaling.TOKEN)


def _static(material: Material, target: Path) -> None:
    batches = (chunk.tensors for chunk in material.range_chunks)
    quantize(material.plain, target, Scaling.FIXED, activation_ranges(material.plain, batches))


def _dynamic(material: Material, target: Path) -> None:
    quantize(material.plain, target, Scaling.TENSOR)


def _openvino_static(material: Material, target: Path) -> None:
    quantize_for_openvino(material.plain, target, unpadded(material.range_chunks))


MAKERS = {
    FUSED: _fused,
    TOKEN: _token,
    STATIC: _static,
    DYNAMIC: _dynamic,
    OPENVINO_STATIC: _openvino_static,
}
"""Candidate's name -> maker, for every one with a file of its own but the plain one."""
