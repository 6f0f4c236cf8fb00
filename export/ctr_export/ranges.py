"""Ranges of activations, seen while calibration rows run through the float32 graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime as ort

from ctr_export.products import constant_products
from ctr_service.backend.base import LENGTHS
from ctr_service.backend.onnx_session import CPU_PROVIDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ChannelRange:
    """The lowest and highest value of each channel of an activation, float32 [channels]."""

    low: NDArray[np.float32]
    high: NDArray[np.float32]

    def widened(self, other: ChannelRange) -> ChannelRange:
        """Return the range that holds both."""
        return ChannelRange(np.minimum(self.low, other.low), np.maximum(self.high, other.high))


def activation_ranges(
    source: Path, batches: Iterable[Mapping[str, NDArray[np.generic]]]
) -> dict[str, ChannelRange]:
    """Return the range of each activation that meets a constant weight; padding does not count.

    Args:
        source: the float32 graph.
        batches: at least one; the graph's inputs by name.
    """
    model = onnx.load(str(source))
    names = list(dict.fromkeys(node.input[0] for node in constant_products(model)))
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = ort.InferenceSession(model.SerializeToString(), providers=[CPU_PROVIDER])
    seen: dict[str, ChannelRange] = {}
    for tensors in batches:
        for name, values in zip(names, session.run(names, dict(tensors)), strict=True):
            real = _real(values, tensors[LENGTHS])
            one = ChannelRange(real.min(axis=0), real.max(axis=0))
            seen[name] = seen[name].widened(one) if name in seen else one
    return seen


def _real(values: NDArray[np.float32], lengths: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return the values of real tokens, [tokens, channels].

    Args:
        values: [rows, length or 1, channels]; of a graph that skips padding [1, tokens, channels]
            and [1, rows, channels].
        lengths: [rows].
    """
    if len(values) != len(lengths):
        found: NDArray[np.float32] = values[0]
        return found
    at = np.arange(values.shape[1])[None, :]
    return values[at < np.asarray(lengths)[:, None]]
